//! The nightly compiler, which libFuzzer and Miri need.

use std::process::Command;

use crate::{Failure, root, run};

/// Installs it where there is none.
pub(crate) fn install() -> Result<(), Failure> {
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let listed = listed.map_err(|error| format!("rustup cannot be run: {error}"))?;
    if String::from_utf8_lossy(&listed.stdout).lines().any(|line| line.starts_with("nightly")) {
        return Ok(());
    }
    run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"]))
}

/// Its cargo. The workspace's own toolchain stands in the environment of its tasks, and must not reach it.
pub(crate) fn cargo() -> Command {
    let mut rustup = Command::new("rustup");
    rustup.current_dir(root()).args(["run", "nightly", "cargo"]);
    rustup.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    rustup
}
