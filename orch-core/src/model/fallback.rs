//! Another model for when one fails.

use std::fmt;
use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt as _};

use super::{ChatModel, ChatReply, ChatRequest, Piece};
use crate::error::{Error, Kind, Result};

/// A model, and another that is asked when it fails.
///
/// [`ChatReply::model`] says which answered. In a stream the second model begins anew after a [`Piece::Restart`], also
/// when the first fails in the middle. What a budget or a guard refuses is refused: no other model is asked.
///
/// ```
/// use orch_core::model::{ChatModel, ChatRequest, Fallback, Message, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let down = ScriptedModel::new("hosted").fails("503 Service Unavailable");
/// let model = Fallback::new(down, ScriptedModel::new("local").says("blue"));
/// let reply = model.chat(&ChatRequest::new(vec![Message::user("Name a colour.")])).await?;
/// assert_eq!((reply.text.as_str(), reply.model.as_str()), ("blue", "local"));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Fallback<A, B> {
    first: A,
    second: B,
}

impl<A: ChatModel, B: ChatModel> Fallback<A, B> {
    /// Asks `second` when `first` fails. For more than two, one inside the other.
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

/// None of several models answered.
#[derive(Debug)]
pub struct NoneAnswered {
    /// The models that were asked, and what each failed with, in this order.
    pub failures: Vec<(String, Error)>,
}

impl NoneAnswered {
    fn of(first: (&str, Error), second: (&str, Error)) -> Error {
        let waits = [first.1.retry_after(), second.1.retry_after()];
        let failures = [first, second].map(|(model, error)| (model.to_owned(), error)).into();
        let error = Error::from(Self { failures });
        match waits.into_iter().flatten().min() {
            Some(wait) => error.try_again_after(wait),
            None => error,
        }
    }
}

impl fmt::Display for NoneAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no model answered")?;
        for (model, error) in &self.failures {
            write!(f, "; {model}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NoneAnswered {}

/// Whether another model may help.
fn is_of_the_model(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Budget | Kind::Guard)
}

impl<A: ChatModel, B: ChatModel> ChatModel for Fallback<A, B> {
    /// That of the first.
    fn name(&self) -> &str {
        self.first.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let error = match self.first.chat(request).await {
            Err(error) if is_of_the_model(&error) => error,
            answered => return answered.map(|reply| answered_by(reply, &self.first)),
        };
        match self.second.chat(request).await {
            Ok(reply) => Ok(answered_by(reply, &self.second)),
            Err(second) if is_of_the_model(&second) => {
                Err(NoneAnswered::of((self.first.name(), error), (self.second.name(), second)))
            }
            Err(refused) => Err(refused),
        }
    }

    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        let names = [self.first.name(), self.second.name()];
        in_turn(names, self.first.stream(request), || self.second.stream(request))
    }
}

/// The pieces of the first model, and of the second from where the first fails.
fn in_turn<A: Stream<Item = Result<Piece>>, B: Stream<Item = Result<Piece>>>(
    [first, second]: [&str; 2],
    pieces: A,
    begin: impl FnOnce() -> B,
) -> impl Stream<Item = Result<Piece>> {
    stream::unfold(State::First(Box::pin(pieces), begin), move |state: State<A, B, _>| async move {
        match state {
            State::First(mut pieces, begin) => match pieces.next().await? {
                Err(error) if is_of_the_model(&error) => {
                    let restart = Piece::Restart { model: second.to_owned() };
                    Some((Ok(restart), State::Second(error, Box::pin(begin()))))
                }
                Err(refused) => Some((Err(refused), State::Ended)),
                piece => Some((piece, State::First(pieces, begin))),
            },
            State::Second(failed, mut pieces) => match pieces.next().await? {
                Err(error) if is_of_the_model(&error) => {
                    Some((Err(NoneAnswered::of((first, failed), (second, error))), State::Ended))
                }
                Err(refused) => Some((Err(refused), State::Ended)),
                piece => Some((piece, State::Second(failed, pieces))),
            },
            State::Ended => None,
        }
    })
}

/// Which model's pieces come.
enum State<A, B, F> {
    First(Pin<Box<A>>, F),
    /// With what the first failed with.
    Second(Error, Pin<Box<B>>),
    Ended,
}

fn answered_by(mut reply: ChatReply, model: &impl ChatModel) -> ChatReply {
    if reply.model.is_empty() {
        model.name().clone_into(&mut reply.model);
    }
    reply
}
