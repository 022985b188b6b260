//! Language models: one request, one reply.
//!
//! Adapters implement [`ChatModel`] for a provider; everything here that talks to a model takes any.
//!
//! | | is |
//! |---|---|
//! | [`ScriptedModel`] | a model for tests that says what it is told to |
//! | [`Fallback`] | a model, and another for when it fails |
//! | [`Kept`] | a model that keeps what it was asked and what it said |
//! | [`Paced`] | a model whose every call takes a permit, ends in time, and is tried again |
//! | [`Metered`] | a model or an encoder whose calls a [`Budget`](crate::Budget) bounds |
//! | `PromptedTools`, feature `agents` | a small model that knows no tools, told of them in words |
//! | `conformance`, feature `agents` | what any adapter must hold |

use std::future::Future;

use futures_util::stream::Stream;

use crate::error::Result;

#[cfg(feature = "agents")]
pub mod conformance;
mod error;
mod fallback;
mod kept;
mod message;
mod metered;
mod paced;
pub(crate) mod pieces;
#[cfg(feature = "agents")]
mod prompted_tools;
mod reply;
mod request;
mod scripted;

pub use error::{ModelError, ModelErrorKind};
pub use fallback::{Fallback, NoneAnswered};
pub use kept::{Exchange, Kept};
pub use message::{Message, ToolCall, ToolResult};
pub use metered::Metered;
pub use paced::Paced;
pub use pieces::{Piece, in_one_piece};
#[cfg(feature = "agents")]
pub use prompted_tools::PromptedTools;
pub use reply::{ChatReply, Finish, Price, Usage};
pub use request::{AnswerFormat, AnswerSchema, ChatRequest, ToolChoice, ToolSpec};
pub use scripted::ScriptedModel;

/// A model that answers messages.
///
/// One call is one request: retries, time limits and fallbacks are policies of the step around it.
pub trait ChatModel: Send + Sync {
    /// The model's name, as it is reported.
    fn name(&self) -> &str;

    /// Answers.
    ///
    /// # Errors
    ///
    /// A [`ModelError`] inside orch's error.
    fn chat(&self, request: &ChatRequest) -> impl Future<Output = Result<ChatReply>> + Send;

    /// Answers in pieces; the last is a [`Piece::End`], or an error. Nothing is asked until the stream is polled, and a
    /// stream that is dropped stops the model.
    ///
    /// A model that cannot stream gives its whole answer as one piece.
    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        in_one_piece(self, request)
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<M: ChatModel> ChatModel for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn chat(&self, request: &ChatRequest) -> impl Future<Output = Result<ChatReply>> + Send {
                (**self).chat(request)
            }

            fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
                (**self).stream(request)
            }
        }
    )*};
}

forward!(&M, std::sync::Arc<M>);
