//! Attempts, waits between them, and bounds on both.

use std::future::{Future, IntoFuture};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::error::Error;
use crate::fan_out::Partial;

/// An error that knows when to try again, as a server says with HTTP's `Retry-After` (RFC 9110, section 10.2.3).
///
/// `#[retry]` waits for that long before the next attempt, or for the backoff if that is longer. A wait that would
/// pass the deadline or the step's `total` is not begun: the step fails at once.
///
/// The step's own error is asked, as its function gives it. One that has become an [`Error`] on its way, in a workflow or
/// a fan-out inside the step, knows what [`Error::try_again_after`] was told.
pub trait RetryAfter {
    /// How long to wait, if it is known.
    fn retry_after(&self) -> Option<Duration>;
}

impl RetryAfter for Error {
    fn retry_after(&self) -> Option<Duration> {
        Error::retry_after(self)
    }
}

impl<E: RetryAfter + ?Sized> RetryAfter for Box<E> {
    fn retry_after(&self) -> Option<Duration> {
        (**self).retry_after()
    }
}

impl<C, E: RetryAfter> RetryAfter for Partial<C, E> {
    fn retry_after(&self) -> Option<Duration> {
        self.error.retry_after()
    }
}

/// What an error says about the next attempt.
pub trait Advice: Copy + Default {
    /// The wait it asks for.
    type Wait: Future<Output = ()>;

    /// How long that is.
    fn duration(self) -> Option<Duration>;

    /// The wait.
    fn wait(self) -> Self::Wait;
}

/// An error of which is known at compile time that it says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAdvice;

impl Advice for NoAdvice {
    type Wait = std::future::Ready<()>;

    fn duration(self) -> Option<Duration> {
        None
    }

    fn wait(self) -> Self::Wait {
        std::future::ready(())
    }
}

impl Advice for Option<Duration> {
    type Wait = Pause;

    fn duration(self) -> Option<Duration> {
        self
    }

    fn wait(self) -> Pause {
        Pause::of(self)
    }
}

/// Asks an error for its advice; whether it has any is decided by its type.
#[derive(Debug)]
pub struct Asked<'a, E>(pub &'a E);

/// The advice of a [`RetryAfter`].
pub trait AskAfter {
    /// The advice.
    fn advice(&self) -> Option<Duration>;
}

impl<E: RetryAfter> AskAfter for &Asked<'_, E> {
    fn advice(&self) -> Option<Duration> {
        self.0.retry_after()
    }
}

/// The advice of any other error.
pub trait AskAny {
    /// The advice.
    fn advice(&self) -> NoAdvice;
}

impl<E> AskAny for Asked<'_, E> {
    fn advice(&self) -> NoAdvice {
        NoAdvice
    }
}

/// A wait between two attempts, or none. It is behind a pointer, because a future is as large as its largest wait, also
/// where nothing ever fails.
#[derive(Debug)]
pub struct Pause(Option<Pin<Box<Sleep>>>);

impl Pause {
    fn of(wait: Option<Duration>) -> Self {
        Self(wait.map(|wait| Box::pin(sleep(wait))))
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(cx))
    }
}

/// The attempts of a step that follow each other at once: a number, and no clock.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    made: u32,
}

impl Attempts {
    /// The first one.
    #[must_use]
    pub fn first() -> Self {
        Self { made: 1 }
    }

    /// The attempts made, the current one included.
    #[must_use]
    pub fn attempts(self) -> u32 {
        self.made
    }

    /// There is no clock.
    #[must_use]
    pub fn elapsed(self) -> Option<Duration> {
        None
    }

    /// The wait before the next of at most `limit` attempts, if there is one: what the error advises. Call it once for
    /// each failed attempt.
    pub fn next<A: Advice>(&mut self, advice: A, limit: u32, deadline: Option<Instant>) -> Option<A::Wait> {
        if self.made == limit {
            return None;
        }
        if advice.duration().is_some_and(|wait| passes(wait, deadline)) {
            return None;
        }
        self.made += 1;
        Some(advice.wait())
    }
}

/// Bounds one attempt by `limit_ms` milliseconds.
pub fn timeout<F: IntoFuture>(limit_ms: u64, attempt: F) -> tokio::time::Timeout<F::IntoFuture> {
    tokio::time::timeout(Duration::from_millis(limit_ms), attempt.into_future())
}

/// The error of an attempt that took longer than `limit_ms` milliseconds.
#[must_use]
pub fn timed_out(limit_ms: u64) -> Error {
    Error::timeout(Duration::from_millis(limit_ms))
}

/// The attempts of a step between which there are waits, or which have a bound together.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    limit: u32,
    failed: u32,
    shortest_ms: u64,
    longest_ms: u64,
    /// The bound on all attempts together; 0 is none.
    total_ms: u64,
    began: Instant,
    deadline: Option<Instant>,
}

impl Retry {
    /// At most `limit` attempts, the first one included. Waits lie between the two bounds, in milliseconds.
    #[must_use]
    pub fn new(limit: u32, shortest_ms: u64, longest_ms: u64) -> Self {
        let began = Instant::now();
        Self { limit, failed: 0, shortest_ms, longest_ms, total_ms: 0, began, deadline: None }
    }

    /// All attempts and waits together take at most `total_ms` milliseconds from now.
    #[must_use]
    pub fn within(self, total_ms: u64) -> Self {
        Self { total_ms, deadline: Some(self.began + Duration::from_millis(total_ms)), ..self }
    }

    /// No attempt begins, and no wait ends, after `deadline`.
    #[must_use]
    pub fn until(self, deadline: Option<Instant>) -> Self {
        let earlier = match (self.deadline, deadline) {
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
        };
        Self { deadline: earlier, ..self }
    }

    /// The attempts made, the current one included.
    #[must_use]
    pub fn attempts(self) -> u32 {
        self.failed + 1
    }

    /// The time since the first attempt began.
    #[must_use]
    pub fn elapsed(self) -> Option<Duration> {
        Some(self.began.elapsed())
    }

    /// The wait before the next attempt, if there is one. Call it once for each failed attempt.
    ///
    /// Where there is a backoff, its bound doubles with each attempt, and the wait is drawn evenly from what lies
    /// between the shortest and that bound: "full jitter", after Brooker, "Exponential Backoff And Jitter", 2015. If
    /// the error advises a longer one, it is that.
    pub fn next<A: Advice>(&mut self, advice: A) -> Option<Pause> {
        // Nothing doubled is nothing: from 0 the bound begins at 1 ms.
        let bound = self.shortest_ms.max(1).saturating_mul(1 << self.failed.min(32)).min(self.longest_ms);
        let span = bound.saturating_sub(self.shortest_ms);
        let drawn = (self.longest_ms > 0).then(|| {
            Duration::from_millis(self.shortest_ms + if span > 0 { random() % (span + 1) } else { 0 })
        });
        let wait = drawn.max(advice.duration());
        if self.attempts() == self.limit || passes(wait.unwrap_or_default(), self.deadline) {
            return None;
        }
        self.failed += 1;
        Some(Pause::of(wait))
    }

    /// Bounds one attempt by `limit_ms` and by what is left of the total.
    ///
    /// # Errors
    ///
    /// A timeout, which names the bound that was passed.
    pub fn bounded<F: IntoFuture>(
        self,
        limit_ms: Option<u64>,
        attempt: F,
    ) -> impl Future<Output = Result<F::Output, Error>> + use<F> {
        let limit = limit_ms.map(Duration::from_millis);
        // The deadline of the workflow is not in it: that ends the workflow itself.
        let total = (self.total_ms > 0).then(|| self.began + Duration::from_millis(self.total_ms));
        let left = total.map(|total| total.saturating_duration_since(Instant::now()));
        let bound = match (limit, left) {
            (Some(limit), Some(left)) => limit.min(left),
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => Duration::MAX,
        };
        // What ran out is the total if less was left of it than an attempt may take.
        let ran_out = if limit.is_none_or(|limit| bound < limit) && self.total_ms > 0 {
            Duration::from_millis(self.total_ms)
        } else {
            bound
        };
        Bounded { attempt: tokio::time::timeout(bound, attempt), bound: ran_out }
    }
}

pin_project_lite::pin_project! {
    struct Bounded<F> {
        #[pin]
        attempt: tokio::time::Timeout<F>,
        bound: Duration,
    }
}

impl<F: Future> Future for Bounded<F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let bound = *this.bound;
        this.attempt.poll(cx).map(|ended| ended.map_err(|_| Error::timeout(bound)))
    }
}

/// Whether a wait from now on ends at `deadline` or after it. One longer than a clock can tell does.
fn passes(wait: Duration, deadline: Option<Instant>) -> bool {
    deadline
        .is_some_and(|deadline| Instant::now().checked_add(wait).is_none_or(|resumes| resumes >= deadline))
}

/// A number nobody can predict, without a dependency: the standard library seeds its hash maps with one.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_stay_inside_their_range_and_end_with_the_attempts() {
        let mut retry = Retry::new(4, 100, 250);
        let mut waits = Vec::new();
        while let Some(wait) = retry.next(NoAdvice) {
            let before = Instant::now();
            wait.await;
            waits.push(before.elapsed().as_millis());
        }
        assert_eq!(waits.len(), 3);
        assert!((100..=102).contains(&waits[0]), "{waits:?}");
        assert!(waits.iter().all(|wait| (100..=252).contains(wait)), "{waits:?}");
        assert_eq!(retry.attempts(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_passes_the_total() {
        let mut retry = Retry::new(10, 400, 400).within(1_000);
        let mut made = 0;
        while let Some(wait) = retry.next(NoAdvice) {
            wait.await;
            made += 1;
        }
        assert_eq!(made, 2);
    }
}
