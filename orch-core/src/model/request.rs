//! What a model is asked.

use std::sync::Arc;

use super::Message;

/// What a model is asked, with the parameters of this one call.
///
/// ```
/// use orch_core::model::{ChatRequest, Message};
///
/// let request = ChatRequest::new(vec![Message::user("Name a colour.")]).max_tokens(8).temperature(0.0);
/// assert_eq!(request.max_tokens, Some(8));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// What the answer must look like.
    pub answer: AnswerFormat,
    /// The tools the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// The most tokens of the answer; `None` leaves it to the model.
    pub max_tokens: Option<u32>,
    /// How much chance decides, from 0; `None` leaves it to the model.
    pub temperature: Option<f64>,
    /// The likeliest words that make up so much of the probability are drawn from, from 0 to 1; `None` leaves it to the
    /// model.
    pub top_p: Option<f64>,
    /// What chance begins with, for providers that can repeat themselves.
    pub seed: Option<u64>,
    /// Texts that end the answer where the model writes one; they are not part of it.
    pub stop: Vec<String>,
    /// Whether the model must ask for a tool, or must not.
    pub tool_choice: ToolChoice,
}

/// Whether a model must ask for a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It must not, and answers in words.
    None,
    /// It must ask for one.
    Required,
    /// It must ask for this one.
    Tool(String),
}

impl ChatRequest {
    /// A request for free text.
    #[must_use]
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }

    /// The same with at most so many tokens in the answer.
    #[must_use]
    pub fn max_tokens(self, tokens: u32) -> Self {
        Self { max_tokens: Some(tokens), ..self }
    }

    /// The same with so much chance, from 0.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// The same drawing from the likeliest words that make up so much of the probability, from 0 to 1.
    #[must_use]
    pub fn top_p(self, share: f64) -> Self {
        Self { top_p: Some(share), ..self }
    }

    /// The same with a beginning for chance.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The same ending where the model writes this.
    #[must_use]
    pub fn stop_at(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// The same where the model must ask for a tool, or must not.
    #[must_use]
    pub fn tool_choice(self, choice: ToolChoice) -> Self {
        Self { tool_choice: choice, ..self }
    }

    /// The same for an answer of this form.
    #[must_use]
    pub fn answer(self, answer: AnswerFormat) -> Self {
        Self { answer, ..self }
    }

    /// The same with tools the model may ask for.
    #[must_use]
    pub fn tools(self, tools: Vec<ToolSpec>) -> Self {
        Self { tools, ..self }
    }

    /// The same with one more message at the end.
    #[must_use]
    pub fn then(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// The bytes of messages, tools and schemas: no tokeniser makes more tokens of them than there are bytes, but for
    /// what a provider adds around each message.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let messages: usize = self.messages.iter().map(Message::bytes).sum();
        let tools: usize = self
            .tools
            .iter()
            .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len())
            .sum();
        let answer = match &self.answer {
            AnswerFormat::Text => 0,
            AnswerFormat::OneOf(answers) => answers.iter().map(String::len).sum(),
            AnswerFormat::Json(schema) => schema.schema.len(),
        };
        messages + tools + answer
    }
}

/// What an answer must look like. A model that cannot be made to obey may ignore it: whoever asks checks the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerFormat {
    /// Free text.
    #[default]
    Text,
    /// Exactly one of these.
    OneOf(Vec<String>),
    /// A JSON value of a schema.
    Json(AnswerSchema),
}

/// What a JSON answer must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerSchema {
    /// What the value is called: letters, digits, `_` and `-`.
    pub name: String,
    /// Its JSON Schema, as text.
    pub schema: Arc<str>,
}

/// A tool, as a model is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`.
    pub name: Arc<str>,
    /// What it does and when to use it.
    pub description: Arc<str>,
    /// The JSON Schema of its arguments, an object, as text.
    pub parameters: Arc<str>,
}
