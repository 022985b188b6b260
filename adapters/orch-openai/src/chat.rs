//! Chat completions.

use orch_core::Result;
use orch_core::model::{AnswerFormat, ChatModel, ChatReply, ChatRequest, Role, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Server;
use crate::error::{ServerError, ServerErrorKind};

/// A chat model of a server.
#[derive(Clone, Debug)]
pub struct Chat {
    server: Server,
    model: String,
}

impl Chat {
    /// A model by the name the server knows it by.
    pub fn new(server: Server, model: impl Into<String>) -> Self {
        Self { server, model: model.into() }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
}

#[derive(Deserialize)]
struct Response {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answer,
}

#[derive(Deserialize)]
struct Answer {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// The object an answer out of several is wrapped in, since a schema's root must be an object for some servers.
#[derive(Deserialize)]
struct Chosen {
    answer: String,
}

impl ChatModel for Chat {
    fn name(&self) -> &str {
        &self.model
    }

    /// An answer out of several is asked for by a JSON schema.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let messages = request.messages.iter().map(|message| {
            let role = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            json!({ "role": role, "content": message.text })
        });
        let response_format = match &request.answer {
            AnswerFormat::OneOf(answers) => Some(json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": {
                    "type": "object", "additionalProperties": false, "required": ["answer"],
                    "properties": { "answer": { "type": "string", "enum": answers } },
                } },
            })),
            _ => None,
        };
        let body = Request {
            model: &self.model,
            messages: messages.collect(),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            response_format,
        };
        let Response { choices, usage } = self.server.post("chat/completions", &body).await?;
        let Some(text) = choices.into_iter().next().and_then(|choice| choice.message.content) else {
            let kind = ServerErrorKind::Malformed("it has no text".to_owned());
            return Err(ServerError { url: format!("{:?}", self.server), kind }.into());
        };
        let text = match (&request.answer, serde_json::from_str::<Chosen>(&text)) {
            (AnswerFormat::OneOf(_), Ok(chosen)) => chosen.answer,
            _ => text,
        };
        let usage = usage.map_or_else(Usage::default, |tokens| Usage {
            input_tokens: tokens.prompt_tokens,
            output_tokens: tokens.completion_tokens,
        });
        Ok(ChatReply::new(text, usage))
    }
}
