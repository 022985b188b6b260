//! A proxy in front of a server, that makes its answers go wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nothing comes for so long; then what should.
    Slow(Duration),
    /// The connection closes after so many bytes of the answer's body.
    CutAfter(usize),
    /// Another status, with a `retry-after` in seconds where there is one.
    Status(u16, Option<u32>),
    /// 200, and a body that is no JSON.
    MalformedJson,
    /// 200, and JSON whose values have other types.
    WrongTypes,
    /// 200, and events without end.
    EndlessStream,
    /// 200, and one line without end.
    EndlessLine,
    /// 200, and a body of so many bytes.
    Oversized(usize),
}

/// The proxy. It ends with the test.
#[derive(Debug)]
pub struct FaultProxy {
    base: String,
    fault: Arc<Mutex<Fault>>,
}

impl FaultProxy {
    /// A proxy in front of a server, given by its address with or without a path, such as `http://127.0.0.1:8081/v1`.
    #[must_use]
    pub fn before(base: &str) -> Self {
        let rest = base.strip_prefix("http://").expect("it is on loopback");
        let (host, path) =
            rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
        let upstream: SocketAddr = host.parse().expect("it is an address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let base = format!("http://{}{path}", listener.local_addr().expect("it is bound"));
        let fault = Arc::new(Mutex::new(Fault::None));
        let now = Arc::clone(&fault);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let fault = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // Whoever leaves in the middle is one of the things that are tested.
                std::thread::spawn(move || drop(answer(client, upstream, &fault)));
            }
        });
        Self { base, fault }
    }

    /// The address to ask instead of the server's.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// From now on this goes wrong.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

fn answer(mut client: TcpStream, upstream: SocketAddr, fault: &Fault) -> std::io::Result<()> {
    let request = request(&mut client)?;
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    match fault {
        Fault::None => forward(&mut client, upstream, &request, usize::MAX),
        Fault::Slow(wait) => {
            std::thread::sleep(*wait);
            forward(&mut client, upstream, &request, usize::MAX)
        }
        Fault::CutAfter(bytes) => forward(&mut client, upstream, &request, *bytes),
        Fault::Status(status, wait) => {
            let wait = wait.map_or(String::new(), |wait| format!("retry-after: {wait}\r\n"));
            let body = r#"{"error": {"message": "no"}}"#;
            write!(
                client,
                "HTTP/1.1 {status} No\r\n{wait}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        }
        Fault::MalformedJson => body(&mut client, json, "{\"choices\": [{\"message\": {\"content\": \"hel"),
        Fault::WrongTypes => body(&mut client, json, r#"{"choices": {"message": 3}, "usage": "many"}"#),
        Fault::EndlessStream => {
            client.write_all(events.as_bytes())?;
            let event = r#"{"choices": [{"index": 0, "delta": {"content": "and then "}}]}"#;
            let event = format!("data: {event}\n\n").repeat(1_000);
            loop {
                client.write_all(event.as_bytes())?;
            }
        }
        Fault::EndlessLine => {
            write!(client, "{events}data: ")?;
            loop {
                client.write_all(&[b'x'; 1 << 14])?;
            }
        }
        Fault::Oversized(bytes) => {
            write!(client, "{json}content-length: {}\r\n\r\n", bytes + 2)?;
            client.write_all(b"\"")?;
            for _ in 0..bytes.div_ceil(1 << 14) {
                client.write_all(&[b'x'; 1 << 14])?;
            }
            client.write_all(b"\"")
        }
    }
}

fn body(client: &mut TcpStream, head: &str, body: &str) -> std::io::Result<()> {
    write!(client, "{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// A whole request, with a head that asks for the connection to be closed after the answer.
fn request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1 << 14];
    let head = loop {
        let count = client.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length =
        |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok();
    let length = text.lines().find_map(length).unwrap_or(0);
    while bytes.len() < head + length {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
    let kept =
        text.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"));
    let mut request = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
    request.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
    request.extend_from_slice(&bytes[head..]);
    Ok(request)
}

/// Passes the answer on, up to so many bytes of its body.
fn forward(
    client: &mut TcpStream,
    upstream: SocketAddr,
    request: &[u8],
    limit: usize,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(request)?;
    let (mut head, mut passed) = (Vec::new(), None);
    let mut buffer = [0; 1 << 12];
    loop {
        let count = server.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let mut piece = &buffer[..count];
        if passed.is_none() {
            head.extend_from_slice(piece);
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            client.write_all(&head[..end + 4])?;
            passed = Some(0);
            head.drain(..end + 4);
            piece = &head;
        }
        let sent = passed.unwrap_or(0);
        let now = piece.len().min(limit - sent);
        client.write_all(&piece[..now])?;
        passed = Some(sent + now);
        if sent + now == limit {
            return Ok(());
        }
    }
}
