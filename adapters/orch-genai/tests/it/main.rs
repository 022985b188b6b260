//! The providers' own protocols, over aimock; and a real server behind OpenAI's.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use orch_core::agent::{AgentErrorKind, React};
use orch_core::model::conformance::{self, Abilities};
use orch_core::model::{
    AnswerFormat, ChatModel, ChatReply, ChatRequest, Finish, Message, ModelError, ModelErrorKind, Piece,
};
use orch_core::router::Encoder;
use orch_core::{Error, Result, tool};
use orch_genai::{Chat, Embeddings, Provider};
use testkit::{Aimock, Llama, Model};

const KEY: &str = "sk-secret-key-of-the-test";

/// A model of each protocol.
fn models(mock: &Aimock) -> [Chat; 5] {
    let base = mock.base();
    [
        (Provider::OpenAi, "gpt-4o", format!("{base}/v1")),
        (Provider::Anthropic, "claude-sonnet-4-5", format!("{base}/v1")),
        (Provider::Gemini, "gemini-2.5-flash", format!("{base}/v1beta")),
        (Provider::Ollama, "llama3.2", base.to_owned()),
        (Provider::Bedrock, "anthropic.claude-3-5-sonnet-20241022-v2:0", base.to_owned()),
    ]
    .map(|(provider, model, endpoint)| {
        let chat = Chat::new(provider, model).unwrap().with_key(KEY).at(endpoint);
        chat.with_timeout(Duration::from_secs(3)).unwrap()
    })
}

fn asking(text: &str) -> ChatRequest {
    ChatRequest::new(vec![Message::user(text)]).max_tokens(64)
}

fn kind(error: &Error) -> &ModelErrorKind {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY), "{shown}");
    &error.downcast_ref::<ModelError>().unwrap_or_else(|| panic!("{error:?}")).kind
}

#[tokio::test]
async fn each_protocol_holds_what_a_model_must() {
    let Some(mock) = Aimock::start() else { return };
    for model in models(&mock) {
        let abilities = Abilities { json: true, tools: true, ..Abilities::default() };
        let held = conformance::check(&model, abilities).await;
        held.unwrap_or_else(|broken| panic!("{model:?}: {broken}"));

        let mut request = asking("Which of two colours, in an object?");
        request.answer = AnswerFormat::OneOf(vec!["red".to_owned(), "blue".to_owned()]);
        assert_eq!(model.chat(&request).await.unwrap().text, "blue", "{model:?}");

        let cut = model.chat(&asking("Count from one")).await.unwrap();
        assert_eq!(cut.finish, Finish::Length, "{model:?}");
        let refused = model.chat(&asking("Refuse this")).await.unwrap();
        let silent = format!("{model:?}").contains("Ollama");
        assert_eq!(refused.finish, if silent { Finish::Stop } else { Finish::Filtered }, "{model:?}");
    }
}

/// The temperature in a city now, in degrees Celsius.
#[tool(reads)]
async fn temperature(city: String) -> Result<u32> {
    Ok(if city == "Oslo" { 17 } else { 12 })
}

#[tokio::test]
async fn an_agent_works_over_each_protocol() {
    let Some(mock) = Aimock::start() else { return };
    for model in models(&mock) {
        let agent = React::new(&model, temperature::tool()).max_turns(4);
        let done = agent.run("What is the temperature in Oslo and Bergen?").await.unwrap();
        assert_eq!((done.value.as_str(), done.calls, done.turns), ("It is 17 degrees.", 2, 2), "{model:?}");
        let results: Vec<&str> =
            done.messages.iter().filter(|m| m.role() == "tool").map(Message::text).collect();
        assert_eq!(results, ["17", "12"], "{model:?}");

        let forever = agent.run("temperature forever").await.unwrap_err();
        assert!(matches!(forever.kind, AgentErrorKind::Turns { max: 4 } | AgentErrorKind::Repeats { .. }));
        let unknown = agent.run("an unknown tool, please").await.unwrap();
        assert_eq!(unknown.value, "There is no such tool.");
        let bad = agent.run("bad arguments, please").await.unwrap();
        assert_eq!(bad.value, "Those were bad.");

        // The same in pieces.
        let request = asking("What is the temperature in Oslo?")
            .tools(orch_core::tool::Tools::specs(&temperature::tool()));
        let reply = ChatReply::collect("m", model.stream(&request)).await.unwrap();
        assert_eq!(
            (reply.calls[0].tool.as_str(), reply.finish),
            ("temperature", Finish::ToolCalls),
            "{model:?}"
        );
        assert_eq!(reply.calls[0].arguments.replace(' ', ""), r#"{"city":"Oslo"}"#, "{model:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_typed_in_each_protocol() {
    let Some(mock) = Aimock::start() else { return };
    for model in models(&mock) {
        let name = format!("{model:?}");
        let error = model.chat(&asking("429 please")).await.unwrap_err();
        assert_eq!(
            *kind(&error),
            ModelErrorKind::RateLimited { retry_after: Some(Duration::from_secs(2)) },
            "{name}"
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
        for status in [400, 401, 500, 503] {
            let error = model.chat(&asking(&format!("{status} please"))).await.unwrap_err();
            assert!(
                matches!(kind(&error), ModelErrorKind::Refused { status: got, .. } if *got == status),
                "{name}: {error}"
            );
            assert_eq!(ModelError::is_transient(&error), status >= 500);
            let request = asking(&format!("{status} please"));
            let pieces: Vec<_> = model.stream(&request).collect().await;
            let Some(Err(error)) = pieces.last() else { panic!("{name}: {pieces:?}") };
            assert!(
                matches!(kind(error), ModelErrorKind::Refused { status: got, .. } if *got == status),
                "{name}: {error}"
            );
        }
        let error = model.chat(&asking("malformed please")).await.unwrap_err();
        assert!(matches!(kind(&error), ModelErrorKind::Malformed(_)), "{name}: {error}");
        let error = model.chat(&asking("hang up please")).await.unwrap_err();
        assert!(matches!(kind(&error), ModelErrorKind::Connection(_)), "{name}: {error}");

        for text in ["cut off please", "stall please"] {
            let began = Instant::now();
            let request = asking(text);
            let pieces: Vec<_> = model.stream(&request).collect().await;
            let Some(Err(error)) = pieces.last() else { panic!("{name}, {text}: {pieces:?}") };
            assert!(
                matches!(kind(error), ModelErrorKind::Connection(_) | ModelErrorKind::CutShort),
                "{name}, {text}: {error}"
            );
            // One that stalls does so before its first word.
            let came = matches!(pieces.first(), Some(Ok(Piece::Text(_))));
            assert!(came || text.starts_with("stall"), "{name}, {text}: what came is there");
            assert!(began.elapsed() < Duration::from_secs(6), "{name}, {text}");
        }
    }
    let began = Instant::now();
    let [model, ..] = models(&mock);
    let error = model.chat(&asking("hang please")).await.unwrap_err();
    assert!(
        matches!(kind(&error), ModelErrorKind::Connection(_)) && began.elapsed() < Duration::from_secs(6)
    );
}

#[tokio::test]
async fn a_provider_embeds() {
    let Some(mock) = Aimock::start() else { return };
    let endpoint = format!("{}/v1", mock.base());
    let key = Some(KEY.into());
    let encoder =
        Embeddings::connect(Provider::OpenAi, "text-embedding-3-small", key, Some(endpoint)).await.unwrap();
    let vectors = encoder.encode(&["a", "", "a"]).await.unwrap().vectors;
    assert_eq!((encoder.dimensions(), vectors.len()), (1_536, 3));
    assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1]);
}

#[tokio::test]
async fn a_real_server_embeds() {
    let Some(llama) = Llama::start(Model::SmolLm2Embeddings) else { return };
    let (key, endpoint) = (Some("none".into()), Some(llama.base().to_owned()));
    let encoder = Embeddings::connect(Provider::OpenAi, "smollm2", key, endpoint).await.unwrap();
    conformance::check_encoder(&encoder).await.unwrap();
    let usage = encoder.encode(&["the card was charged"]).await.unwrap().usage.unwrap();
    assert!((3..20).contains(&usage.input_tokens), "{usage:?}");
}

#[tokio::test]
async fn a_real_server_holds_too() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let model = Chat::new(Provider::OpenAi, "smollm2").unwrap().with_key("none").at(llama.base());
    let abilities = Abilities { stops_at_length: true, one_of: true, json: true, tools: false };
    conformance::check(&model, abilities).await.unwrap();
}

#[tokio::test]
async fn without_a_key_or_a_server_it_says_so() {
    let nobody = Chat::new(Provider::OpenAi, "m").unwrap().with_key(KEY).at("http://127.0.0.1:1/v1");
    assert!(matches!(kind(&nobody.chat(&asking("x")).await.unwrap_err()), ModelErrorKind::Connection(_)));
    if std::env::var_os("COHERE_API_KEY").is_none() {
        let error = Chat::new(Provider::Cohere, "m").unwrap().chat(&asking("x")).await.unwrap_err();
        assert!(error.to_string().contains("without a key"), "{error}");
    }
}

/// A server that gives these answers in turn, and what it was asked.
fn answering(answers: [&'static str; 2]) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1beta/", listener.local_addr().unwrap());
    let (asked, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut request = String::new();
            // The body is the last there is, and a JSON object.
            while !request.contains("\r\n\r\n{") || !request.ends_with('}') {
                let mut bytes = [0; 8_192];
                let count = stream.read(&mut bytes).unwrap();
                request.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            let _ = asked.send(request);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            write!(stream, "{head}content-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        }
    });
    (endpoint, told)
}

#[tokio::test]
async fn what_a_provider_wants_back_with_a_call_it_gets_back() {
    let call = r#"{"candidates": [{"content": {"role": "model", "parts": [
        {"functionCall": {"name": "temperature", "args": {"city": "Oslo"}}, "thoughtSignature": "opaque-1"}]},
        "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}}"#;
    let done = r#"{"candidates": [{"content": {"role": "model", "parts": [{"text": "It is 17."}]},
        "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3}}"#;
    let (endpoint, asked) = answering([call, done]);
    let model = Chat::new(Provider::Gemini, "gemini-3-pro").unwrap().with_key(KEY).at(endpoint);
    let finished = React::new(model, temperature::tool()).run("How warm is Oslo?").await.unwrap();
    assert_eq!(finished.value, "It is 17.");
    assert!(!asked.recv().unwrap().contains("opaque-1"));
    let second = asked.recv().unwrap();
    assert!(second.contains("opaque-1") && second.contains("functionResponse"), "{second}");
}
