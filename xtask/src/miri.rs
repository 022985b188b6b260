//! orch-core under Miri: it has no unsafe code, and what it stands on has.

use std::process::Command;

use crate::{Failure, nightly, root, run};

/// The tests that run futures; the others start programs, or fit routers, which takes an interpreter hours.
const TESTS: [&str; 6] = ["workflow::", "fan_out::", "pipeline::", "errors::", "observers::", "natural::"];

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
    let mut miri = nightly::cargo();
    miri.args(["miri", "test", "--quiet", "--package", "orch-core", "--test", "it"]);
    miri.args(["--target-dir", "target/miri", "--"]).args(TESTS);
    // Tests read the clock and spawn threads.
    run(miri.env("MIRIFLAGS", "-Zmiri-disable-isolation"))
}
