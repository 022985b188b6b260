//! What servers do wrong is a typed error or a recovery, and never a hang.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use orch_core::model::{
    ChatModel, ChatReply, ChatRequest, Fallback, Finish, Message, ModelError, ModelErrorKind, Piece,
    ScriptedModel,
};
use orch_core::{Error, Result, workflow};
use orch_openai::{Chat, Embeddings, Server};
use testkit::{Fault, FaultProxy, Llama, Model};

/// How long an answer may take here.
const LIMIT: Duration = Duration::from_secs(4);

fn hello() -> ChatRequest {
    ChatRequest::new(vec![Message::user("Tell me about the sea.")]).max_tokens(12)
}

fn kind(error: &Error) -> &ModelErrorKind {
    &error.downcast_ref::<ModelError>().unwrap_or_else(|| panic!("{error:?}")).kind
}

async fn streamed(model: &Chat) -> (usize, Option<Error>) {
    let request = hello();
    let mut pieces = std::pin::pin!(model.stream(&request));
    let mut count = 0;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(_) => count += 1,
            Err(error) => {
                assert!(pieces.next().await.is_none(), "an error is the last");
                return (count, Some(error));
            }
        }
    }
    (count, None)
}

workflow!(
    async fn patient(model: &Chat, request: &ChatRequest) -> Result<ChatReply> {
        #[retry(2, when = ModelError::is_transient)]
        let reply = model.chat(request).await?;
        Ok(reply)
    }
);

#[tokio::test]
async fn each_fault_is_a_typed_error_or_a_recovery() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let proxy = FaultProxy::before(llama.base());
    let model = Chat::new(Server::new(proxy.base()).with_key("sk-secret-key").with_timeout(LIMIT), "smollm2");
    let began = Instant::now();

    let reply = model.chat(&hello()).await.unwrap();
    assert!(!reply.text.is_empty());

    proxy.set(Fault::Status(429, Some(1)));
    let error = model.chat(&hello()).await.unwrap_err();
    assert_eq!(*kind(&error), ModelErrorKind::RateLimited { retry_after: Some(Duration::from_secs(1)) });
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    // A step waits as long as the server asks, and then gets its answer.
    let request = hello();
    let asking = patient(&model, &request);
    let healed = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.set(Fault::None);
    };
    let waited = Instant::now();
    let (answered, ()) = tokio::join!(asking, healed);
    answered.unwrap();
    assert!(waited.elapsed() >= Duration::from_secs(1));

    for (fault, expected) in [
        (Fault::Status(500, None), "refused with status 500"),
        (Fault::MalformedJson, "makes no sense"),
        (Fault::WrongTypes, "makes no sense"),
        (Fault::Oversized(40 << 20), "larger than"),
        (Fault::CutAfter(40), "no connection"),
        (Fault::Slow(LIMIT * 2), "no connection"),
    ] {
        proxy.set(fault.clone());
        let error = model.chat(&hello()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{fault:?}: {error}");
        kind(&error);
        assert!(!format!("{error} {error:?} {model:?}").contains("sk-secret-key"));
    }

    // In pieces: what came before is there, and the error after it.
    proxy.set(Fault::CutAfter(700));
    let (pieces, error) = streamed(&model).await;
    assert!(pieces > 0, "some pieces come before the cut");
    assert!(matches!(kind(&error.unwrap()), ModelErrorKind::CutShort | ModelErrorKind::Connection(_)));
    proxy.set(Fault::EndlessLine);
    let (_, error) = streamed(&model).await;
    assert!(matches!(kind(&error.unwrap()), ModelErrorKind::TooLarge { .. }));
    proxy.set(Fault::EndlessStream);
    let (pieces, error) = streamed(&model).await;
    assert!(pieces > 1_000);
    assert!(matches!(kind(&error.unwrap()), ModelErrorKind::TooLarge { .. } | ModelErrorKind::Connection(_)));
    proxy.set(Fault::Status(500, None));
    assert!(matches!(kind(&streamed(&model).await.1.unwrap()), ModelErrorKind::Refused { status: 500, .. }));

    // Another model takes over in the middle, and says so.
    proxy.set(Fault::CutAfter(700));
    let both = Fallback::new(&model, ScriptedModel::new("spare").says("The sea is wide."));
    let request = hello();
    let pieces: Vec<Piece> = both.stream(&request).map(Result::unwrap).collect().await;
    assert!(matches!(&pieces[0], Piece::Text(_)), "{pieces:?}");
    let restart = Piece::Restart { model: "spare".to_owned() };
    assert!(pieces.contains(&restart), "{pieces:?}");
    let whole =
        ChatReply::collect("both", futures_util::stream::iter(pieces.into_iter().map(Ok))).await.unwrap();
    assert_eq!((whole.text.as_str(), whole.model.as_str()), ("The sea is wide.", "spare"));

    assert!(began.elapsed() < Duration::from_mins(2), "nothing hangs");
    proxy.set(Fault::None);
    assert!(!model.chat(&hello()).await.unwrap().text.is_empty(), "and it goes on");
}

/// A server that gives one answer and closes.
fn answering(answer: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Server::new(base).with_key("sk-secret-key").with_timeout(Duration::from_millis(600))
}

#[tokio::test]
async fn a_refusal_keeps_the_key_to_itself() {
    let model = Chat::new(answering("HTTP/1.1 401 No\r\ncontent-length: 18\r\n\r\nkey sk-secret-key!"), "m");
    let error = model.chat(&hello()).await.unwrap_err();
    assert_eq!(*kind(&error), ModelErrorKind::Refused { status: 401, body: "key ***!".to_owned() });
    let none = Chat::new(answering("HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"choices\": []}"), "m");
    assert!(matches!(kind(&none.chat(&hello()).await.unwrap_err()), ModelErrorKind::Malformed(_)));
    let nobody = Chat::new(Server::new("http://127.0.0.1:1/v1"), "m");
    assert!(matches!(kind(&nobody.chat(&hello()).await.unwrap_err()), ModelErrorKind::Connection(_)));
}

/// A server that never answers, and says when the connection was closed.
fn silent() -> (Server, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let (closed, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let closed = closed.clone();
            std::thread::spawn(move || {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                let _ = closed.send(());
            });
        }
    });
    (Server::new(base), told)
}

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection() {
    let (server, closed) = silent();
    let model = Chat::new(server, "m");
    let request = hello();
    let given_up = Duration::from_millis(200);
    assert!(tokio::time::timeout(given_up, model.chat(&request)).await.is_err());
    let told = tokio::task::spawn_blocking(move || (closed.recv_timeout(Duration::from_secs(5)), closed));
    let (first, closed) = told.await.unwrap();
    first.unwrap();

    assert!(tokio::time::timeout(given_up, streamed(&model)).await.is_err());
    tokio::task::spawn_blocking(move || closed.recv_timeout(Duration::from_secs(5))).await.unwrap().unwrap();
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let model = Chat::new(Server::new("http://127.0.0.1:1/v1"), "m");
    let error = futures_util::FutureExt::now_or_never(model.chat(&hello())).unwrap().unwrap_err();
    assert!(error.to_string().contains("tokio's runtime"), "{error}");
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_come_back() {
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let error = Chat::new(answering(busy), "m").chat(&hello()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    // Without that it is a server's fault like others.
    let down = answering("HTTP/1.1 503 Down\r\ncontent-length: 4\r\n\r\ndown");
    let error = Chat::new(down.clone(), "m").chat(&hello()).await.unwrap_err();
    assert_eq!(*kind(&error), ModelErrorKind::Refused { status: 503, body: "down".to_owned() });
    assert!(Embeddings::connect(down, "m").await.is_err());
}

#[tokio::test]
async fn a_stream_whose_last_line_has_no_end_is_whole() {
    let events = concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        ": a comment\n\ndata: {\"choices\": [{\"delta\": {\"content\": \"Hi\"}}]}\r\n\r\n",
        "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}",
    );
    let model = Chat::new(answering(events), "m");
    let reply = ChatReply::collect("m", model.stream(&hello())).await.unwrap();
    assert_eq!(reply.text, "Hi");
}

#[tokio::test]
async fn a_refusal_of_the_model_is_a_filtered_answer() {
    let whole = concat!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        r#"{"choices": [{"message": {"content": null, "refusal": "I will not."}, "finish_reason": "stop"}]}"#,
    );
    let reply = Chat::new(answering(whole), "m").chat(&hello()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("I will not.", Finish::Filtered));
    let pieces = concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        "data: {\"choices\": [{\"delta\": {\"refusal\": \"I will not.\"}}]}\n\n",
        "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}\n\ndata: [DONE]\n\n",
    );
    let model = Chat::new(answering(pieces), "m");
    let reply = ChatReply::collect("m", model.stream(&hello())).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("I will not.", Finish::Filtered));
}

#[test]
fn one_model_is_asked_from_runtimes_that_come_and_go() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    // It keeps its connections open, as servers do.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let body = r#"{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}"#;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                let mut bytes = [0; 4_096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    // A request ends with its body, a JSON object.
                    if bytes[count - 1] != b'}' {
                        continue;
                    }
                    let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
                }
            });
        }
    });
    let model = Chat::new(Server::new(base), "m");
    let ask = |times: usize| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for _ in 0..times {
                assert_eq!(model.chat(&hello()).await.unwrap().text, "Hi");
            }
        });
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || (0..20).for_each(|time| ask(1 + (thread + time) % 5)));
        }
    });
}
