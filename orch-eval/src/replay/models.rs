//! Models and embedders whose calls are kept.

use futures_util::stream::{Stream, StreamExt as _, TryStreamExt as _};
use orch_core::Result;
use orch_core::model::{
    AnswerFormat, ChatModel, ChatReply, ChatRequest, Finish, Message, Piece, Price, ToolCall, ToolChoice,
    Usage, in_one_piece,
};
use orch_core::router::{Encoder, Vectors};
use serde_json::{Map, Value, json};

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
        let cost = |reply: &Value| (self.price.of(usage(reply)) * 1e6).ceil() as u64;
        let reply: Value = self.cassette.exchange(&kind, &of_request(request), live, cost).await?;
        Ok(to_reply(&reply))
    }

    /// The pieces are kept as they came. Where a budget bounds what may be spent, the answer is asked for whole, since only
    /// then its cost is known.
    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        if self.cassette.is_bounded() {
            return in_one_piece(self, request).left_stream();
        }
        let live = self.model.stream(request).map_ok(|piece| of_piece(&piece));
        let kind = format!("chat with {}", self.model.name());
        let pieces = self.cassette.stream::<_, Value, _>(&kind, &of_request(request), live);
        pieces.map_ok(|piece| to_piece(&piece)).right_stream()
    }
}

/// A request as it is kept. What is not asked for is left out, so that a cassette outlives new abilities.
fn of_request(request: &ChatRequest) -> Value {
    let messages: Vec<Value> = request.messages.iter().map(of_message).collect();
    let answer = match &request.answer {
        AnswerFormat::OneOf(answers) => json!({ "one_of": answers }),
        AnswerFormat::Json(schema) => json!({ "json": &*schema.schema }),
        _ => json!("text"),
    };
    let mut kept = json!({
        "messages": messages, "answer": answer,
        "max_tokens": request.max_tokens, "temperature": request.temperature,
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "name": &*tool.name, "description": &*tool.description, "parameters": &*tool.parameters })
        });
        kept["tools"] = tools.collect();
    }
    if let Some(share) = request.top_p {
        kept["top_p"] = json!(share);
    }
    if let Some(seed) = request.seed {
        kept["seed"] = json!(seed);
    }
    if !request.stop.is_empty() {
        kept["stop"] = json!(request.stop);
    }
    match &request.tool_choice {
        ToolChoice::None => kept["tool_choice"] = json!("none"),
        ToolChoice::Required => kept["tool_choice"] = json!("required"),
        ToolChoice::Tool(name) => kept["tool_choice"] = json!({ "tool": name }),
        _ => {}
    }
    kept
}

fn of_message(message: &Message) -> Value {
    let mut kept = json!({ "role": message.role(), "text": message.text() });
    match message {
        Message::Assistant { calls, .. } if !calls.is_empty() => kept["calls"] = of_calls(calls),
        Message::Tool(result) => {
            kept["call"] = json!({ "id": result.id, "tool": result.tool, "failed": result.failed });
        }
        _ => {}
    }
    kept
}

fn of_reply(reply: &ChatReply) -> Value {
    let Usage { input_tokens, output_tokens } = reply.usage;
    let mut kept =
        json!({ "text": reply.text, "input_tokens": input_tokens, "output_tokens": output_tokens });
    if !reply.calls.is_empty() {
        kept["calls"] = of_calls(&reply.calls);
    }
    if reply.finish != Finish::Stop {
        kept["finish"] = json!(of_finish(reply.finish));
    }
    if !reply.model.is_empty() {
        kept["model"] = json!(reply.model);
    }
    kept
}

fn to_reply(kept: &Value) -> ChatReply {
    ChatReply::new(text(&kept["text"]), usage(kept))
        .calls(kept["calls"].as_array().into_iter().flatten().map(to_call).collect())
        .finish(to_finish(&kept["finish"]))
        .by(text(&kept["model"]))
}

fn of_piece(piece: &Piece) -> Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Call(call) => json!({ "call": of_call(call) }),
        Piece::Restart { model } => json!({ "restart": model }),
        Piece::End { finish, usage: Usage { input_tokens, output_tokens } } => json!({
            "finish": of_finish(*finish), "input_tokens": input_tokens, "output_tokens": output_tokens,
        }),
        _ => Value::Object(Map::new()),
    }
}

fn to_piece(kept: &Value) -> Piece {
    if kept["text"].is_string() {
        Piece::Text(text(&kept["text"]))
    } else if kept["call"].is_object() {
        Piece::Call(to_call(&kept["call"]))
    } else if kept["restart"].is_string() {
        Piece::Restart { model: text(&kept["restart"]) }
    } else {
        Piece::End { finish: to_finish(&kept["finish"]), usage: usage(kept) }
    }
}

fn of_calls(calls: &[ToolCall]) -> Value {
    calls.iter().map(of_call).collect()
}

fn of_call(call: &ToolCall) -> Value {
    let mut kept = json!({ "id": call.id, "tool": call.tool, "arguments": call.arguments });
    if !call.signatures.is_empty() {
        kept["signatures"] = json!(call.signatures);
    }
    kept
}

fn to_call(kept: &Value) -> ToolCall {
    let mut call = ToolCall::new(text(&kept["id"]), text(&kept["tool"]), text(&kept["arguments"]));
    let signatures = kept["signatures"].as_array().into_iter().flatten();
    call.signatures = signatures.map(text).collect();
    call
}

fn of_finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filtered => "filtered",
        _ => "other",
    }
}

fn to_finish(kept: &Value) -> Finish {
    match kept.as_str() {
        None | Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("tool_calls") => Finish::ToolCalls,
        Some("filtered") => Finish::Filtered,
        Some(_) => Finish::Other,
    }
}

fn text(kept: &Value) -> String {
    kept.as_str().unwrap_or_default().to_owned()
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

    fn word_rank(&self, word: &str) -> Option<u32> {
        self.model.word_rank(word)
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let kind = format!("embedding by {}", self.model.identity());
        let mut vectors = Vec::with_capacity(texts.len());
        if self.price == Price::default() && self.cassette.is_bounded() {
            return Err(unpriced(self.model.identity()).into());
        }
        // Servers count tokens of about four letters, and do not say how many they were.
        let cost = |letters: usize| (letters.div_ceil(4) as f64 * self.price.input).ceil() as u64;
        for text in texts {
            let letters = text.chars().count();
            let live = async { Ok(self.model.encode(&[*text]).await?.vectors.pop().unwrap_or_default()) };
            vectors.push(self.cassette.exchange(&kind, *text, live, |_: &Vec<f32>| cost(letters)).await?);
        }
        Ok(Vectors { vectors, usage: None })
    }
}
