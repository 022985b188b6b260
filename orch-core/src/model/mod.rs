//! Language models: one request, one reply.
//!
//! Adapters implement [`ChatModel`] for a provider; everything here that talks to a model takes any.

use std::future::Future;

use crate::error::Result;

/// A model that answers messages.
///
/// One call is one request: retries, time limits and fallbacks are policies of the step around it.
pub trait ChatModel: Send + Sync {
    /// The model's name, as it is reported.
    fn name(&self) -> &str;

    /// Answers.
    fn chat(&self, request: &ChatRequest) -> impl Future<Output = Result<ChatReply>> + Send;
}

impl<M: ChatModel> ChatModel for &M {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn chat(&self, request: &ChatRequest) -> impl Future<Output = Result<ChatReply>> + Send {
        (**self).chat(request)
    }
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// What the answer must look like.
    pub answer: AnswerFormat,
    /// The most tokens of the answer; `None` leaves it to the model.
    pub max_tokens: Option<u32>,
    /// How much chance decides, from 0; `None` leaves it to the model.
    pub temperature: Option<f64>,
}

impl ChatRequest {
    /// A request for free text.
    #[must_use]
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, answer: AnswerFormat::Text, max_tokens: None, temperature: None }
    }
}

/// What an answer must look like. A model that cannot be made to obey may ignore it: whoever asks checks the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerFormat {
    /// Free text.
    Text,
    /// Exactly one of these.
    OneOf(Vec<String>),
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whoever set the model its task.
    System,
    /// Whoever uses it.
    User,
    /// The model.
    Assistant,
}

impl Message {
    /// A message that sets the task.
    pub fn system(text: impl Into<String>) -> Self {
        Self { role: Role::System, text: text.into() }
    }

    /// A user's message.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, text: text.into() }
    }

    /// A message of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, text: text.into() }
    }
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatReply {
    /// The answer.
    pub text: String,
    /// Tokens read and written, as far as the provider says.
    pub usage: Usage,
}

impl ChatReply {
    /// An answer.
    pub fn new(text: impl Into<String>, usage: Usage) -> Self {
        Self { text: text.into(), usage }
    }
}

/// Tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}
