//! Chat completions.

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use orch_core::Result;
use orch_core::model::{
    AnswerFormat, ChatModel, ChatReply, ChatRequest, Finish, ModelErrorKind, Piece, ToolCall, Usage,
    in_one_piece,
};

use crate::events::Events;
use crate::streamed::Assembly;
use crate::wire::{Answer, Bound, Chosen, Request, Response, finish};
use crate::{Server, server};

/// A chat model of a server.
#[derive(Clone, Debug)]
pub struct Chat {
    server: Server,
    model: String,
    bound: Bound,
}

impl Chat {
    /// A model by the name the server knows it by.
    pub fn new(server: Server, model: impl Into<String>) -> Self {
        Self { server, model: model.into(), bound: Bound::MaxTokens }
    }

    /// The same for a model that wants `max_completion_tokens` where others want `max_tokens`: those of OpenAI that reason,
    /// whose thoughts count too.
    #[must_use]
    pub fn with_completion_tokens(self) -> Self {
        Self { bound: Bound::MaxCompletionTokens, ..self }
    }

    /// The model the environment names: `OPENAI_MODEL` of the server at `OPENAI_BASE_URL`, with the key `OPENAI_API_KEY`
    /// if there is one. Without them, a server on this machine: port 8081, and whichever model it has.
    #[must_use]
    pub fn from_env() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let server =
            Server::new(set("OPENAI_BASE_URL").unwrap_or_else(|| "http://127.0.0.1:8081/v1".to_owned()));
        let server = match set("OPENAI_API_KEY") {
            Some(key) => server.with_key(key),
            None => server,
        };
        Self::new(server, set("OPENAI_MODEL").unwrap_or_else(|| "default".to_owned()))
    }
}

const PATH: &str = "chat/completions";

impl ChatModel for Chat {
    fn name(&self) -> &str {
        &self.model
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let body = serde_json::to_vec(&Request::new(&self.model, request, self.bound, false)?)?;
        let Response { choices, usage } = self.server.post(&self.model, PATH, body).await?;
        let Some(choice) = choices.into_iter().next() else {
            let kind = ModelErrorKind::Malformed("it has no choice".to_owned());
            return Err(server::error(&self.model, kind));
        };
        let Answer { content, refusal, tool_calls } = choice.message;
        let calls: Vec<ToolCall> = tool_calls.into_iter().flatten().map(ToolCall::from).collect();
        let mut finish = finish(choice.finish_reason.as_deref(), !calls.is_empty());
        let text = match (content, refusal, &request.answer) {
            (Some(text), _, AnswerFormat::OneOf(_)) => match serde_json::from_str::<Chosen>(&text) {
                Ok(chosen) => chosen.answer,
                Err(_) => text,
            },
            (Some(text), ..) => text,
            (None, ..) if !calls.is_empty() => String::new(),
            (None, Some(refusal), _) => {
                finish = Finish::Filtered;
                refusal
            }
            (None, None, _) => {
                let kind = ModelErrorKind::Malformed("it has no text".to_owned());
                return Err(server::error(&self.model, kind));
            }
        };
        let usage = usage.map_or_else(Usage::default, Usage::from);
        Ok(ChatReply::new(text, usage).calls(calls).finish(finish))
    }

    /// An answer out of several comes as one piece, since it is wrapped.
    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        if matches!(request.answer, AnswerFormat::OneOf(_)) {
            return in_one_piece(self, request).left_stream();
        }
        let begun = async {
            let body = serde_json::to_vec(&Request::new(&self.model, request, self.bound, true)?)?;
            let (call, response) = self.server.open(&self.model, PATH, body).await?;
            let events = Events::new(call, response);
            orch_core::Ok(Assembly::of(&self.model, &self.server, events).pieces())
        };
        stream::once(begun).try_flatten().right_stream()
    }
}
