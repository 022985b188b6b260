//! Tools for models that know none.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    AnswerFormat, AnswerSchema, ChatModel, ChatReply, ChatRequest, Finish, Message, ToolCall, ToolChoice,
};
use crate::error::Result;
use crate::structured::{Form, extract, sorted};

/// A model that is told of tools in words and asks for them in JSON, held to a schema where the server can. For small
/// models, whose chat templates know no tools, or that write a call as text.
///
/// One tool is asked for at a time. What was asked and what came of it stand in the conversation as text.
///
/// ```
/// use orch_core::agent::React;
/// use orch_core::model::{PromptedTools, ScriptedModel};
/// use orch_core::{Result, tool};
///
/// /// Adds two whole numbers.
/// #[tool(reads)]
/// async fn add(a: i64, b: i64) -> Result<i64> {
///     Ok(a + b)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let small = ScriptedModel::new("small")
///     .says(r#"{"tool": "add", "arguments": {"a": 1, "b": 2}}"#)
///     .says(r#"{"answer": "It is 3."}"#);
/// let agent = React::new(PromptedTools::new(small), add::tool());
/// assert_eq!(agent.run("1 + 2?").await?.value, "It is 3.");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct PromptedTools<M> {
    model: M,
}

impl<M: ChatModel> PromptedTools<M> {
    /// Tells `model` of tools in words. Requests without tools go as they are.
    pub fn new(model: M) -> Self {
        Self { model }
    }
}

impl<M: ChatModel> ChatModel for PromptedTools<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        if request.tools.is_empty() {
            return self.model.chat(request).await;
        }
        if request.tool_choice == ToolChoice::None {
            return self.model.chat(&told_no_tools(request)).await;
        }
        let mut reply = self.model.chat(&told(request)).await?;
        // What is neither an answer nor a call is taken as said.
        let Ok(found) = extract::<Value>(&reply.text) else { return Ok(reply) };
        // Nor is a call, or an answer, of which only a part came.
        if found.form == Form::Cut {
            return Ok(reply);
        }
        if let Some(answer) = found.value["answer"].as_str() {
            reply.text = String::from(answer);
        } else if let Some(tool) = found.value["tool"].as_str() {
            let arguments = sorted(&found.value["arguments"]);
            let call = ToolCall::new("", tool, arguments);
            reply = ChatReply { text: String::new(), ..reply }.calls(vec![call]).finish(Finish::ToolCalls);
        }
        Ok(reply)
    }
}

/// The request in words.
fn told(request: &ChatRequest) -> ChatRequest {
    let mut task = String::from(
        "You have tools. Whenever a tool can find out what is asked, use it, and never make up what it would give: answer \
         with only {\"tool\": NAME, \"arguments\": {..}}, and you are told what it gave. When no tool is needed any more, \
         answer with only {\"answer\": TEXT}. The tools:\n",
    );
    let mut forms = Vec::with_capacity(request.tools.len() + 1);
    for tool in &request.tools {
        let _ = writeln!(task, "- {}: {} Its arguments: {}", tool.name, tool.description, tool.parameters);
        let name = Value::from(&*tool.name);
        // Servers hold a model to the order of a schema's properties, so the name comes first, as one thinks of it.
        forms.push(form("tool", "arguments", &format!("{{\"const\":{name}}}"), &tool.parameters));
    }
    forms.push("{\"type\":\"object\",\"properties\":{\"answer\":{\"type\":\"string\"}},\"required\":[\"answer\"],\"additionalProperties\":false}".to_owned());

    let mut messages: Vec<Message> = request.messages.iter().map(in_words).collect();
    let place = messages.iter().take_while(|message| matches!(message, Message::System(_))).count();
    messages.insert(place, Message::System(task));
    // A small model keeps to what it heard last.
    let names: Vec<&str> = request.tools.iter().map(|tool| &*tool.name).collect();
    let next = if request.messages.iter().any(|message| matches!(message, Message::Tool(_))) {
        "If that is enough, answer with {\"answer\": TEXT}; if not, with the next {\"tool\": NAME, \"arguments\": {..}}."
    } else {
        "First find out what you need by {\"tool\": NAME, \"arguments\": {..}}; only if no tool is of any use here, answer."
    };
    messages.push(Message::System(format!("{next} The tools: {}.", names.join(", "))));
    let schema = AnswerSchema {
        name: "step".to_owned(),
        schema: format!("{{\"oneOf\":[{}]}}", forms.join(",")).into(),
    };
    let mut told = ChatRequest::new(messages).answer(AnswerFormat::Json(schema));
    (told.max_tokens, told.temperature) = (request.max_tokens, request.temperature);
    // Not what it stops at: that is about the answer, and would cut the form around it.
    (told.top_p, told.seed) = (request.top_p, request.seed);
    told
}

/// The request without its tools: what they gave before is told in words.
fn told_no_tools(request: &ChatRequest) -> ChatRequest {
    let messages = request.messages.iter().map(in_words).collect();
    ChatRequest { messages, tools: Vec::new(), tool_choice: ToolChoice::Auto, ..request.clone() }
}

/// An object that has just these two.
fn form(first: &str, second: &str, of_first: &str, of_second: &str) -> String {
    format!(
        "{{\"type\":\"object\",\"properties\":{{\"{first}\":{of_first},\"{second}\":{of_second}}},\
         \"required\":[\"{first}\",\"{second}\"],\"additionalProperties\":false}}"
    )
}

fn in_words(message: &Message) -> Message {
    match message {
        Message::Assistant { calls, .. } if !calls.is_empty() => {
            let step = |call: &ToolCall| {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or(Value::Null);
                sorted(&json!({ "tool": call.tool, "arguments": arguments }))
            };
            Message::assistant(calls.iter().map(step).collect::<Vec<_>>().join("\n"))
        }
        Message::Tool(result) if result.failed => {
            Message::user(format!("`{}` failed: {}", result.tool, result.text))
        }
        Message::Tool(result) => Message::user(format!("`{}` gave: {}", result.tool, result.text)),
        other => other.clone(),
    }
}
