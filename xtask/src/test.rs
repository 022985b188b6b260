//! Everything that must hold before a change lands.

use std::process::Command;
use std::time::Instant;

use crate::{Failure, cargo, cost, fuzz, in_ci, law, miri, nightly, root, run, say, tools, works};

/// A check by name, and why it is skipped, if it is.
type Check = (&'static str, fn() -> Option<String>, fn() -> Result<(), Failure>);

const NEVER: fn() -> Option<String> = || None;

const CHECKS: [Check; 13] = [
    ("tools", NEVER, tools::install),
    ("format", NEVER, || run(cargo().args(["fmt", "--all", "--check"]))),
    ("lints", NEVER, || {
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
    ("tests", NEVER, tests),
    ("documentation tests", NEVER, || {
        run(cargo().args(["test", "--workspace", "--all-features", "--doc", "--quiet"]))
    }),
    ("documentation", NEVER, documentation),
    ("examples", NEVER, examples),
    ("cost", NEVER, || tools::valgrind().and_then(|valgrind| cost::run(&valgrind))),
    ("agents' cost", NEVER, || {
        // In the profile of `cost`, which has built what both need.
        run(cargo().args([
            "bench",
            "--quiet",
            "--profile",
            "measured",
            "--package",
            "bench",
            "--bench",
            "agents",
        ]))
    }),
    ("law", NEVER, || law::run_programs(0, law::SAMPLE)),
    ("fuzz", no_nightly, || fuzz::run_all(None)),
    ("miri", no_nightly, miri::run_all),
    ("licences and duplicates", no_cargo_deny, || run(cargo().args(["deny", "check", "licenses", "bans"]))),
];

/// Runs every check, whatever the ones before found.
pub(crate) fn run_all() -> Result<(), Failure> {
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for (name, is_skipped, check) in CHECKS {
        say(&format!("=== {name}"));
        if let Some(why) = is_skipped() {
            skipped += 1;
            say(&format!("=== {name}: skipped: {why}"));
            continue;
        }
        let start = Instant::now();
        match check() {
            Ok(()) => {
                passed += 1;
                say(&format!("=== {name}: passed in {:.0} s", start.elapsed().as_secs_f64()));
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

/// Who has no nightly compiler, and cannot get one, is told. In CI the check itself then fails for want of it.
fn no_nightly() -> Option<String> {
    nightly::install().err().filter(|_| !in_ci())
}

fn no_cargo_deny() -> Option<String> {
    (!works("cargo-deny", "--version")).then(|| "cargo-deny is not installed".to_owned())
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

/// Every example, as a newcomer runs it: without a server, from what was recorded. They are built as the tests were, so
/// that nothing they share is built again.
fn examples() -> Result<(), Failure> {
    let folder = std::fs::read_dir(root().join("examples")).map_err(|error| error.to_string())?;
    let programs = folder.flatten().filter(|entry| entry.path().join("src/main.rs").exists());
    let mut examples: Vec<_> = programs.map(|entry| entry.file_name()).collect();
    examples.sort();
    run(cargo().args(["build", "--workspace", "--all-features", "--bins", "--quiet"]))?;
    for example in examples {
        let program = root().join("target/debug").join(&example);
        run(Command::new(program).current_dir(root()))?;
    }
    Ok(())
}

fn documentation() -> Result<(), Failure> {
    run(cargo()
        .args(["doc", "--workspace", "--all-features", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}
