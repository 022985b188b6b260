//! A model whose exchanges are kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, Stream, StreamExt as _};

use super::{ChatModel, ChatReply, ChatRequest, Piece};
use crate::error::Result;
use crate::policy::Token as _;

/// A model that keeps what it is asked and what it answers, the last so many of them, in memory: to see which prompt a step
/// sent. A clone keeps in the same place.
///
/// What is kept is as it was sent. It may be about people, and it may be secret; it goes nowhere by itself.
///
/// ```
/// use orch_core::model::{ChatModel, ChatRequest, Kept, Message, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let model = Kept::last(100, ScriptedModel::new("test").says("Hello!"));
/// model.chat(&ChatRequest::new(vec![Message::user("Say hello.")])).await?;
/// let exchanges = model.exchanges();
/// assert_eq!(exchanges[0].request.messages[0].text(), "Say hello.");
/// assert_eq!(exchanges[0].answer.as_ref().unwrap().text, "Hello!");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Kept<M> {
    model: M,
    most: usize,
    exchanges: Arc<Mutex<VecDeque<Exchange>>>,
}

/// What a model was asked, and what came of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exchange {
    /// What it was asked.
    pub request: ChatRequest,
    /// What it answered, or the words of the error. Of a stream that was dropped, what had come.
    pub answer: Result<ChatReply, String>,
    /// How long it took.
    pub took: Duration,
}

/// Without what is kept.
impl<M: fmt::Debug> fmt::Debug for Kept<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("model", &self.model).field("most", &self.most).finish_non_exhaustive()
    }
}

impl<M: ChatModel> Kept<M> {
    /// Keeps the last `most` exchanges with `model`.
    pub fn last(most: usize, model: M) -> Self {
        Self { model, most, exchanges: Arc::default() }
    }

    /// What is kept, the oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn keep(&self, request: &ChatRequest, answer: Result<ChatReply, String>, took: Duration) {
        if self.most == 0 {
            return;
        }
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        if exchanges.len() == self.most {
            exchanges.pop_front();
        }
        exchanges.push_back(Exchange { request: request.clone(), answer, took });
    }
}

impl<M: ChatModel> ChatModel for Kept<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let began = Instant::now();
        let answered = self.model.chat(request).await;
        let answer = answered.as_ref().map(Clone::clone).map_err(ToString::to_string);
        self.keep(request, answer, began.elapsed());
        answered
    }

    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        let coming = Coming {
            kept: self,
            request,
            began: Instant::now(),
            reply: Ok(ChatReply { model: self.name().to_owned(), ..ChatReply::default() }),
        };
        let pieces = Box::pin(self.model.stream(request));
        stream::unfold((pieces, coming), |(mut pieces, mut coming)| async move {
            let piece = pieces.next().await?;
            match (&piece, &mut coming.reply) {
                (Ok(piece), Ok(reply)) => piece.clone().append_to(reply),
                (Err(error), reply) => *reply = Err(error.to_string()),
                (Ok(_), Err(_)) => {}
            }
            Some((piece, (pieces, coming)))
        })
    }
}

/// A stream's answer so far. It is kept when the stream ends or is dropped.
struct Coming<'m, 'r, M: ChatModel> {
    kept: &'m Kept<M>,
    request: &'r ChatRequest,
    began: Instant,
    reply: Result<ChatReply, String>,
}

impl<M: ChatModel> Drop for Coming<'_, '_, M> {
    fn drop(&mut self) {
        let reply = std::mem::replace(&mut self.reply, Ok(ChatReply::default()));
        self.kept.keep(self.request, reply, self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, ScriptedModel};

    #[tokio::test]
    async fn the_last_exchanges_are_kept_however_they_ended() {
        let scripted = ScriptedModel::new("m").says("one").fails("down").says("three").says("four");
        let model = Kept::last(3, scripted);
        let ask = |text: &str| ChatRequest::new(vec![Message::user(text)]);
        model.chat(&ask("a")).await.unwrap();
        model.chat(&ask("b")).await.unwrap_err();
        let request = ask("c");
        assert_eq!(ChatReply::collect("m", model.stream(&request)).await.unwrap().text, "three");
        drop(std::pin::pin!(model.clone().stream(&ask("d"))).next().await);
        let kept = model.exchanges();
        let shown: Vec<(&str, Option<&str>)> = kept
            .iter()
            .map(|one| (one.request.messages[0].text(), one.answer.as_ref().ok().map(|it| it.text.as_str())))
            .collect();
        assert_eq!(shown, [("b", None), ("c", Some("three")), ("d", Some("four"))]);
        assert!(kept[0].answer.as_ref().is_err_and(|error| error.contains("down")));
        assert!(Kept::last(0, ScriptedModel::new("m").says("x")).exchanges().is_empty());
    }
}
