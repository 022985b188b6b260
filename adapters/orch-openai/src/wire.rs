//! The protocol: requests and answers as they are on the wire.

use orch_core::model::{AnswerFormat, ChatRequest, Finish, Message, ToolCall, ToolChoice, ToolSpec, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(crate) struct Request<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

/// What a server calls the most tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    MaxTokens,
    MaxCompletionTokens,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResponseFormat<'a> {
    OneOf(Value),
    Json { r#type: &'static str, json_schema: JsonSchema<'a> },
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    schema: &'a RawValue,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

impl<'a> Request<'a> {
    /// An answer out of several is asked for by a JSON schema.
    pub(crate) fn new(
        model: &'a str,
        request: &'a ChatRequest,
        bound: Bound,
        stream: bool,
    ) -> serde_json::Result<Self> {
        let bounded = |name| request.max_tokens.filter(|_| bound == name);
        let response_format = match &request.answer {
            AnswerFormat::OneOf(answers) => Some(ResponseFormat::OneOf(json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": {
                    "type": "object", "additionalProperties": false, "required": ["answer"],
                    "properties": { "answer": { "type": "string", "enum": answers } },
                } },
            }))),
            // As it was written: servers hold a model to the order of its properties.
            AnswerFormat::Json(schema) => {
                let schema = JsonSchema { name: &schema.name, schema: serde_json::from_str(&schema.schema)? };
                Some(ResponseFormat::Json { r#type: "json_schema", json_schema: schema })
            }
            _ => None,
        };
        let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
        if let AnswerFormat::OneOf(answers) = &request.answer {
            // A model that is held to a form it was not told of says what comes first in it.
            let form = format!("Answer as {{\"answer\": \"..\"}}, with one of: {}.", answers.join(", "));
            messages.push(json!({ "role": "system", "content": form }));
        }
        Ok(Self {
            model,
            messages,
            tools: request.tools.iter().map(tool).collect::<Result<_, _>>()?,
            max_tokens: bounded(Bound::MaxTokens),
            max_completion_tokens: bounded(Bound::MaxCompletionTokens),
            temperature: request.temperature,
            top_p: request.top_p,
            seed: request.seed,
            stop: &request.stop,
            tool_choice: tool_choice(&request.tool_choice),
            response_format,
            stream: stream.then_some(true),
            stream_options: stream.then(|| json!({ "include_usage": true })),
        })
    }
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "function": { "name": name } })),
        // What servers do where nothing is said.
        _ => None,
    }
}

fn message(message: &Message) -> Value {
    match message {
        Message::Assistant { text, calls } if !calls.is_empty() => json!({
            "role": "assistant", "content": text,
            "tool_calls": calls.iter().map(|call| json!({
                "id": call.id, "type": "function",
                "function": { "name": call.tool, "arguments": call.arguments },
            })).collect::<Vec<_>>(),
        }),
        Message::Tool(result) => json!({ "role": "tool", "tool_call_id": result.id, "content": result.text }),
        other => json!({ "role": other.role(), "content": other.text() }),
    }
}

fn tool(spec: &ToolSpec) -> serde_json::Result<Tool<'_>> {
    let parameters = serde_json::from_str(&spec.parameters)?;
    let function = Function { name: &spec.name, description: &spec.description, parameters };
    Ok(Tool { r#type: "function", function })
}

#[derive(Deserialize)]
pub(crate) struct Response {
    pub(crate) choices: Vec<Choice>,
    #[serde(default)]
    pub(crate) usage: Option<Tokens>,
}

#[derive(Deserialize)]
pub(crate) struct Choice {
    pub(crate) message: Answer,
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// What the model says instead of an answer it will not give.
    #[serde(default)]
    pub(crate) refusal: Option<String>,
    #[serde(default)]
    pub(crate) tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
pub(crate) struct Call {
    #[serde(default)]
    pub(crate) id: Option<String>,
    pub(crate) function: Called,
}

#[derive(Deserialize)]
pub(crate) struct Called {
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) arguments: Option<String>,
}

impl From<Call> for ToolCall {
    fn from(call: Call) -> Self {
        let Called { name, arguments } = call.function;
        Self::new(call.id.unwrap_or_default(), name.unwrap_or_default(), arguments.unwrap_or_default())
    }
}

#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self { input_tokens: tokens.prompt_tokens, output_tokens: tokens.completion_tokens }
    }
}

/// Why the model stopped. Some servers say `stop` where they ask for tools.
pub(crate) fn finish(reason: Option<&str>, asks: bool) -> Finish {
    match reason {
        _ if asks => Finish::ToolCalls,
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Filtered,
        _ => Finish::Other,
    }
}

/// The object an answer out of several is wrapped in, since a schema's root must be an object for some servers.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    pub(crate) answer: String,
}

/// A piece of a stream.
#[derive(Deserialize)]
pub(crate) struct Chunk {
    #[serde(default)]
    pub(crate) choices: Vec<ChunkChoice>,
    #[serde(default)]
    pub(crate) usage: Option<Tokens>,
    /// What went wrong in the middle.
    #[serde(default)]
    pub(crate) error: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct ChunkChoice {
    #[serde(default)]
    pub(crate) delta: Delta,
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Delta {
    #[serde(default)]
    pub(crate) content: Option<String>,
    #[serde(default)]
    pub(crate) refusal: Option<String>,
    #[serde(default)]
    pub(crate) tool_calls: Option<Vec<CallPart>>,
}

/// A part of a call: the first has its name, the others more of its arguments.
#[derive(Deserialize)]
pub(crate) struct CallPart {
    #[serde(default)]
    pub(crate) index: usize,
    #[serde(flatten)]
    pub(crate) call: Call,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_tokens_are_called_as_the_model_wants() {
        let request = ChatRequest::new(vec![Message::user("hi")]).max_tokens(7);
        let sent = |bound| serde_json::to_value(Request::new("m", &request, bound, false).unwrap()).unwrap();
        let usual = sent(Bound::MaxTokens);
        assert_eq!((&usual["max_tokens"], &usual["max_completion_tokens"]), (&json!(7), &Value::Null));
        let reasons = sent(Bound::MaxCompletionTokens);
        assert_eq!((&reasons["max_tokens"], &reasons["max_completion_tokens"]), (&Value::Null, &json!(7)));
    }
}
