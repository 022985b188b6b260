//! Suites as a test target: what `eval_main!` runs.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::gate::Ruling;
use crate::suite::{Report, Suite, SuiteError, flag};

/// Makes a test target of suites: `cargo test`, `cargo nextest run` and `cargo orch eval` run it.
///
/// In `Cargo.toml`, the target has `harness = false`. See [`Suite`] for an example.
#[macro_export]
macro_rules! eval_main {
    ($($suite:expr),+ $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::run_suites(::std::vec![$($suite),+])
        }
    };
}

/// Runs suites as the command line and the environment ask: as tests, or, when `cargo orch eval` is the caller,
/// as one report.
#[must_use]
pub fn run_suites(suites: Vec<Suite>) -> ExitCode {
    // A process that is counted runs nothing but the suite that asked for it; the others find out by their names.
    if std::env::var_os("ORCH_COUNT").is_some() {
        let counted = |suite: &Suite| matches!(suite.run(), Err(SuiteError::Counted));
        let name = std::env::var("ORCH_COUNT").unwrap_or_default();
        let found = suites.iter().find(|suite| suite.name() == name);
        return if found.is_some_and(counted) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if std::env::var_os("ORCH_EVAL").is_some() {
        return report(&suites);
    }
    let arguments = Arguments::from_args();
    let trials = suites.into_iter().map(|suite| {
        Trial::test(suite.name().to_owned(), move || match suite.run() {
            Ok(report) => {
                show(&report.terminal());
                match report.verdict {
                    Ruling::Pass => Ok(()),
                    Ruling::Inconclusive if !flag("ORCH_STRICT") => Ok(()),
                    other => Err(Failed::from(format!("the verdict is: {}", other.word()))),
                }
            }
            Err(error) => Err(Failed::from(error.to_string())),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Prints reports for a person, or one JSON document, and exits with the code the verdict asks for.
fn report(suites: &[Suite]) -> ExitCode {
    let (json, strict) = (flag("ORCH_JSON"), flag("ORCH_STRICT"));
    let wanted = std::env::var("ORCH_SUITE").ok();
    let (mut worst, mut failed) = (Ruling::Pass, 0);
    let mut reports: Vec<Report> = Vec::new();
    for suite in suites.iter().filter(|suite| wanted.as_deref().is_none_or(|wanted| wanted == suite.name())) {
        match suite.run() {
            Ok(report) => {
                worst = worst.max(report.verdict);
                if !json {
                    show(&report.terminal());
                }
                reports.push(report);
            }
            Err(error) => {
                // The others may still have something to say.
                complain(&format!("{}: {error}", suite.name()));
                failed = failed.max(error.exit_code());
            }
        }
    }
    if json {
        match serde_json::to_string(&reports) {
            Ok(document) => show(&format!("{document}\n")),
            Err(error) => {
                complain(&format!("the report cannot be written as JSON: {error}"));
                return ExitCode::from(4);
            }
        }
    }
    ExitCode::from(if failed > 0 { failed } else { worst.exit_code(strict) })
}

/// Writes to standard output; a closed pipe is no reason to fail.
fn show(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "error: {text}");
}
