//! rust-analyzer, spoken to over its own protocol.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PRELUDE;

/// A conversation with rust-analyzer.
pub(super) struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    uri: String,
    version: i32,
}

impl Server {
    /// A server that has read the project and loaded its macros, with the project's one source open.
    pub(super) fn ready() -> Self {
        let folder = project();
        let mut server = Self::spawn(&folder);
        let root = format!("file://{}", folder.display());
        server.uri = format!("{root}/src/lib.rs");
        server.request(
            "initialize",
            json!({
                "processId": null,
                "rootUri": root,
                "capabilities": {"experimental": {"serverStatusNotification": true}},
                "initializationOptions": {
                    "checkOnSave": false,
                    "cachePriming": {"enable": false},
                    "cargo": {"buildScripts": {"enable": true}},
                    "procMacro": {"enable": true},
                    "completion": {"limit": null},
                },
            }),
        );
        server.notify("initialized", json!({}));
        let document = json!({"uri": server.uri, "languageId": "rust", "version": 0, "text": PRELUDE});
        server.notify("textDocument/didOpen", json!({"textDocument": document}));
        // Ready when the proc macros have been built and loaded.
        server.wait(Duration::from_mins(4), |message| {
            message["method"] == "experimental/serverStatus" && message["params"]["quiescent"] == true
        });
        server
    }

    /// Asks `method` about the place `offset` in the source, which is now `text`.
    pub(super) fn ask(&mut self, method: &str, text: &str, offset: usize) -> Value {
        self.version += 1;
        let (uri, version) = (self.uri.clone(), self.version);
        self.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}),
        );
        let position = position(text, offset);
        let mut reply = self.request(method, json!({"textDocument": {"uri": uri}, "position": position}));
        reply["result"].take()
    }

    fn spawn(folder: &Path) -> Self {
        let mut child = Command::new("rust-analyzer")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("rust-analyzer starts; `rustup component add rust-analyzer` installs it");
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self { child, input, messages, next: 0, uri: String::new(), version: 0 }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait(Duration::from_mins(2), |message| message["id"] == id && message.get("method").is_none())
    }

    /// Waits for a message, answering what the server asks meanwhile.
    fn wait(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + limit;
        loop {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => {
                    if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
                        let reply = json!({"jsonrpc": "2.0", "id": id, "result": null});
                        self.send(&reply);
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("rust-analyzer said nothing of it in {limit:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("rust-analyzer ended"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// A crate that uses orch-core, with its own lock on the workspace's target folder.
fn project() -> PathBuf {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = core.parent().unwrap().join("target");
    let folder = target.join("completion");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"half-written\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\norch-core = {{ path = \"{}\" }}\n\n[workspace]\n",
        core.display()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(core.parent().unwrap().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    std::fs::write(folder.join("src/lib.rs"), PRELUDE).unwrap();
    folder
}

fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let character = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    json!({"line": line, "character": character})
}
