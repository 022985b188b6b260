//! What any adapter must hold, as a test it runs against a real server.
//!
//! ```
//! use orch_core::model::conformance::{self, Abilities};
//! use orch_core::model::{ChatReply, Finish, ScriptedModel, Usage};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let usage = Usage { input_tokens: 3, output_tokens: 1 };
//! let model = ScriptedModel::new("test").answers(move |_| Ok(ChatReply::new("hello", usage)));
//! conformance::check(&model, Abilities::default()).await?;
//!
//! let silent = ScriptedModel::new("test").answers(|_| Ok(ChatReply::default()));
//! let broken = conformance::check(&silent, Abilities::default()).await.unwrap_err();
//! assert!(broken.to_string().contains("an answer has no text"));
//! # orch_core::Ok(()) }).unwrap();
//! ```

use std::fmt;
use std::pin::pin;

use futures_util::stream::StreamExt as _;

mod encoder;

pub use encoder::check_encoder;

use super::{
    AnswerFormat, AnswerSchema, ChatModel, ChatReply, ChatRequest, Finish, Message, Piece, ToolResult,
    ToolSpec,
};

/// What a model says it can do, and is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an ability of its own")]
pub struct Abilities {
    /// It stops at the most tokens and says so.
    pub stops_at_length: bool,
    /// It answers with one of the answers it is given.
    pub one_of: bool,
    /// It answers with JSON of a schema.
    pub json: bool,
    /// It asks for a tool when it is told to, and answers when it has the result.
    pub tools: bool,
}

/// What an adapter does not hold, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotConforming {
    /// What was found, a sentence each.
    pub findings: Vec<String>,
}

impl fmt::Display for NotConforming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it does not hold what a model must: {}", self.findings.join("; "))
    }
}

impl std::error::Error for NotConforming {}

/// Asks the model about a dozen times, and tells all it does not hold.
///
/// # Errors
///
/// [`NotConforming`].
pub async fn check(model: &impl ChatModel, abilities: Abilities) -> Result<(), NotConforming> {
    let mut findings = Vec::new();
    if model.name().is_empty() {
        findings.push("it has no name".to_owned());
    }
    whole(model, &mut findings).await;
    streamed(model, &mut findings).await;
    if abilities.stops_at_length {
        length(model, &mut findings).await;
    }
    if abilities.one_of {
        one_of(model, &mut findings).await;
    }
    if abilities.json {
        json(model, &mut findings).await;
    }
    if abilities.tools {
        tools(model, &mut findings).await;
    }
    if findings.is_empty() { Ok(()) } else { Err(NotConforming { findings }) }
}

fn hello() -> ChatRequest {
    let task = Message::system("You answer in one short sentence.");
    ChatRequest::new(vec![task, Message::user("Say hello.")]).max_tokens(32).temperature(0.0)
}

/// Asks, and keeps an error as a finding.
async fn asked(
    model: &impl ChatModel,
    what: &str,
    request: &ChatRequest,
    findings: &mut Vec<String>,
) -> Option<ChatReply> {
    model.chat(request).await.map_err(|error| findings.push(format!("{what}: {error}"))).ok()
}

async fn whole(model: &impl ChatModel, findings: &mut Vec<String>) {
    let Some(reply) = asked(model, "a plain request", &hello(), findings).await else { return };
    if reply.text.trim().is_empty() {
        findings.push("an answer has no text".to_owned());
    }
    if reply.usage.input_tokens == 0 || reply.usage.output_tokens == 0 {
        findings.push(format!("an answer does not say what it used: {:?}", reply.usage));
    }
    if !reply.calls.is_empty() || reply.finish == Finish::ToolCalls {
        findings.push("an answer to a request without tools asks for one".to_owned());
    }
}

async fn streamed(model: &impl ChatModel, findings: &mut Vec<String>) {
    let request = hello();
    let (mut text, mut ends, mut after) = (String::new(), 0, 0);
    {
        let mut pieces = pin!(model.stream(&request));
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(Piece::End { usage, .. }) => {
                    ends += 1;
                    if usage.output_tokens == 0 {
                        findings.push("a stream does not say what it used".to_owned());
                    }
                }
                Ok(piece) => {
                    after += usize::from(ends > 0);
                    if let Piece::Text(piece) = piece {
                        text.push_str(&piece);
                    }
                }
                Err(error) => return findings.push(format!("a stream: {error}")),
            }
        }
    }
    if ends != 1 || after > 0 {
        findings.push(format!("a stream has {ends} ends, and {after} pieces after one"));
    }
    if text.trim().is_empty() {
        findings.push("a stream has no text".to_owned());
    }
    // Who leaves in the middle leaves a model that answers.
    {
        let mut pieces = pin!(model.stream(&request));
        drop(pieces.next().await);
    }
    asked(model, "after a stream that was dropped", &request, findings).await;
}

async fn length(model: &impl ChatModel, findings: &mut Vec<String>) {
    let long = Message::user("Count from one to one hundred in words.");
    let request = ChatRequest::new(vec![long]).max_tokens(3);
    let Some(reply) = asked(model, "a short answer", &request, findings).await else { return };
    if reply.finish != Finish::Length || reply.usage.output_tokens > 4 {
        findings.push(format!("3 tokens at most gave {:?} after {:?}", reply.finish, reply.usage));
    }
}

async fn one_of(model: &impl ChatModel, findings: &mut Vec<String>) {
    let answers = ["red", "blue"].map(str::to_owned).to_vec();
    let mut request = hello().answer(AnswerFormat::OneOf(answers.clone()));
    request.messages.push(Message::user("Which of the two colours is that of the sky?"));
    let Some(reply) = asked(model, "one of two answers", &request, findings).await else { return };
    if !answers.contains(&reply.text) {
        findings.push(format!("one of {answers:?} gave {:?}", reply.text));
    }
}

async fn json(model: &impl ChatModel, findings: &mut Vec<String>) {
    let schema = r#"{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"],"additionalProperties":false}"#;
    let schema = AnswerSchema { name: "person".to_owned(), schema: schema.into() };
    let question = Message::user("Anna is 31 years old. Answer with her age as JSON.");
    let request = ChatRequest::new(vec![question]).answer(AnswerFormat::Json(schema)).max_tokens(64);
    let Some(reply) = asked(model, "a JSON answer", &request, findings).await else { return };
    let value: Option<serde_json::Value> = serde_json::from_str(&reply.text).ok();
    if value.is_none_or(|value| !value["age"].is_i64()) {
        findings.push(format!("an object with an age gave {:?}", reply.text));
    }
}

async fn tools(model: &impl ChatModel, findings: &mut Vec<String>) {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    let tool = ToolSpec {
        name: "temperature".into(),
        description: "The temperature in a city now, in degrees Celsius.".into(),
        parameters: schema.into(),
    };
    let question = Message::user("Use the tool: what is the temperature in Oslo?");
    let mut request = ChatRequest::new(vec![question]).tools(vec![tool]).max_tokens(256).temperature(0.0);
    let Some(reply) = asked(model, "a request with a tool", &request, findings).await else { return };
    let Some(call) = reply.calls.first().cloned() else {
        return findings.push(format!("told to use a tool it said {:?}", reply.text));
    };
    if call.tool != "temperature" || serde_json::from_str::<serde_json::Value>(&call.arguments).is_err() {
        findings.push(format!("it asked for {call:?}"));
    }
    if reply.finish != Finish::ToolCalls {
        findings.push(format!("asking for a tool it ended with {:?}", reply.finish));
    }
    let result = ToolResult { id: call.id, tool: call.tool, text: "17".to_owned(), failed: false };
    request.messages.push(Message::Assistant { text: reply.text, calls: reply.calls });
    request.messages.push(Message::Tool(result));
    let Some(reply) = asked(model, "a tool's result", &request, findings).await else { return };
    if reply.text.trim().is_empty() {
        findings.push("given a tool's result it said nothing".to_owned());
    }
}
