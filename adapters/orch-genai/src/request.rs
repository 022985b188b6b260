//! Requests and answers, in `genai`'s terms and in orch's.

use genai::chat::{
    ChatMessage, ChatOptions, ChatResponseFormat, JsonSpec, MessageContent, StopReason, Tool,
    ToolCall as Called, ToolResponse,
};
use orch_core::model::{AnswerFormat, ChatRequest, Finish, Message, ToolCall, ToolChoice, Usage};
use serde_json::{Value, json};

/// The messages and tools of a request.
pub(crate) fn chat(request: &ChatRequest) -> serde_json::Result<genai::chat::ChatRequest> {
    let mut messages: Vec<ChatMessage> = Vec::with_capacity(request.messages.len());
    let mut results: Vec<ToolResponse> = Vec::new();
    for message in &request.messages {
        // What tools gave is one message, as those who asked for them at once expect it.
        if let Message::Tool(result) = message {
            let text = if result.failed { format!("error: {}", result.text) } else { result.text.clone() };
            results.push(ToolResponse::new(&result.id, text).with_fn_name(&result.tool));
            continue;
        }
        flush(&mut results, &mut messages);
        messages.push(match message {
            Message::System(text) => ChatMessage::system(text.as_str()),
            Message::Assistant { text, calls } if !calls.is_empty() => {
                let mut content = MessageContent::default();
                if !text.is_empty() {
                    content.push(text.clone());
                }
                for call in calls {
                    content.push(Called {
                        call_id: call.id.clone(),
                        fn_name: call.tool.clone(),
                        fn_arguments: serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({})),
                        thought_signatures: (!call.signatures.is_empty()).then(|| call.signatures.clone()),
                    });
                }
                ChatMessage::assistant(content)
            }
            Message::Assistant { text, .. } => ChatMessage::assistant(text.as_str()),
            other => ChatMessage::user(other.text()),
        });
    }
    flush(&mut results, &mut messages);
    let mut chat = genai::chat::ChatRequest::new(messages);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|spec| {
            let schema: Value = serde_json::from_str(&spec.parameters)?;
            Ok(Tool::new(spec.name.to_string()).with_description(&*spec.description).with_schema(schema))
        });
        chat = chat.with_tools(tools.collect::<serde_json::Result<Vec<Tool>>>()?);
    }
    Ok(chat)
}

fn flush(results: &mut Vec<ToolResponse>, messages: &mut Vec<ChatMessage>) {
    if !results.is_empty() {
        messages.push(ChatMessage::tool(MessageContent::from_tool_responses(std::mem::take(results))));
    }
}

/// The parameters of a request.
pub(crate) fn options(request: &ChatRequest) -> serde_json::Result<ChatOptions> {
    let mut options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_tool_calls(true)
        .with_capture_content(true);
    if let Some(tokens) = request.max_tokens {
        options = options.with_max_tokens(tokens);
    }
    if let Some(temperature) = request.temperature {
        options = options.with_temperature(temperature);
    }
    if let Some(share) = request.top_p {
        options = options.with_top_p(share);
    }
    if let Some(seed) = request.seed {
        options = options.with_seed(seed);
    }
    if !request.stop.is_empty() {
        options = options.with_stop_sequences(request.stop.clone());
    }
    options = match &request.tool_choice {
        ToolChoice::None => options.with_tool_choice(genai::chat::ToolChoice::None),
        ToolChoice::Required => options.with_tool_choice(genai::chat::ToolChoice::Required),
        ToolChoice::Tool(name) => options.with_tool_choice(genai::chat::ToolChoice::tool(name)),
        _ => options,
    };
    let spec = match &request.answer {
        AnswerFormat::OneOf(answers) => Some(JsonSpec::new(
            "answer",
            json!({
                "type": "object", "additionalProperties": false, "required": ["answer"],
                "properties": { "answer": { "type": "string", "enum": answers } },
            }),
        )),
        AnswerFormat::Json(schema) => {
            Some(JsonSpec::new(&schema.name, serde_json::from_str::<Value>(&schema.schema)?))
        }
        _ => None,
    };
    Ok(match spec {
        Some(spec) => options.with_response_format(ChatResponseFormat::JsonSpec(spec)),
        None => options,
    })
}

/// What a model says where it was given answers to choose from: the one it wrapped, or what it said.
pub(crate) fn chosen(request: &ChatRequest, text: String) -> String {
    if !matches!(request.answer, AnswerFormat::OneOf(_)) {
        return text;
    }
    let value: Option<Value> = serde_json::from_str(&text).ok();
    value.and_then(|value| Some(value.get("answer")?.as_str()?.to_owned())).unwrap_or(text)
}

pub(crate) fn call(called: Called) -> ToolCall {
    let arguments = match called.fn_arguments {
        // What could not be read as JSON comes as it was.
        Value::String(text) => text,
        value => value.to_string(),
    };
    let mut call = ToolCall::new(called.call_id, called.fn_name, arguments);
    call.signatures = called.thought_signatures.unwrap_or_default();
    call
}

pub(crate) fn usage(usage: &genai::chat::Usage) -> Usage {
    let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
    Usage { input_tokens: count(usage.prompt_tokens), output_tokens: count(usage.completion_tokens) }
}

/// Why the model stopped. Some providers say `stop` where they ask for tools.
pub(crate) fn finish(reason: Option<&StopReason>, asks: bool) -> Finish {
    match reason {
        _ if asks => Finish::ToolCalls,
        Some(StopReason::Completed(_) | StopReason::StopSequence(_)) => Finish::Stop,
        Some(StopReason::MaxTokens(_)) => Finish::Length,
        Some(StopReason::ContentFilter(_)) => Finish::Filtered,
        _ => Finish::Other,
    }
}
