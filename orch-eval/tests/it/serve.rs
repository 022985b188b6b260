//! `cargo orch serve`, over real connections.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{code, orch, text};
#[cfg(feature = "embed")]
use crate::encoders::Letters;
use crate::{file, tickets};

/// A server, ended with the test.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(router: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cargo-orch"))
            .args(["orch", "serve", text(router), "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address }
    }

    /// Status and body of a request.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // The server may answer, and close, before it has read a body it refuses.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    fn route(&self, input: &str) -> Value {
        let (status, body) = self.ask("POST", "/route", &json!({"input": input}).to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn a_router_answers_over_http() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    assert_eq!(code(&orch(&["fit", text(&data), "-o", text(&router), "--abstain-at", "0"])), 0);
    let server = Server::start(&router);

    assert_eq!(server.route("the app crashes on start")["route"], "technical");
    let (status, body) = server.ask("POST", "/batch", r#"{"inputs": ["wrong invoice", "", "🙂"]}"#);
    let answers: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, answers.as_array().unwrap().len()), (200, 3));
    assert_eq!(answers[0]["route"], "billing");
    // Ten megabytes are an input like any other; more than the limit, half a document and another shape are refused.
    assert!(server.route(&"refund ".repeat(10_000_000 / 7))["confidence"].is_number());
    let huge = format!("{{\"input\": \"{}\"}}", "x".repeat(20 << 20));
    for (body, expected) in
        [(huge.as_str(), 413), ("{\"input\": ", 400), ("{\"text\": \"a\"}", 422), ("[1]", 422)]
    {
        let (status, _) = server.ask("POST", "/route", body);
        assert!(status == expected || (status == 0 && expected == 413), "{status} for {expected}");
    }
    let many = json!({"inputs": vec!["a"; 1_001]}).to_string();
    assert_eq!(server.ask("POST", "/batch", &many).0, 413);
    assert_eq!(server.ask("GET", "/route", "").0, 405);
    assert_eq!(server.ask("GET", "/nowhere", "").0, 404);
    let (status, health) = server.ask("GET", "/health", "");
    assert!(status == 200 && health.contains("\"routes\":2"), "{health}");
    // A router of words reads one message, and tells one route.
    let (status, body) = server.ask("POST", "/route", r#"{"input": "why", "before": ["refund"]}"#);
    assert!(status == 501 && body.contains("--encoder"), "{status}: {body}");
    let (status, body) = server.ask("POST", "/several", r#"{"input": "refund"}"#);
    assert!(status == 501 && body.contains("--router semantic"), "{status}: {body}");
    let (_, metrics) = server.ask("GET", "/metrics", "");
    assert!(metrics.contains("orch_decisions_total{outcome=\"routed\"} 5"), "{metrics}");
    assert!(metrics.contains("orch_decision_seconds_count 5"), "{metrics}");

    let refused = |metrics: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix("orch_requests_refused_total "));
        line.unwrap().parse().unwrap()
    };
    let refused_before = refused(&metrics);
    // Sixty-four requests that never end keep others from being worked on, but not from being told of.
    let hold = || {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let head = "POST /route HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut held: Vec<TcpStream> = (0..64).map(|_| hold()).collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.ask("POST", "/route", r#"{"input": "refund"}"#).0 != 503 {
        assert!(Instant::now() < deadline, "all are still let in");
        // One that came while this request had a place was told to come back.
        held.push(hold());
    }
    assert_eq!(server.ask("GET", "/health", "").0, 200);
    let (status, metrics) = server.ask("GET", "/metrics", "");
    assert!(status == 200 && refused(&metrics) > refused_before, "{metrics}");
    drop(held);
}

#[cfg(feature = "embed")]
#[test]
fn likeness_tells_several_routes_and_reads_what_was_said_before() {
    let letters = Letters::start();
    let words = [("a", ["banana", "papaya", "cassava", "bandana", "lasagna"])];
    let words = words.into_iter().chain([("i", ["kiwi", "chili", "mini", "bikini", "tiki"])]);
    let rows = words.flat_map(|(label, words)| words.map(|word| json!({"input": word, "label": label})));
    let (folder, data) = file("fruit.jsonl", rows.map(|row| format!("{row}\n")).collect::<String>());
    let router = folder.path().join("router.orch");
    let encoder = format!("{}#letters", letters.base);
    let fit = ["fit", text(&data), "-o", text(&router), "--router", "semantic", "--encoder", &encoder];
    assert_eq!(code(&orch(&fit)), 0);
    let server = Server::start(&router);

    let several = |input: &str| -> Vec<Value> {
        let (status, body) = server.ask("POST", "/several", &json!({"input": input}).to_string());
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["routes"].as_array().unwrap().iter().map(|pair| pair[0].clone()).collect()
    };
    assert_eq!(several("banana papaya"), ["a"]);
    assert_eq!(several("banana chili kiwi papaya").len(), 2);
    assert!(several("xyz").is_empty());

    let in_context = |before: &str, weight: f32| {
        let body = json!({"input": "why", "before": [before], "weight": weight}).to_string();
        let (status, body) = server.ask("POST", "/route", &body);
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    for (before, route) in [("banana", "a"), ("kiwi kiwi", "i")] {
        let (status, decision) = in_context(before, 0.9);
        assert_eq!((status, &decision["ranking"][0][0]), (200, &json!(route)), "{decision}");
    }
    let (status, refused) = in_context("kiwi", 1.5);
    assert!(status == 422 && refused["error"].as_str().unwrap().contains("1.5"), "{refused}");
    let (_, metrics) = server.ask("GET", "/metrics", "");
    assert!(metrics.contains("orch_decision_seconds_count 5"), "{metrics}");
}
