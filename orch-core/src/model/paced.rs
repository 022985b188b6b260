//! A model whose every call keeps to bounds.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt as _};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::pieces::sent_by;
use super::{ChatModel, ChatReply, ChatRequest, ModelError, Piece};
use crate::error::{Error, Kind, Result};
use crate::policy::{Limiter, Retry};

/// A model whose every call takes a permit, ends in time, and is tried again where that may help.
///
/// A step's policies are around all a step does. An agent is one step and calls its model many times: what is to hold for
/// each of these calls is said here.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use orch_core::Limiter;
/// use orch_core::model::{ChatModel, ChatRequest, Message, Paced, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let hosted = ScriptedModel::new("hosted").fails("connection reset").says("blue");
/// let model = Paced::new(hosted)
///     .limited(Arc::new(Limiter::rate(50, Duration::from_mins(1))))
///     .timeout(Duration::from_secs(30))
///     .retried(3, Duration::from_millis(200)..=Duration::from_secs(5));
/// let request = ChatRequest::new(vec![Message::user("Name a colour.")]);
/// assert_eq!(model.chat(&request).await?.text, "blue");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Paced<M> {
    model: M,
    limiter: Option<Arc<Limiter>>,
    timeout: Option<Duration>,
    attempts: u32,
    backoff: RangeInclusive<Duration>,
}

impl<M: ChatModel> Paced<M> {
    /// The model as it is.
    pub fn new(model: M) -> Self {
        Self { model, limiter: None, timeout: None, attempts: 1, backoff: Duration::ZERO..=Duration::ZERO }
    }

    /// Takes a permit before each attempt, which several models may share.
    #[must_use]
    pub fn limited(self, limiter: Arc<Limiter>) -> Self {
        Self { limiter: Some(limiter), ..self }
    }

    /// Gives up an attempt that takes longer than this, the whole of a stream included.
    #[must_use]
    pub fn timeout(self, limit: Duration) -> Self {
        Self { timeout: Some(limit), ..self }
    }

    /// Tries at most so many times (0 counts as 1) where that may help: see [`ModelError::is_transient`], and attempts
    /// that took too long. Waits as `#[retry]` does: longer each time, by chance, and as long as the provider asks. A
    /// stream of which something has come is not tried again.
    #[must_use]
    pub fn retried(self, attempts: u32, backoff: RangeInclusive<Duration>) -> Self {
        Self { attempts: attempts.max(1), backoff, ..self }
    }

    fn attempts(&self) -> Retry {
        let milliseconds = |wait: &Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Retry::new(self.attempts, milliseconds(self.backoff.start()), milliseconds(self.backoff.end()))
    }

    async fn once(&self, request: &ChatRequest) -> Result<ChatReply> {
        let _permit = match &self.limiter {
            Some(limiter) => Some(limiter.permit().await),
            None => None,
        };
        match self.timeout {
            Some(limit) => tokio::time::timeout(limit, self.model.chat(request))
                .await
                .unwrap_or_else(|_| Err(Error::timeout(limit))),
            None => self.model.chat(request).await,
        }
    }
}

impl<M: ChatModel> Paced<M> {
    /// Passes the pieces of one attempt on. A failure that another attempt may help is given back, if nothing came before.
    async fn passed_on(&self, request: &ChatRequest, sender: &Sender<Result<Piece>>) -> Option<Error> {
        let _permit = match &self.limiter {
            Some(limiter) => Some(limiter.permit().await),
            None => None,
        };
        let end = self.timeout.map(|limit| (limit, Instant::now() + limit));
        let mut pieces = std::pin::pin!(self.model.stream(request));
        let mut came = false;
        loop {
            let piece = match end {
                None => pieces.next().await,
                Some((limit, end)) => tokio::time::timeout_at(end, pieces.next())
                    .await
                    .unwrap_or_else(|_| Some(Err(Error::timeout(limit)))),
            };
            let piece = match piece? {
                Err(error) if !came && may_help(&error) => return Some(error),
                piece => piece,
            };
            came = true;
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return None;
            }
        }
    }
}

/// Whether another attempt may help.
fn may_help(error: &Error) -> bool {
    error.kind() == Kind::Timeout || ModelError::is_transient(error)
}

impl<M: ChatModel> ChatModel for Paced<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        let mut attempts = self.attempts();
        loop {
            let error = match self.once(request).await {
                Err(error) if may_help(&error) => error,
                answered => return answered,
            };
            match attempts.next(error.retry_after()) {
                Some(pause) => pause.await,
                None => return Err(error),
            }
        }
    }

    fn stream(&self, request: &ChatRequest) -> impl Stream<Item = Result<Piece>> + Send {
        sent_by(async move |sender| {
            let mut attempts = self.attempts();
            // What is held while pieces come, the permit too, is given back before a pause.
            while let Some(error) = self.passed_on(request, &sender).await {
                match attempts.next(error.retry_after()) {
                    Some(pause) => pause.await,
                    None => {
                        // If nobody listens, there is nobody to tell.
                        let _ = sender.send(Err(error)).await;
                        return;
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, ModelErrorKind, ScriptedModel, Usage};

    #[tokio::test(start_paused = true)]
    async fn each_call_keeps_to_its_bounds() {
        let request = ChatRequest::new(vec![Message::user("hi")]);
        let slow = Paced::new(ScriptedModel::new("slow").takes(Duration::from_secs(9)).says("late"))
            .timeout(Duration::from_secs(1));
        assert_eq!(slow.chat(&request).await.unwrap_err().kind(), Kind::Timeout);

        let flaky = ScriptedModel::new("flaky").fails("reset").fails("reset").says("here");
        let second = Duration::from_secs(1);
        let twice = Paced::new(flaky.clone()).retried(2, second..=second);
        assert!(ModelError::is_transient(&twice.chat(&request).await.unwrap_err()));
        let whole = ChatReply::collect("flaky", twice.stream(&request)).await.unwrap();
        assert_eq!((whole.text.as_str(), flaky.asked().len()), ("here", 3));

        let flaky = ScriptedModel::new("flaky").fails("reset").says("here");
        let model = Paced::new(flaky.clone()).retried(2, second..=second);
        assert_eq!(ChatReply::collect("flaky", model.stream(&request)).await.unwrap().text, "here");

        // Who waits to try again keeps nobody else waiting.
        let busy = ModelErrorKind::RateLimited { retry_after: Some(Duration::from_mins(1)) };
        let flaky = ScriptedModel::new("flaky").answers(move |request| match request.messages.len() {
            1 => Err(ModelError::new("flaky", busy.clone()).into_error()),
            _ => Ok(ChatReply::new("here", Usage::default())),
        });
        let model = Paced::new(flaky).limited(Arc::new(Limiter::concurrency(1))).retried(2, second..=second);
        let other = ChatRequest::new(vec![Message::user("hi"), Message::user("ho")]);
        let began = Instant::now();
        let (waited, quick) = tokio::join!(ChatReply::collect("flaky", model.stream(&request)), async {
            model.chat(&other).await.map(|reply| (reply.text, began.elapsed()))
        });
        assert!(waited.is_err() && began.elapsed() >= Duration::from_mins(1));
        assert_eq!(quick.unwrap(), ("here".to_owned(), Duration::ZERO));

        let limiter = Arc::new(Limiter::rate(1, Duration::from_secs(10)));
        let model = ScriptedModel::new("limited").says("1").says("2").says("3");
        let model = Paced::new(model).limited(limiter);
        let began = Instant::now();
        for _ in 0..3 {
            model.chat(&request).await.unwrap();
        }
        assert!(began.elapsed() >= Duration::from_secs(20));
    }
}
