//! Real servers for the tests of this workspace, and a proxy that makes their answers go wrong.
//!
//! Servers listen on loopback, and end with the value that stands for them. What is not installed makes a test skip on a
//! developer's machine, and fail in CI; `cargo xtask tools` installs it.

#![allow(clippy::print_stdout, clippy::missing_panics_doc, clippy::expect_used, reason = "it is for tests")]

mod aimock;
mod child;
mod faults;
mod llama;
mod mcp;

use std::path::PathBuf;

pub use aimock::Aimock;
pub use faults::{Fault, FaultProxy};
pub use llama::{Llama, Model};
pub use mcp::{McpCommand, McpHttp};

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether something is installed. Where not, the test says that it is skipped, but in CI it fails.
fn installed(marker: &std::path::Path) -> bool {
    if marker.exists() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not installed", marker.display());
    println!("skipped: {} is not there; `cargo xtask tools` installs it", marker.display());
    false
}
