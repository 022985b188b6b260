//! Everything that must hold before a change lands.

use std::process::Command;
use std::time::Instant;

use crate::{Failure, cargo, cost, fuzz, in_ci, law, miri, nightly, root, run, say, tools, works};

/// A check by name.
type Check = (&'static str, fn() -> Result<(), Failure>);

const CHECKS: [Check; 13] = [
    ("tools", tools::install),
    ("format", || run(cargo().args(["fmt", "--all", "--check"]))),
    ("lints", || {
        run(cargo().args([
            "clippy",
            "--workspace",
            "--all-features",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("tests", tests),
    ("documentation tests", || {
        run(cargo().args(["test", "--workspace", "--all-features", "--doc", "--quiet"]))
    }),
    ("documentation", documentation),
    ("examples", examples),
    ("cost", || tools::valgrind().and_then(|valgrind| cost::run(&valgrind))),
    ("agents' cost", || run(cargo().args(["bench", "--quiet", "--package", "bench", "--bench", "agents"]))),
    ("law", || law::run_programs(0, law::PROGRAMS)),
    ("fuzz", || on_nightly(|| fuzz::run_all(None))),
    ("miri", || on_nightly(miri::run_all)),
    ("licences and duplicates", licences),
];

/// How the reason begins why a check has found nothing out.
const SKIPPED: &str = "skipped";

/// Runs every check, whatever the ones before found.
pub(crate) fn run_all() -> Result<(), Failure> {
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for (name, check) in CHECKS {
        say(&format!("=== {name}"));
        let start = Instant::now();
        match check() {
            Ok(()) => {
                passed += 1;
                say(&format!("=== {name}: passed in {:.0} s", start.elapsed().as_secs_f64()));
            }
            Err(failure) if failure.starts_with(SKIPPED) => {
                skipped += 1;
                say(&format!("=== {name}: {failure}"));
            }
            Err(failure) => {
                failed += 1;
                say(&format!("=== {name}: FAILED: {failure}"));
            }
        }
    }
    say(&format!("{passed} passed, {skipped} skipped, {failed} failed"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} checks failed", CHECKS.len())) }
}

/// A check that needs a nightly compiler. Who has none, and cannot get one, is told; in CI that is a failure.
fn on_nightly(check: fn() -> Result<(), Failure>) -> Result<(), Failure> {
    match nightly::install() {
        Err(failure) if !in_ci() => Err(format!("{SKIPPED} for want of a nightly compiler: {failure}")),
        Err(failure) => Err(failure),
        Ok(()) => check(),
    }
}

/// With nextest where it is installed: it runs tests of different binaries at the same time.
fn tests() -> Result<(), Failure> {
    if works("cargo-nextest", "--version") {
        run(cargo().args(["nextest", "run", "--workspace", "--all-features"]))
    } else {
        run(cargo().args(["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"]))
    }
}

/// The tests that ask a model of 1.5 billion weights, on one thread: a quarter of an hour.
pub(crate) fn long() -> Result<(), Failure> {
    let tests = ["--test", "it", "--", "--ignored", "--nocapture", "--test-threads=1", "long_"];
    run(cargo().args(["test", "--package", "orch-openai"]).args(tests))
}

/// Every example, as a newcomer runs it: without a server, from what was recorded. They are built together, or each would
/// build what they share once more, with the features it alone asks for.
fn examples() -> Result<(), Failure> {
    let folder = std::fs::read_dir(root().join("examples")).map_err(|error| error.to_string())?;
    let programs = folder.flatten().filter(|entry| entry.path().join("src/main.rs").exists());
    let mut examples: Vec<_> = programs.map(|entry| entry.file_name()).collect();
    examples.sort();
    let mut build = cargo();
    build.args(["build", "--release", "--quiet"]);
    for example in &examples {
        build.arg("--package").arg(example);
    }
    run(&mut build)?;
    for example in examples {
        let program = root().join("target/release").join(&example);
        run(Command::new(program).current_dir(root()))?;
    }
    Ok(())
}

fn documentation() -> Result<(), Failure> {
    run(cargo()
        .args(["doc", "--workspace", "--all-features", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}

fn licences() -> Result<(), Failure> {
    if works("cargo-deny", "--version") {
        return run(cargo().args(["deny", "check", "licenses", "bans"]));
    }
    Err(format!("{SKIPPED}: cargo-deny is not installed"))
}
