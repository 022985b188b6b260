//! Answers in pieces: server-sent events, put together.

use std::collections::VecDeque;

use futures_util::stream::{self, Stream};
use orch_core::Result;
use orch_core::model::{Finish, ModelErrorKind, Piece, ToolCall, Usage};

use crate::events::Events;
use crate::wire::{Chunk, finish};
use crate::{Server, server};

/// Calls of one answer, at most.
const MAX_CALLS: usize = 128;

/// An answer that comes.
pub(crate) struct Assembly {
    model: String,
    server: Server,
    events: Events,
    /// Pieces that are complete and not given yet.
    ready: VecDeque<Piece>,
    calls: Vec<ToolCall>,
    finish: Option<String>,
    refused: bool,
    usage: Usage,
    ended: bool,
}

impl Assembly {
    pub(crate) fn of(model: &str, server: &Server, events: Events) -> Self {
        Self {
            model: model.to_owned(),
            server: server.clone(),
            events,
            ready: VecDeque::new(),
            calls: Vec::new(),
            finish: None,
            refused: false,
            usage: Usage::default(),
            ended: false,
        }
    }

    pub(crate) fn pieces(self) -> impl Stream<Item = Result<Piece>> + Send {
        stream::unfold(self, async |mut this| {
            let piece = this.next().await?;
            this.ended |= piece.is_err();
            Some((piece, this))
        })
    }

    async fn next(&mut self) -> Option<Result<Piece>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.ended {
                return None;
            }
            match self.events.next().await {
                Some(Ok(event)) if event == "[DONE]" => self.end(),
                Some(Ok(event)) => {
                    if let Err(error) = self.take(&event) {
                        return Some(Err(error));
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                // Some servers close instead of saying that they are done.
                None if self.finish.is_some() => self.end(),
                None => return Some(Err(server::error(&self.model, ModelErrorKind::CutShort))),
            }
        }
    }

    fn take(&mut self, event: &str) -> Result<()> {
        let malformed = |what: String| server::error(&self.model, ModelErrorKind::Malformed(what));
        let chunk: Chunk = serde_json::from_str(event).map_err(|error| malformed(error.to_string()))?;
        if let Some(error) = chunk.error {
            let what: String = self.server.clean(&error.to_string()).chars().take(500).collect();
            return Err(malformed(format!("an error in the middle of the stream: {what}")));
        }
        if let Some(tokens) = chunk.usage {
            self.usage = tokens.into();
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        for part in choice.delta.tool_calls.into_iter().flatten() {
            if part.index >= MAX_CALLS {
                return Err(malformed(format!("more than {MAX_CALLS} calls")));
            }
            while self.calls.len() <= part.index {
                self.calls.push(ToolCall::new("", "", ""));
            }
            let call = &mut self.calls[part.index];
            let more = ToolCall::from(part.call);
            if !more.id.is_empty() {
                call.id = more.id;
            }
            call.tool.push_str(&more.tool);
            call.arguments.push_str(&more.arguments);
        }
        if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
            self.ready.push_back(Piece::Text(text));
        }
        if let Some(text) = choice.delta.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            self.ready.push_back(Piece::Text(text));
        }
        if choice.finish_reason.is_some() {
            self.finish = choice.finish_reason;
        }
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
        let finish = match finish(self.finish.as_deref(), !self.calls.is_empty()) {
            Finish::Stop if self.refused => Finish::Filtered,
            finish => finish,
        };
        self.ready.extend(self.calls.drain(..).map(Piece::Call));
        self.ready.push_back(Piece::End { finish, usage: self.usage });
    }
}
