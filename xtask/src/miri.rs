//! orch-core under Miri: its one module with unsafe code, and what it stands on.

use std::process::Command;

use crate::{Failure, nightly, on_all_cores, root, run};

/// What the interpreter runs.
enum Job {
    /// Tests that run futures, by their modules; the others start programs, or fit routers, which takes an interpreter hours.
    Futures(&'static [&'static str]),
    /// The loops compiled for a processor with these features: that crate alone, or all it needs would be built for each.
    Loops(&'static str),
}

/// Those that take long first.
const JOBS: [Job; 7] = [
    Job::Futures(&["observers::", "errors::"]),
    Job::Futures(&["fan_out::", "pipeline::"]),
    Job::Futures(&["workflow::", "natural::"]),
    Job::Loops(""),
    Job::Loops("+avx2"),
    Job::Loops("+avx2,+avx512f,+avx512bw,+avx512vl"),
    Job::Loops("+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni"),
];

pub(crate) fn run_all() -> Result<(), Failure> {
    nightly::install()?;
    run(Command::new("rustup").current_dir(root()).args([
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ]))?;
    // Built once, so that no job waits for another to build the same.
    run(&mut test(&["--test", "it", "--no-run"]))?;
    on_all_cores(&JOBS, |job| match job {
        // Tests read the clock and spawn threads.
        Job::Futures(modules) => {
            run(test(&["--test", "it", "--"]).args(*modules).env("MIRIFLAGS", "-Zmiri-disable-isolation"))
        }
        Job::Loops(features) => {
            let flags = format!("profile.dev.package.orch-core.rustflags=['-Ctarget-feature={features}']");
            run(&mut test(&["-Zprofile-rustflags", "--config", &flags, "--lib", "--", "simd::"]))
        }
    })
}

/// A run of orch-core's tests by the interpreter.
fn test(arguments: &[&str]) -> Command {
    let mut miri = nightly::cargo();
    miri.args(["miri", "test", "--quiet", "--package", "orch-core", "--target-dir", "target/miri"])
        .args(arguments);
    // A backtrace takes an interpreter a quarter of a minute; what is set when a test is built counts too.
    miri.env("RUST_BACKTRACE", "0");
    miri
}
