//! `#[stream]`: a step whose value comes in pieces.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::Stream;
use pin_project_lite::pin_project;

use crate::workflow::Leave;

/// A piece of what a `#[stream]` step gives.
///
/// ```
/// use orch_core::Token;
///
/// /// A piece of a reply that also counts what it cost.
/// struct Chunk {
///     text: String,
///     tokens: u32,
/// }
///
/// #[derive(Default)]
/// struct Reply {
///     text: String,
///     tokens: u32,
/// }
///
/// impl Token for Chunk {
///     type Whole = Reply;
///     fn text(&self) -> &str {
///         &self.text
///     }
///     fn append_to(self, whole: &mut Reply) {
///         whole.text.push_str(&self.text);
///         whole.tokens += self.tokens;
///     }
/// }
/// ```
pub trait Token {
    /// What the pieces come to: the step's value.
    type Whole: Default;

    /// What an observer is shown.
    fn text(&self) -> &str;

    /// Whether what observers were shown of the pieces before is void, and the text begins anew.
    fn restarts(&self) -> bool {
        false
    }

    /// Adds the piece to those before it.
    fn append_to(self, whole: &mut Self::Whole);
}

impl Token for String {
    type Whole = String;

    fn text(&self) -> &str {
        self
    }

    fn append_to(self, whole: &mut String) {
        whole.push_str(&self);
    }
}

impl Token for &str {
    type Whole = String;

    fn text(&self) -> &str {
        self
    }

    fn append_to(self, whole: &mut String) {
        whole.push_str(self);
    }
}

pin_project! {
    /// A stream of tokens on its way to being one value.
    struct Collected<L, S, W> {
        #[pin]
        tokens: S,
        step: L,
        whole: W,
    }
}

/// What a step marked `#[stream]` gives: a stream of `Result`s of tokens.
#[diagnostic::on_unimplemented(
    message = "a step marked `stream` gives a stream of tokens, and this is none",
    label = "this is no `Stream<Item = Result<impl Token, _>>`",
    note = "take `#[stream]` away where the whole value comes at once"
)]
pub trait Tokens {
    /// A piece.
    type Token: Token;
    /// The error that ends the stream.
    type Error;
    /// The next piece. Not `Stream`'s own method: as a supertrait it would be one more error for one mistake.
    fn poll_token(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Self::Token, Self::Error>>>;
}

impl<S: Stream<Item = Result<T, E>>, T: Token, E> Tokens for S {
    type Token = T;
    type Error = E;
    fn poll_token(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        self.poll_next(cx)
    }
}

/// Collects the tokens of a step, and shows each to the observer as it comes.
pub fn collected<L: Leave, S: Tokens>(
    step: L,
    tokens: S,
) -> impl Future<Output = Result<<S::Token as Token>::Whole, S::Error>> {
    Collected { tokens, step, whole: <S::Token as Token>::Whole::default() }
}

impl<L: Leave, S: Tokens> Future for Collected<L, S, <S::Token as Token>::Whole> {
    type Output = Result<<S::Token as Token>::Whole, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            ready!(this.step.poll_room(cx));
            let Some(token) = ready!(this.tokens.as_mut().poll_token(cx)) else {
                return Poll::Ready(Ok(std::mem::take(this.whole)));
            };
            let token = token?;
            if token.restarts() {
                this.step.restarted();
            } else {
                this.step.token(token.text());
            }
            token.append_to(this.whole);
        }
    }
}
