//! Attempts, waits between them, and bounds on both.

use std::future::{Future, IntoFuture};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::error::Error;

/// The attempts of a step that follow each other at once: a number, and no clock.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    limit: u32,
    made: u32,
}

impl Attempts {
    /// At most `limit` attempts, the first one included.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, made: 1 }
    }

    /// The attempts made, the current one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.made
    }

    /// Whether there is another attempt. Call it once for each failed one.
    pub fn again(&mut self) -> bool {
        let left = self.made < self.limit;
        self.made += u32::from(left);
        left
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
    deadline: Option<Instant>,
}

impl Retry {
    /// At most `limit` attempts, the first one included. Waits lie between the two bounds, in milliseconds.
    #[must_use]
    pub fn new(limit: u32, shortest_ms: u64, longest_ms: u64) -> Self {
        Self { limit, failed: 0, shortest_ms, longest_ms, total_ms: 0, deadline: None }
    }

    /// All attempts and waits together take at most `total_ms` milliseconds from now.
    #[must_use]
    pub fn within(self, total_ms: u64) -> Self {
        Self { total_ms, deadline: Some(Instant::now() + Duration::from_millis(total_ms)), ..self }
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
    pub fn attempts(&self) -> u32 {
        self.failed + 1
    }

    /// Whether there is another attempt. Call it once for each failed one.
    pub fn again(&mut self) -> bool {
        let left =
            self.attempts() < self.limit && self.deadline.is_none_or(|deadline| Instant::now() < deadline);
        self.failed += u32::from(left);
        left
    }

    /// The wait before the next attempt, if there is one. The bound doubles with each attempt, and the wait is
    /// drawn evenly from what lies between the shortest and that bound: "full jitter", after Brooker,
    /// "Exponential Backoff And Jitter", 2015.
    pub fn backoff(&mut self) -> Option<Sleep> {
        let bound = self.shortest_ms.saturating_mul(1 << self.failed.min(32)).min(self.longest_ms);
        let span = bound.saturating_sub(self.shortest_ms);
        let wait = Duration::from_millis(self.shortest_ms + random() % (span + 1));
        if self.deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return None;
        }
        self.again().then(|| sleep(wait))
    }

    /// Bounds one attempt by `limit_ms` and by what is left of the total.
    ///
    /// # Errors
    ///
    /// A timeout, which names the bound that was passed.
    pub fn bounded<F: IntoFuture>(
        &self,
        limit_ms: Option<u64>,
        attempt: F,
    ) -> impl Future<Output = Result<F::Output, Error>> + use<F> {
        let limit = limit_ms.map(Duration::from_millis);
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
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

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        let this = self.project();
        let bound = *this.bound;
        this.attempt.poll(cx).map(|ended| ended.map_err(|_| Error::timeout(bound)))
    }
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
        while let Some(wait) = retry.backoff() {
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
        while let Some(wait) = retry.backoff() {
            wait.await;
            made += 1;
        }
        assert_eq!(made, 2);
    }
}
