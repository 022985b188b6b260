//! Half-written input still completes: rust-analyzer, asked over its own protocol, inside each macro.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The cursor in a source.
const CURSOR: &str = "/*cursor*/";

const PRELUDE: &str = "
use orch_core::{Result, Route, fan_out, pipeline, route, workflow};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent { Billing, #[route(default)] Other }

struct Desk { knowledge: Knowledge }
struct Knowledge;
impl Knowledge {
    async fn search(&self, text: &str) -> Result<String> { Ok(text.to_owned()) }
}
async fn handle(desk: &Desk, text: &str) -> Result<String> { desk.knowledge.search(text).await }
";

/// What is being written, and what must be offered at the cursor.
const SOURCES: [(&str, &str, &str); 9] = [
    (
        "workflow: a member",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = desk./*cursor*/
        let more = handle(desk, text).await?;
        Ok(more)
    }
);",
        "knowledge",
    ),
    (
        "workflow: a member of a step's value",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(desk, text).await?;
        let size = notes./*cursor*/;
        Ok(notes)
    }
);",
        "len",
    ),
    (
        "workflow: a method, half typed",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let first = handle(desk, text).await?;
        let notes = desk.knowledge.sea/*cursor*/
        Ok(first)
    }
);",
        "search",
    ),
    (
        "workflow: a variable",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(desk, text).await?;
        let more = handle(desk, &no/*cursor*/).await?;
        Ok(more)
    }
);",
        "notes",
    ),
    (
        "route: a variant",
        "async fn go(intent: Intent, desk: &Desk) -> Result<String> {
    route!(match intent {
        Intent::Billing => handle(desk, \"a\"),
        Intent::/*cursor*/
    }).await
}",
        "Other",
    ),
    (
        "route: an arm",
        "async fn go(intent: Intent, desk: &Desk) -> Result<String> {
    route!(match intent {
        Intent::Billing => desk./*cursor*/
        Intent::Other => handle(desk, \"a\"),
    }).await
}",
        "knowledge",
    ),
    (
        "fan_out: a branch",
        "async fn go(desk: &Desk) -> Result<String> {
    let both = fan_out!(left = handle(desk, \"a\"), right = desk./*cursor*/).await?;
    Ok(both.left)
}",
        "knowledge",
    ),
    (
        "fan_out: the body of a map",
        "async fn go(desk: &Desk, texts: Vec<String>) -> Result<Vec<String>> {
    fan_out!(for text in &texts { handle(desk, text./*cursor*/) }).await
}",
        "as_str",
    ),
    (
        "pipeline: a stage",
        "fn go(desk: &Desk) {
    let chain = pipeline!(desk.knowledge./*cursor*/, |text: String| async move { Result::Ok(text) });
}",
        "search",
    ),
];

/// A conversation with rust-analyzer.
struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
}

impl Server {
    fn start(folder: &Path) -> Self {
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
        Self { child, input, messages, next: 0 }
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

#[test]
fn half_written_input_completes() {
    let folder = project();
    let mut server = Server::start(&folder);
    let root = format!("file://{}", folder.display());
    let uri = format!("{root}/src/lib.rs");
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
    let document = |text: &str, version: i32| json!({"uri": uri, "languageId": "rust", "version": version, "text": text});
    server.notify("textDocument/didOpen", json!({"textDocument": document(PRELUDE, 0)}));
    // Ready when the proc macros have been built and loaded.
    server.wait(Duration::from_mins(4), |message| {
        message["method"] == "experimental/serverStatus" && message["params"]["quiescent"] == true
    });

    let mut missing = Vec::new();
    for (version, (what, source, wanted)) in (1..).zip(SOURCES) {
        let whole = format!("{PRELUDE}\n{source}\n");
        let offset = whole.find(CURSOR).unwrap();
        let text = whole.replace(CURSOR, "");
        server.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}),
        );
        let reply = server.request(
            "textDocument/completion",
            json!({"textDocument": {"uri": uri}, "position": position(&text, offset)}),
        );
        let result = &reply["result"];
        let items = result.get("items").unwrap_or(result).as_array().cloned().unwrap_or_default();
        let labels: Vec<&str> = items.iter().filter_map(|item| item["label"].as_str()).collect();
        if !labels.iter().any(|label| label.split(['(', ' ', '…']).next() == Some(wanted)) {
            missing.push(format!(
                "{what}: `{wanted}` is not among {} offers: {:?}",
                labels.len(),
                &labels[..labels.len().min(8)]
            ));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
