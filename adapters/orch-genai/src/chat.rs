//! Chat models.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use genai::chat::ChatStreamEvent;
use orch_core::Result;
use orch_core::model::{
    AnswerFormat, ChatModel, ChatReply, ChatRequest, ModelError, ModelErrorKind, Piece, ToolCall, Usage,
    in_one_piece,
};

use crate::provider::Target;
use crate::{Provider, error, request as convert};

/// The largest answer that comes in pieces, in bytes.
const MAX_ANSWER: usize = 32 << 20;

/// A chat model of a provider.
#[derive(Clone, Debug)]
pub struct Chat {
    target: Target,
}

impl Chat {
    /// A model by the name the provider knows it by, with the key of the environment where it needs one.
    ///
    /// # Errors
    ///
    /// When this machine has no way to make a connection.
    pub fn new(provider: Provider, model: impl Into<String>) -> Result<Self> {
        Ok(Self { target: Target::new(provider, model.into())? })
    }

    /// The same with this key, which is sent with each request and shown nowhere.
    #[must_use]
    pub fn with_key(self, key: impl Into<Arc<str>>) -> Self {
        Self { target: self.target.with_key(key.into()) }
    }

    /// The same at another address, up to where the provider's paths begin: `https://api.openai.com/v1`.
    #[must_use]
    pub fn at(self, endpoint: impl Into<String>) -> Self {
        Self { target: self.target.at(endpoint.into()) }
    }

    /// The same where an answer may take so long.
    ///
    /// # Errors
    ///
    /// When this machine has no way to make a connection.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self> {
        Ok(Self { target: self.target.with_timeout(timeout)? })
    }

    fn fail(&self, failed: genai::Error) -> orch_core::Error {
        error::of(self.name(), self.target.key(), failed)
    }

    async fn begin(&self, request: &ChatRequest) -> Result<genai::chat::ChatStream> {
        let target = self.target.resolved().await?;
        let (chat, options) = (convert::chat(request)?, convert::options(request)?);
        let begun = self.target.client().exec_chat_stream(target, chat, Some(&options)).await;
        Ok(begun.map_err(|failed| self.fail(failed))?.stream)
    }
}

impl ChatModel for Chat {
    fn name(&self) -> &str {
        &self.target.model
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let target = self.target.resolved().await?;
        let (chat, options) = (convert::chat(request)?, convert::options(request)?);
        let answered = self.target.client().exec_chat(target, chat, Some(&options)).await;
        let response = answered.map_err(|failed| self.fail(failed))?;
        let usage = convert::usage(&response.usage);
        let reason = response.stop_reason.clone();
        let text = response.content.joined_texts().unwrap_or_default();
        let calls: Vec<ToolCall> = response.into_tool_calls().into_iter().map(convert::call).collect();
        let finish = convert::finish(reason.as_ref(), !calls.is_empty());
        if text.is_empty() && calls.is_empty() && reason.is_none() {
            return Err(error::malformed(self.name(), "it has neither text nor calls"));
        }
        Ok(ChatReply::new(convert::chosen(request, text), usage).calls(calls).finish(finish))
    }

    /// An answer out of several comes as one piece, since it is wrapped.
    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        if matches!(request.answer, AnswerFormat::OneOf(_)) {
            return in_one_piece(self, request).left_stream();
        }
        let begun = async {
            let events = self.begin(request).await?;
            orch_core::Ok(
                stream::unfold(Some((events, 0)), |state| self.pieces(state)).flat_map(stream::iter),
            )
        };
        stream::once(begun).try_flatten().right_stream()
    }
}

/// The bytes an event adds to an answer. A part of a call comes with what came of the call before, and is not counted.
fn size(event: &ChatStreamEvent) -> usize {
    match event {
        ChatStreamEvent::Chunk(chunk)
        | ChatStreamEvent::ReasoningChunk(chunk)
        | ChatStreamEvent::ThoughtSignatureChunk(chunk) => chunk.content.len(),
        _ => 0,
    }
}

/// The events that come, and how many bytes came.
type Coming = Option<(genai::chat::ChatStream, usize)>;

impl Chat {
    /// The pieces of the next event that has some.
    async fn pieces(&self, state: Coming) -> Option<(Vec<Result<Piece>>, Coming)> {
        let (mut events, mut bytes) = state?;
        loop {
            let event = events.next().await;
            bytes += event.as_ref().and_then(|event| event.as_ref().ok()).map_or(0, size);
            if bytes > MAX_ANSWER {
                let kind = ModelErrorKind::TooLarge { limit: MAX_ANSWER };
                return Some((vec![Err(ModelError::new(self.name(), kind).into_error())], None));
            }
            match event {
                None => {
                    let cut = ModelError::new(self.name(), ModelErrorKind::CutShort).into_error();
                    return Some((vec![Err(cut)], None));
                }
                Some(Err(failed)) => return Some((vec![Err(self.fail(failed))], None)),
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    return Some((vec![Ok(Piece::Text(chunk.content))], Some((events, bytes))));
                }
                Some(Ok(ChatStreamEvent::End(end))) => {
                    let usage = end.captured_usage.as_ref().map_or_else(Usage::default, convert::usage);
                    let reason = end.captured_stop_reason.clone();
                    if reason.is_none() && self.target.provider.says_why_it_ends() {
                        let cut = ModelError::new(self.name(), ModelErrorKind::CutShort).into_error();
                        return Some((vec![Err(cut)], None));
                    }
                    let calls = end.captured_into_tool_calls().unwrap_or_default();
                    let mut pieces: Vec<Result<Piece>> =
                        calls.into_iter().map(|called| Ok(Piece::Call(convert::call(called)))).collect();
                    let finish = convert::finish(reason.as_ref(), !pieces.is_empty());
                    pieces.push(Ok(Piece::End { finish, usage }));
                    return Some((pieces, None));
                }
                // Thoughts, calls that are not whole yet, signs of life.
                Some(Ok(_)) => {}
            }
        }
    }
}
