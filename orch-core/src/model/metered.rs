//! A model or an encoder whose calls are paid for.

use std::borrow::Cow;

use futures_util::stream::{self, Stream, StreamExt as _};

use super::pieces::stream_of;
use super::{ChatModel, ChatReply, ChatRequest, ModelError, NoneAnswered, Piece, Price, Usage};
use crate::error::{Error, Kind, Result};
use crate::policy::{Budget, Reservation, Spending};
use crate::router::{Encoder, Vectors};

/// Tokens an answer may have where a request does not bound it.
const UNBOUNDED_ANSWER: u32 = 4_096;
/// Tokens a provider puts around each message, at most.
const AROUND_A_MESSAGE: u64 = 16;

/// A model, or an [`Encoder`], whose calls come out of a [`Budget`].
///
/// Before each call as much is reserved as it can cost: as many tokens as the request has bytes, and as many as the
/// answer may have: [`ChatRequest::max_tokens`], or 4,096, which the model is then told. After it what was used is charged and the rest given back.
/// A call that failed counts as a call. One that was dropped, broke after it was sent, or whose provider does not say what it
/// used is charged as reserved, since nobody knows.
///
/// ```
/// use orch_core::model::{ChatModel, ChatRequest, Message, Metered, Price, ScriptedModel};
/// use orch_core::{Budget, Kind, Limits};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let budget = Budget::new(Limits::new().calls(1));
/// let model = Metered::new(ScriptedModel::new("m").says("one").says("two"), &budget, Price::default());
/// let request = ChatRequest::new(vec![Message::user("hello")]);
/// assert_eq!(model.chat(&request).await?.text, "one");
/// assert_eq!(model.chat(&request).await.unwrap_err().kind(), Kind::Budget);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Metered<M> {
    model: M,
    budget: Budget,
    price: Price,
}

impl<M> Metered<M> {
    /// Charges the calls of a model or an encoder to `budget`, at `price`.
    pub fn new(model: M, budget: &Budget, price: Price) -> Self {
        Self { model, budget: budget.clone(), price }
    }

    fn reserve(&self, most: Usage) -> Result<Open> {
        Ok(Open { reservation: Some(self.budget.reserve(self.spending(most))?), began: false })
    }

    fn spending(&self, usage: Usage) -> Spending {
        Spending::new(1, usage.total(), self.price.of(usage))
    }
}

/// The most a request can use.
fn most(request: &ChatRequest) -> Usage {
    Usage {
        input_tokens: request.bytes() as u64 + AROUND_A_MESSAGE * (request.messages.len() as u64 + 1),
        output_tokens: u64::from(request.max_tokens.unwrap_or(UNBOUNDED_ANSWER)),
    }
}

/// The request with a bound on its answer: what is reserved must be the most it can cost.
fn bounded(request: &ChatRequest) -> Cow<'_, ChatRequest> {
    match request.max_tokens {
        Some(_) => Cow::Borrowed(request),
        None => Cow::Owned(request.clone().max_tokens(UNBOUNDED_ANSWER)),
    }
}

/// Whether a model may have worked on what failed: then it has used something, and nobody knows how much.
fn was_sent(error: &Error) -> bool {
    if let Some(NoneAnswered { failures }) = error.downcast_ref() {
        return failures.iter().any(|(_, error)| was_sent(error));
    }
    // What took too long was on its way.
    error.kind() == Kind::Timeout || error.downcast_ref::<ModelError>().is_some_and(|error| error.sent)
}

/// A call that is on its way. Dropped, it is charged in full.
struct Open {
    reservation: Option<Reservation>,
    /// Whether a piece of the answer came.
    began: bool,
}

impl Open {
    /// Charges what was used. A provider that does not say is taken at the most it can be.
    fn answered<M>(&mut self, metered: &Metered<M>, usage: Usage) {
        if usage.total() == 0 { self.unknown() } else { self.ended(metered.spending(usage)) }
    }

    /// Charges all that was reserved.
    fn unknown(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let all = reservation.amount();
            reservation.commit(all);
        }
    }

    fn ended(&mut self, spent: Spending) {
        if let Some(reservation) = self.reservation.take() {
            reservation.commit(spent);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.unknown();
    }
}

impl<M: ChatModel> ChatModel for Metered<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let request = &*bounded(request);
        let mut open = self.reserve(most(request))?;
        let answered = self.model.chat(request).await;
        match &answered {
            Ok(reply) => open.answered(self, reply.usage),
            Err(error) if was_sent(error) => open.unknown(),
            Err(_) => open.ended(self.spending(Usage::default())),
        }
        answered
    }

    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        let begun = async move {
            let request = bounded(request);
            let open = match self.reserve(most(&request)) {
                Ok(open) => open,
                Err(refused) => return stream::once(async { Err(refused) }).left_stream(),
            };
            let pieces = match request {
                Cow::Borrowed(request) => self.model.stream(request).left_stream(),
                Cow::Owned(request) => stream_of(&self.model, request).right_stream(),
            };
            let state = (Box::pin(pieces), open);
            stream::unfold(state, move |(mut pieces, mut open)| async move {
                let piece = pieces.next().await?;
                match &piece {
                    Ok(Piece::End { usage, .. }) => open.answered(self, *usage),
                    Ok(_) => open.began = true,
                    Err(error) if open.began || was_sent(error) => open.unknown(),
                    Err(_) => open.ended(self.spending(Usage::default())),
                }
                Some((piece, (pieces, open)))
            })
            .right_stream()
        };
        stream::once(begun).flatten()
    }
}

/// As many tokens are reserved as the texts have bytes.
impl<E: Encoder> Encoder for Metered<E> {
    fn identity(&self) -> &str {
        self.model.identity()
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    fn batch_size(&self) -> usize {
        self.model.batch_size()
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        self.model.word_rank(word)
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let around = AROUND_A_MESSAGE * texts.len() as u64;
        let mut open = self.reserve(Usage { input_tokens: bytes as u64 + around, output_tokens: 0 })?;
        let answered = self.model.encode(texts).await;
        match &answered {
            Ok(Vectors { usage: Some(usage), .. }) => open.ended(self.spending(*usage)),
            Ok(Vectors { usage: None, .. }) => open.unknown(),
            Err(error) if was_sent(error) => open.unknown(),
            Err(_) => open.ended(self.spending(Usage::default())),
        }
        answered
    }
}
