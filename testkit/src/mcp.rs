//! The Model Context Protocol's two reference servers.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

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
        let script = package("server-everything")?.join("dist/index.js");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a port is free")
            .port();
        Some(Self::on(port, script))
    }

    /// Starts it again where it was.
    #[must_use]
    pub fn again(self) -> Self {
        let script = package("server-everything").expect("it was there").join("dist/index.js");
        let port = self
            .url
            .trim_end_matches("/mcp")
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        drop(self);
        Self::on(port, script)
    }

    fn on(port: u16, script: PathBuf) -> Self {
        let mut command = Command::new("node");
        command.arg(script).arg("streamableHttp").env("PORT", port.to_string());
        let (process, _) = Running::until(&mut command, "listening on port");
        Self { _process: process, url: format!("http://127.0.0.1:{port}/mcp") }
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn package(name: &str) -> Option<PathBuf> {
    let folder = crate::root().join("target/tools/mcp/node_modules/@modelcontextprotocol").join(name);
    crate::installed(&folder.join("package.json")).then_some(folder)
}
