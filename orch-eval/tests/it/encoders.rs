//! Which encoder a router gets, and who is told the key.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use orch_core::router::Learned;
use orch_eval::Dataset;
use serde_json::{Value, json};

use crate::command::{code, errors, orch, text};
use crate::{file, tickets};

/// A server whose vectors count letters. It keeps the key each request came with.
pub(crate) struct Letters {
    pub(crate) base: String,
    keys: Arc<Mutex<Vec<Option<String>>>>,
}

impl Letters {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&keys);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &seen);
            }
        });
        Self { base, keys }
    }

    /// The keys of the requests since this was last asked.
    fn keys(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.keys.lock().unwrap())
    }
}

/// Keeps the key of one request for embeddings, and answers it.
fn answer(mut stream: TcpStream, keys: &Mutex<Vec<Option<String>>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut key, mut length) = (None, 0);
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
        match name.to_lowercase().as_str() {
            "authorization" => key = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    keys.lock().unwrap().push(key);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let vector = |text: &Value| -> Vec<usize> {
        let text = text.as_str().unwrap().to_lowercase();
        ('a'..='z').map(|letter| text.matches(letter).count()).collect()
    };
    let texts = request["input"].as_array().unwrap().iter().enumerate();
    let data: Vec<Value> =
        texts.map(|(index, text)| json!({"index": index, "embedding": vector(text)})).collect();
    let body = json!({"data": data}).to_string();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length";
    stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
}

#[test]
fn a_key_goes_to_a_server_that_is_named_and_to_none_that_only_a_file_names() {
    let server = Letters::start();
    let place = format!("{}#letters", server.base);
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    let with_key = |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-orch"));
        command.arg("orch").args(arguments).env("ORCH_API_KEY", "sk-told").output().unwrap()
    };
    let told = Some("Bearer sk-told".to_owned());
    let fitted =
        with_key(&["fit", text(&data), "-o", text(&router), "--router", "semantic", "--encoder", &place]);
    assert_eq!(code(&fitted), 0, "{}", errors(&fitted));
    let keys = server.keys();
    assert!(!keys.is_empty() && keys.iter().all(|key| *key == told), "{keys:?}");

    let score = |more: &[&str]| with_key(&[&["score", text(&router), text(&data)], more].concat());
    assert_eq!(code(&score(&[])), 0);
    let keys = server.keys();
    assert!(!keys.is_empty() && keys.iter().all(Option::is_none), "{keys:?}");
    assert_eq!(code(&score(&["--encoder", &place])), 0);
    assert!(server.keys().contains(&told));
}

#[test]
fn a_router_of_words_takes_no_encoder() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    for kind in ["learned", "keyword"] {
        let fit =
            orch(&["fit", text(&data), "-o", text(&router), "--router", kind, "--encoder", "models/minilm"]);
        assert!(code(&fit) == 2 && errors(&fit).contains("reads words alone"), "{}", errors(&fit));
    }
    assert!(!router.exists());
}

#[test]
fn a_program_fits_the_router_that_the_command_fits() {
    let mut rows = tickets();
    for (input, label) in
        [("my invoice has a wrong card", "billing"), ("the app shows an error", "technical")]
    {
        let row = json!({"input": input, "label": label, "split": "val"});
        rows += &format!("{row}\n");
    }
    let (folder, data) = file("tickets.jsonl", rows);
    let by_command = folder.path().join("router.orch");
    assert_eq!(code(&orch(&["fit", text(&data), "-o", text(&by_command)])), 0);
    let examples = Dataset::load(Path::new(&data)).unwrap().examples::<String>().unwrap();
    assert!(examples.iter().any(|example| example.held_out));
    assert_eq!(Learned::fit(&examples).unwrap().to_bytes(), std::fs::read(&by_command).unwrap());
}
