//! llama.cpp's server.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::child::Running;

/// llama.cpp's server with a real model, one thread.
#[derive(Debug)]
pub struct Llama {
    _process: Running,
    base: String,
}

/// A model the server can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// `SmolLM2`, 135 million weights: quick, and good for nothing but plumbing.
    SmolLm2,
    /// The same, for embeddings.
    SmolLm2Embeddings,
    /// Qwen2.5-Coder, 1.5 billion weights: for the long tests.
    Qwen,
}

impl Llama {
    /// Starts it, where it and the model are installed.
    #[must_use]
    pub fn start(model: Model) -> Option<Self> {
        let tools = crate::root().join("target/tools/llama");
        let (folder, kind) = match model {
            Model::SmolLm2 => ("smollm2", "chat"),
            Model::SmolLm2Embeddings => ("smollm2", "embedding"),
            Model::Qwen => ("qwen", "chat"),
        };
        let weights = crate::root().join("target/models").join(folder).join("model.gguf");
        if !crate::installed(&tools.join("ready")) || !crate::installed(&weights) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a port is free")
            .port();
        let mut command = Command::new(tools.join("bin/python"));
        command.arg(crate::root().join("xtask/llama/serve.py")).arg(weights).arg(port.to_string()).arg(kind);
        // It ends when this process does, however that comes.
        command.stdin(Stdio::piped());
        let (process, _) = Running::until(&mut command, "ready");
        Some(Self { _process: process, base: format!("http://127.0.0.1:{port}/v1") })
    }

    /// The address its paths are under.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}
