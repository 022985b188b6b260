//! The Model Context Protocol's two reference servers.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::child::Running;

/// How to start a reference server that speaks on its standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpCommand {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl McpCommand {
    /// The server that has a bit of everything, where it is installed.
    #[must_use]
    pub fn everything() -> Option<Self> {
        let script = package("server-everything")?.join("dist/index.js");
        Some(Self {
            program: "node".to_owned(),
            arguments: vec![script.display().to_string(), "stdio".to_owned()],
        })
    }

    /// A server that does what the others never do: `xtask/mcp/odd.mjs`.
    #[must_use]
    pub fn odd() -> Option<Self> {
        package("server-everything")?;
        let script = folder().join("odd.mjs");
        Some(Self { program: "node".to_owned(), arguments: vec![script.display().to_string()] })
    }

    /// The server that reads and writes files inside a folder, where it is installed.
    #[must_use]
    pub fn filesystem(folder: &std::path::Path) -> Option<Self> {
        let script = package("server-filesystem")?.join("dist/index.js");
        let arguments = vec![script.display().to_string(), folder.display().to_string()];
        Some(Self { program: "node".to_owned(), arguments })
    }
}

/// The server that has a bit of everything, over streamable HTTP.
#[derive(Debug)]
pub struct McpHttp {
    _process: Running,
    url: String,
}

impl McpHttp {
    /// Starts it, where it is installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        package("server-everything")?;
        Some(Self::on("0"))
    }

    /// Ends it and starts it again where it was.
    #[must_use]
    pub fn again(self) -> Self {
        let port = self.url.trim_end_matches("/mcp").rsplit(':').next().unwrap_or_default().to_owned();
        drop(self);
        Self::on(&port)
    }

    fn on(port: &str) -> Self {
        let mut command = Command::new("node");
        // It ends when its input does; so it must have one.
        command.arg("serve.mjs").arg(port).current_dir(folder()).stdin(Stdio::piped());
        let (process, url) = Running::until(&mut command, "ready ");
        Self { _process: process, url }
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn folder() -> PathBuf {
    crate::root().join("target/tools/mcp")
}

fn package(name: &str) -> Option<PathBuf> {
    let package = folder().join("node_modules/@modelcontextprotocol").join(name);
    crate::installed(&package.join("package.json")).then_some(package)
}
