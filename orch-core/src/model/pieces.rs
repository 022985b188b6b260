//! Answers that come in pieces.

use std::future::Future;

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc::Sender;

use super::{ChatModel, ChatReply, ChatRequest, Finish, ModelError, ModelErrorKind, ToolCall, Usage};
use crate::error::Result;
use crate::policy::Token;

/// A piece of an answer. A step marked `#[stream]` may give a stream of them: it shows each and comes to a
/// [`ChatReply`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece {
    /// Some more text.
    Text(String),
    /// A tool the model asks for, whole.
    Call(ToolCall),
    /// The model failed and another begins anew: what came so far is void.
    Restart {
        /// The model that begins.
        model: String,
    },
    /// The answer is complete. Exactly one comes, last; a stream that ends without one was cut.
    End {
        /// Why the model stopped.
        finish: Finish,
        /// Tokens read and written, as far as the provider says.
        usage: Usage,
    },
}

impl Piece {
    /// The pieces of an answer that came whole.
    fn all(reply: ChatReply) -> impl Iterator<Item = Self> {
        let ChatReply { text, calls, finish, usage, .. } = reply;
        let text = (!text.is_empty()).then_some(Self::Text(text));
        text.into_iter().chain(calls.into_iter().map(Self::Call)).chain([Self::End { finish, usage }])
    }
}

/// A model's whole answer as a stream: its text in one piece. For models, and answers, that cannot come otherwise.
pub fn in_one_piece<M: ChatModel + ?Sized>(
    model: &M,
    request: &ChatRequest,
) -> impl Stream<Item = Result<Piece>> + Send {
    let whole = async { model.chat(request).await.map(|reply| stream::iter(Piece::all(reply).map(Ok))) };
    stream::once(whole).try_flatten()
}

/// What some work sends while it goes on, as a stream. The work goes no further than what is taken of it, and is dropped
/// with the stream.
pub(crate) fn sent_by<T: Send, F: Future<Output = ()> + Send>(
    work: impl FnOnce(Sender<T>) -> F,
) -> impl Stream<Item = T> + Send {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let work = stream::once(work(sender)).filter_map(|()| std::future::ready(None));
    stream::select(stream::poll_fn(move |cx| receiver.poll_recv(cx)), work)
}

/// The stream of a request that nobody else keeps.
pub(crate) fn stream_of<M: ChatModel>(
    model: &M,
    request: ChatRequest,
) -> impl Stream<Item = Result<Piece>> + Send {
    sent_by(async move |pieces| {
        let mut answer = std::pin::pin!(model.stream(&request));
        while let Some(piece) = answer.next().await {
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
    })
}

impl Token for Piece {
    type Whole = ChatReply;

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Call(_) | Self::Restart { .. } | Self::End { .. } => "",
        }
    }

    fn restarts(&self) -> bool {
        matches!(self, Self::Restart { .. })
    }

    fn append_to(self, whole: &mut ChatReply) {
        match self {
            Self::Text(text) => whole.text.push_str(&text),
            Self::Call(call) => whole.calls.push(call),
            Self::Restart { model } => *whole = ChatReply { model, ..ChatReply::default() },
            Self::End { finish, usage } => {
                whole.finish = finish;
                whole.usage = usage;
            }
        }
    }
}

impl ChatReply {
    /// Puts an answer together.
    ///
    /// # Errors
    ///
    /// That of the stream; or, as a [`ModelError`], that it was cut: it ended without a [`Piece::End`].
    pub async fn collect(model: &str, pieces: impl Stream<Item = Result<Piece>>) -> Result<Self> {
        let mut pieces = std::pin::pin!(pieces);
        let mut whole = Self::default();
        let mut ended = false;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            ended = matches!(piece, Piece::End { .. });
            piece.append_to(&mut whole);
        }
        if ended { Ok(whole) } else { Err(ModelError::new(model, ModelErrorKind::CutShort).into_error()) }
    }
}
