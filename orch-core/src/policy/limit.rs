//! How many at the same time, and how many in a while.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// Bounds how many attempts run at the same time, how many start in a while, or both. For `#[limit(limiter)]`.
///
/// ```
/// use std::time::Duration;
/// use orch_core::Limiter;
///
/// // At most 4 at the same time, and at most 60 a minute.
/// let limiter = Limiter::concurrency(4).and_rate(60, Duration::from_secs(60));
/// # let _ = limiter;
/// ```
#[derive(Debug)]
pub struct Limiter {
    running: Option<Semaphore>,
    rate: Option<Rate>,
}

/// At most `count` starts in any stretch of `per`.
#[derive(Debug)]
struct Rate {
    count: usize,
    per: Duration,
    /// When the last `count` starts were. Who waits for the next holds it, so that the others stand in line behind, and
    /// one who leaves the line leaves nothing behind.
    starts: Mutex<VecDeque<Instant>>,
}

/// The right to one attempt; dropping it gives it back.
#[derive(Debug)]
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'a> {
    _running: Option<SemaphorePermit<'a>>,
}

impl Limiter {
    /// At most `count` attempts at the same time; 0 counts as 1.
    #[must_use]
    pub fn concurrency(count: usize) -> Self {
        Self { running: Some(Semaphore::new(count.max(1))), rate: None }
    }

    /// At most `count` attempts start in any stretch of `per`; 0 counts as 1.
    #[must_use]
    pub fn rate(count: usize, per: Duration) -> Self {
        Self { running: None, rate: Some(Rate::new(count, per)) }
    }

    /// The same, with a bound on the rate too.
    #[must_use]
    pub fn and_rate(self, count: usize, per: Duration) -> Self {
        Self { rate: Some(Rate::new(count, per)), ..self }
    }

    /// Waits for the right to one attempt. Who asks first is served first.
    pub async fn permit(&self) -> Permit<'_> {
        // Waiting is behind a pointer, so that a step that need not wait carries nothing for it. A permit that is free has
        // nobody waiting for it: tokio's semaphore hands one that is given back to who has waited longest.
        let running = match &self.running {
            None => None,
            Some(running) => match running.try_acquire() {
                Ok(permit) => Some(permit),
                // The semaphore is never closed, so there is always a permit in the end.
                Err(_) => Box::pin(running.acquire()).await.ok(),
            },
        };
        if let Some(rate) = &self.rate
            && !rate.starts_now()
        {
            Box::pin(rate.wait()).await;
        }
        Permit { _running: running }
    }
}

impl Rate {
    fn new(count: usize, per: Duration) -> Self {
        Self { count: count.max(1), per, starts: Mutex::new(VecDeque::new()) }
    }

    /// Starts, if there is room and nobody stands in line.
    fn starts_now(&self) -> bool {
        let Ok(mut starts) = self.starts.try_lock() else { return false };
        let now = Instant::now();
        let room = self.next(&starts).is_none_or(|next| next <= now);
        if room {
            self.start(&mut starts, now);
        }
        room
    }

    /// Stands in line, and starts when there is room. tokio's lock serves in the order of asking.
    async fn wait(&self) {
        let mut starts = self.starts.lock().await;
        if let Some(next) = self.next(&starts) {
            sleep_until(next).await;
        }
        self.start(&mut starts, Instant::now());
    }

    /// When there is room again; `None` if there always was.
    fn next(&self, starts: &VecDeque<Instant>) -> Option<Instant> {
        starts.front().filter(|_| starts.len() >= self.count).map(|oldest| *oldest + self.per)
    }

    fn start(&self, starts: &mut VecDeque<Instant>, now: Instant) {
        if starts.len() >= self.count {
            starts.pop_front();
        }
        starts.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_in_any_stretch() {
        let limiter = Limiter::rate(2, Duration::from_secs(1));
        let begin = Instant::now();
        let mut starts = Vec::new();
        for _ in 0..5 {
            let _permit = limiter.permit().await;
            starts.push(begin.elapsed().as_secs());
        }
        assert_eq!(starts, [0, 0, 1, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_line_leaves_nothing_behind() {
        let limiter = Limiter::rate(1, Duration::from_secs(1));
        let begin = Instant::now();
        let _first = limiter.permit().await;
        for _ in 0..50 {
            let cut = tokio::time::timeout(Duration::from_millis(1), limiter.permit()).await;
            assert!(cut.is_err());
        }
        let _second = limiter.permit().await;
        assert_eq!(begin.elapsed().as_secs(), 1);
    }
}
