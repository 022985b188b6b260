//! The providers' own protocols, answered from fixtures.

use std::process::{Command, Stdio};

use crate::child::Running;

/// `@copilotkit/aimock` with the fixtures of `xtask/aimock`.
#[derive(Debug)]
pub struct Aimock {
    _process: Running,
    base: String,
}

impl Aimock {
    /// Starts it, where it is installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let folder = crate::root().join("target/tools/aimock");
        if !crate::installed(&folder.join("node_modules/@copilotkit/aimock/package.json")) {
            return None;
        }
        let mut command = Command::new("node");
        // It ends when its input does; so it must have one.
        command.arg("serve.mjs").current_dir(folder).stdin(Stdio::piped());
        let (process, base) = Running::until(&mut command, "ready ");
        Some(Self { _process: process, base })
    }

    /// Its address, without a path.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}
