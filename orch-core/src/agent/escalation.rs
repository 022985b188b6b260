//! Asking a person.
//!
//! A [`desk`] has two sides: whoever needs an answer [asks](Desk::ask), with a deadline, and whoever has a person at hand
//! takes the [questions](Inbox::next) and answers them. Question and answer are types.
//!
//! ```
//! use std::time::Duration;
//! use orch_core::agent::escalation::desk;
//!
//! #[derive(Debug)]
//! struct Refund { cents: u32 }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let (desk, mut inbox) = desk::<Refund, bool>(8);
//! let person = tokio::spawn(async move {
//!     while let Some(asked) = inbox.next().await {
//!         let fine = asked.question.cents < 5_000;
//!         asked.answer(fine);
//!     }
//! });
//! assert!(desk.ask(Refund { cents: 1_200 }, Duration::from_secs(60)).await?);
//! drop(desk);
//! person.await?;
//! # orch_core::Ok(()) }).unwrap();
//! ```

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::error::Result;
use crate::model::ToolCall;

/// Where questions are asked. A clone asks at the same desk.
#[derive(Debug)]
pub struct Desk<Q, A> {
    questions: mpsc::Sender<Asked<Q, A>>,
}

impl<Q, A> Clone for Desk<Q, A> {
    fn clone(&self) -> Self {
        Self { questions: self.questions.clone() }
    }
}

/// Where questions are answered.
#[derive(Debug)]
pub struct Inbox<Q, A> {
    questions: mpsc::Receiver<Asked<Q, A>>,
}

/// A question that waits.
#[derive(Debug)]
pub struct Asked<Q, A> {
    /// The question.
    pub question: Q,
    /// When nobody waits for the answer any more.
    pub until: Instant,
    answer: oneshot::Sender<A>,
}

impl<Q, A> Asked<Q, A> {
    /// Answers; `false` when nobody waits any more.
    pub fn answer(self, answer: A) -> bool {
        self.answer.send(answer).is_ok()
    }

    /// Whether somebody still waits.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// Nobody answered in time.
    Late(Duration),
    /// The question was set aside, or there is nobody to answer.
    Nobody,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(limit) => write!(f, "nobody answered within {limit:?}"),
            Self::Nobody => f.write_str("there is nobody to answer"),
        }
    }
}

impl std::error::Error for Unanswered {}

/// A desk at which at most `waiting` questions wait to be taken (at least one); who asks beyond that waits in line.
#[must_use]
pub fn desk<Q, A>(waiting: usize) -> (Desk<Q, A>, Inbox<Q, A>) {
    let (sender, receiver) = mpsc::channel(waiting.max(1));
    (Desk { questions: sender }, Inbox { questions: receiver })
}

/// Later than anybody waits: thirty years.
const FAR: Duration = Duration::from_hours(24 * 365 * 30);

impl<Q, A> Desk<Q, A> {
    /// Asks, and waits for the answer no longer than `limit`, standing in line included.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub async fn ask(&self, question: Q, limit: Duration) -> Result<A, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let now = Instant::now();
        // A limit beyond what a clock can say is as good as none.
        let until = now.checked_add(limit).unwrap_or(now + FAR);
        let asking = async {
            let asked = Asked { question, until, answer };
            self.questions.send(asked).await.map_err(|_| Unanswered::Nobody)?;
            answered.await.map_err(|_| Unanswered::Nobody)
        };
        tokio::time::timeout_at(until, asking).await.unwrap_or(Err(Unanswered::Late(limit)))
    }
}

impl<Q, A> Inbox<Q, A> {
    /// The next question that somebody still waits for; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Asked<Q, A>> {
        loop {
            let asked = self.questions.recv().await?;
            if asked.is_awaited() {
                return Some(asked);
            }
        }
    }
}

/// Whoever is asked before an agent changes something.
pub trait Approver: Send + Sync {
    /// Decides about a call.
    ///
    /// # Errors
    ///
    /// When there is no decision: the agent then stops.
    fn approve(&self, call: &ToolCall) -> impl Future<Output = Result<Verdict>> + Send;
}

/// What was decided about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be made.
    Allowed,
    /// It may not; the model is told why.
    Denied {
        /// Why.
        reason: String,
    },
}

/// Allows every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Approver for AllowAll {
    async fn approve(&self, _: &ToolCall) -> Result<Verdict> {
        Ok(Verdict::Allowed)
    }
}

/// A person at a [`desk`] who decides about each call.
#[derive(Clone, Debug)]
pub struct AskPerson {
    /// Where they are asked.
    pub desk: Desk<ToolCall, Verdict>,
    /// How long they have.
    pub limit: Duration,
}

impl Approver for AskPerson {
    /// A call nobody decided about in time is denied.
    async fn approve(&self, call: &ToolCall) -> Result<Verdict> {
        let decided = self.desk.ask(call.clone(), self.limit).await;
        Ok(decided.unwrap_or_else(|late| Verdict::Denied { reason: late.to_string() }))
    }
}

impl<A: Approver> Approver for &A {
    fn approve(&self, call: &ToolCall) -> impl Future<Output = Result<Verdict>> + Send {
        (**self).approve(call)
    }
}
