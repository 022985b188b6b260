//! orch-core under Miri: it has no unsafe code, and what it stands on has.

use std::process::Command;

use crate::{Failure, fuzz, root, run};

/// The tests that run futures; the others start programs, or fit routers, which takes an interpreter hours.
const TESTS: [&str; 6] = ["workflow::", "fan_out::", "pipeline::", "errors::", "observers::", "natural::"];

pub(crate) fn run_all() -> Result<(), Failure> {
    fuzz::nightly()?;
    run(Command::new("rustup").current_dir(root()).args([
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ]))?;
    let mut miri = Command::new("rustup");
    miri.current_dir(root()).args(["run", "nightly", "cargo", "miri", "test", "--quiet"]);
    miri.args(["--package", "orch-core", "--test", "it", "--target-dir", "target/miri", "--"]).args(TESTS);
    // Tests read the clock and spawn threads.
    miri.env("MIRIFLAGS", "-Zmiri-disable-isolation").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    run(miri.env_remove("RUSTC"))
}
