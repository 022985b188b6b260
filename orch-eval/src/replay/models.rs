//! Models and embedders whose calls are kept.

use orch_core::Result;
use orch_core::model::{AnswerFormat, ChatModel, ChatReply, ChatRequest, Role, Usage};
use orch_core::router::Encoder;
use serde_json::{Value, json};

use super::{Cassette, CassetteError};

/// A model or an embedder whose calls go through a [`Cassette`].
///
/// It is made by [`Cassette::replay`], and stands where the model stood.
#[derive(Clone, Debug)]
pub struct Replay<M> {
    cassette: Cassette,
    model: M,
    price: Price,
}

/// What a model costs, in dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Of the request.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl<M> Replay<M> {
    pub(super) fn new(cassette: Cassette, model: M) -> Self {
        Self { cassette, model, price: Price::default() }
    }

    /// Says what the model costs, for the budget of the cassette.
    #[must_use]
    pub fn priced(mut self, price: Price) -> Self {
        self.price = price;
        self
    }
}

/// The error of a model that would spend what nobody counts.
fn unpriced(name: &str) -> CassetteError {
    let what = format!("{name} has no price, so ORCH_MAX_USD cannot bound it; say it with `.priced(..)`");
    CassetteError::Setting(what)
}

impl<M: ChatModel> ChatModel for Replay<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let kind = format!("chat with {}", self.model.name());
        if self.price == Price::default() && self.cassette.is_bounded() {
            return Err(unpriced(self.model.name()).into());
        }
        let live = async { self.model.chat(request).await.map(|reply| of_reply(&reply)) };
        // A dollar for a million tokens is a micro-dollar for one.
        let cost = |reply: &Value| {
            let Usage { input_tokens, output_tokens } = usage(reply);
            (input_tokens as f64 * self.price.input + output_tokens as f64 * self.price.output).ceil() as u64
        };
        let reply: Value = self.cassette.exchange(&kind, &of_request(request), live, cost).await?;
        Ok(ChatReply::new(reply["text"].as_str().unwrap_or_default(), usage(&reply)))
    }
}

fn of_request(request: &ChatRequest) -> Value {
    let role = |role| match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| json!({ "role": role(message.role), "text": message.text }))
        .collect();
    let answer = match &request.answer {
        AnswerFormat::OneOf(answers) => json!({ "one_of": answers }),
        _ => json!("text"),
    };
    json!({
        "messages": messages, "answer": answer,
        "max_tokens": request.max_tokens, "temperature": request.temperature,
    })
}

fn of_reply(reply: &ChatReply) -> Value {
    let Usage { input_tokens, output_tokens } = reply.usage;
    json!({ "text": reply.text, "input_tokens": input_tokens, "output_tokens": output_tokens })
}

fn usage(reply: &Value) -> Usage {
    let tokens = |name: &str| reply[name].as_u64().unwrap_or(0);
    Usage { input_tokens: tokens("input_tokens"), output_tokens: tokens("output_tokens") }
}

/// Each text has a recording of its own, whichever it was embedded with.
impl<E: Encoder> Encoder for Replay<E> {
    fn identity(&self) -> &str {
        self.model.identity()
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let kind = format!("embedding by {}", self.model.identity());
        let mut vectors = Vec::with_capacity(texts.len());
        if self.price == Price::default() && self.cassette.is_bounded() {
            return Err(unpriced(self.model.identity()).into());
        }
        // Servers count tokens of about four letters, and do not say how many they were.
        let cost = |letters: usize| (letters.div_ceil(4) as f64 * self.price.input).ceil() as u64;
        for text in texts {
            let letters = text.chars().count();
            let live = async { Ok(self.model.encode(&[*text]).await?.pop().unwrap_or_default()) };
            vectors.push(self.cassette.exchange(&kind, *text, live, |_: &Vec<f32>| cost(letters)).await?);
        }
        Ok(vectors)
    }
}
