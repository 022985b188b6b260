//! Policies, under paused time.

use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use orch_core::{Cache, Error, Kind, Limiter, Recorder, Result, RetryAfter, Status, workflow};

use crate::{after, timed};

/// Fails until it has been called `until` times; each call takes 10 ms.
struct Flaky {
    calls: AtomicU32,
    until: u32,
}

impl Flaky {
    fn new(until: u32) -> Self {
        Self { calls: AtomicU32::new(0), until }
    }

    async fn call(&self) -> Result<u32> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        after(10, ()).await?;
        if call < self.until { Err(Error::message(format!("call {call}"))) } else { Ok(call) }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

workflow!(
    async fn retried(flaky: &Flaky) -> Result<u32> {
        #[retry(3)]
        let value = flaky.call().await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn retry_stops_at_the_first_success() {
    let flaky = Flaky::new(2);
    let (took, value) = timed(retried(&flaky)).await;
    assert_eq!((took, value.unwrap(), flaky.calls()), (20, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn retry_gives_up_after_its_attempts_and_says_how_many() {
    let flaky = Flaky::new(9);
    let error = retried(&flaky).await.unwrap_err();
    assert_eq!((flaky.calls(), error.attempts()), (3, 3));
    assert_eq!(error.to_string(), "call: call 3 (3 attempts)");
}

workflow!(
    async fn backed_off(flaky: &Flaky) -> Result<u32> {
        #[retry(3, backoff = 100ms..100ms)]
        let value = flaky.call().await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn backoff_waits_between_attempts_and_not_after_the_last() {
    let (took, result) = timed(backed_off(&Flaky::new(9))).await;
    assert!(result.is_err());
    // Timers have a resolution of 1 ms.
    assert!((230..=234).contains(&took), "{took}");
}

fn is_first(error: &Error) -> bool {
    error.to_string() == "call 1"
}

workflow!(
    async fn picky(flaky: &Flaky) -> Result<u32> {
        #[retry(5, when = is_first)]
        let value = flaky.call().await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn retry_when_decides_by_the_error() {
    let flaky = Flaky::new(9);
    assert_eq!(picky(&flaky).await.unwrap_err().attempts(), 2);
}

workflow!(
    async fn bounded(ms: u64) -> Result<u32> {
        #[timeout(50ms)]
        let value = after(ms, 7).await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn timeout_bounds_an_attempt() {
    assert_eq!(bounded(40).await.unwrap(), 7);
    let (took, result) = timed(bounded(60)).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Timeout, "after"));
    assert!((50..=51).contains(&took), "{took}");
}

workflow!(
    async fn total(ms: u64, flaky: &Flaky) -> Result<u32> {
        #[retry(10, backoff = 20ms..20ms)]
        #[timeout(30ms, total = 100ms)]
        let value = slow(ms, flaky).await?;
        Ok(value)
    }
);

async fn slow(ms: u64, flaky: &Flaky) -> Result<u32> {
    after(ms, ()).await?;
    flaky.call().await
}

#[tokio::test(start_paused = true)]
async fn a_total_bounds_all_attempts_and_waits() {
    let (took, result) = timed(total(100, &Flaky::new(1))).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Timeout);
    // Attempts of 30 with waits of 20 between: the third would begin at 100 and does not.
    assert!((80..=104).contains(&took), "{took}");
    let flaky = Flaky::new(2);
    assert_eq!(total(1, &flaky).await.unwrap(), 2);
}

workflow!(
    async fn optional(n: u32) -> Result<Option<u32>> {
        #[when(n > 3)]
        let large = after(1, n).await?;
        #[or(after(1, 5).await?)]
        let fallen = Flaky::new(2).call().await?;
        #[or(8)]
        #[retry(2)]
        let plain = Flaky::new(9).call().await?;
        Ok(large.map(|large| large + fallen + plain))
    }
);

#[tokio::test(start_paused = true)]
async fn when_skips_and_or_stands_in() {
    assert_eq!(optional(4).await.unwrap(), Some(4 + 5 + 8));
    let recorder = Recorder::default();
    assert_eq!(optional::observed(&recorder, 1).await.unwrap(), None);
    let records = recorder.records();
    let skipped = records.iter().find(|record| record.name == "after").unwrap();
    assert_eq!((skipped.status, skipped.attempts, skipped.duration), (Status::Skipped, 0, None));
    let retried = records.iter().rfind(|record| record.name == "call").unwrap();
    assert_eq!((retried.status, retried.attempts), (Status::Failed, 2));
}

workflow!(
    async fn named() -> Result<u32> {
        #[name("the answer")]
        let value = Flaky::new(9).call().await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn a_name_stands_in_plans_and_errors() {
    assert_eq!(named::PLAN.graph.steps[0].name, "the answer");
    assert_eq!(named().await.unwrap_err().path(), "the answer");
}

workflow!(
    async fn adapted(text: &str) -> Result<u32> {
        #[retry(2)]
        let value = parse(text).await.map_err(|error| Error::message(format!("bad: {error}")))?;
        Ok(value)
    }
);

async fn parse(text: &str) -> std::result::Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[tokio::test(start_paused = true)]
async fn what_stands_between_await_and_question_mark_is_part_of_the_attempt() {
    let error = adapted("x").await.unwrap_err();
    assert_eq!(error.to_string(), "parse: bad: invalid digit found in string (2 attempts)");
}

workflow!(
    async fn looped(limit: u32) -> Result<u32> {
        let mut value = 0;
        #[max(4)]
        loop {
            value += after(1, 1).await?;
            if value == limit {
                break;
            }
        }
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn a_loop_past_its_bound_is_an_error() {
    assert_eq!(looped(4).await.unwrap(), 4);
    assert_eq!(looped(5).await.unwrap_err().kind(), Kind::LoopBound);
}

workflow!(
    async fn hedged(flaky: &Flaky, slow: u64) -> Result<u32> {
        #[hedge(after = 30ms)]
        let value = slow_first(flaky, slow).await?;
        Ok(value)
    }
);

/// The first call takes `slow` milliseconds, later ones 10.
async fn slow_first(flaky: &Flaky, slow: u64) -> Result<u32> {
    let call = flaky.calls.fetch_add(1, Ordering::Relaxed);
    after(if call == 0 { slow } else { 10 }, call + 1).await
}

#[tokio::test(start_paused = true)]
async fn hedge_starts_a_second_attempt_when_the_first_is_slow() {
    let quick = Flaky::new(1);
    assert_eq!(ok(timed(hedged(&quick, 20)).await), (20, 1));
    assert_eq!(quick.calls(), 1);
    let slow = Flaky::new(1);
    assert_eq!(ok(timed(hedged(&slow, 500)).await), (40, 2));
}

/// What a timed run gave; it must not have failed.
fn ok(timed: (u64, Result<u32>)) -> (u64, u32) {
    (timed.0, timed.1.unwrap())
}

struct Shared {
    limiter: Limiter,
    cache: Cache<u32, u32>,
}

workflow!(
    async fn limited(shared: &Shared) -> Result<u32> {
        #[limit(shared.limiter)]
        let a = after(10, 1).await?;
        #[limit(shared.limiter)]
        let b = after(10, 2).await?;
        #[limit(shared.limiter)]
        let c = after(10, 3).await?;
        Ok(a + b + c)
    }
);

workflow!(
    async fn cached(shared: &Shared, flaky: &Flaky) -> Result<u32> {
        #[cache(shared.cache, key = 1)]
        #[retry(2)]
        let a = flaky.call().await?;
        #[cache(shared.cache, key = 1)]
        let b = flaky.call().await?;
        #[cache(shared.cache, key = 2)]
        #[or(100)]
        let c = Flaky::new(9).call().await?;
        Ok(a + b + c)
    }
);

fn shared() -> Shared {
    Shared { limiter: Limiter::concurrency(2), cache: Cache::new(8) }
}

#[tokio::test(start_paused = true)]
async fn a_limiter_lets_only_so_many_run() {
    assert_eq!(ok(timed(limited(&shared())).await), (20, 6));
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_key_share_one_call_and_failures_are_not_kept() {
    let (shared, flaky) = (shared(), Flaky::new(2));
    assert_eq!(cached(&shared, &flaky).await.unwrap(), 2 + 2 + 100);
    assert_eq!(flaky.calls(), 2);
    assert_eq!(cached(&shared, &flaky).await.unwrap(), 2 + 2 + 100, "the fallback was not kept");
    assert_eq!(flaky.calls(), 2);
}

workflow!(
    #[deadline(50ms)]
    async fn hurried(ms: u64) -> Result<u32> {
        #[flow]
        let value = patient(ms).await?;
        Ok(value)
    }
);

workflow!(
    #[deadline(1s)]
    async fn patient(ms: u64) -> Result<u32> {
        #[retry(5, backoff = 20ms..20ms)]
        let value = fail_until(ms).await?;
        Ok(value)
    }
);

async fn fail_until(ms: u64) -> Result<u32> {
    after(ms, ()).await?;
    Err(Error::message("no"))
}

#[tokio::test(start_paused = true)]
async fn the_earlier_deadline_wins() {
    assert_eq!(hurried::PLAN.deadline_ms, Some(50));
    // A wait that would pass the deadline is not begun: attempts at 0, 30, then 60 is too late.
    let (took, result) = timed(hurried(10)).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Message, 2));
    assert!(took <= 42, "{took}");
    // An attempt that is running when it passes is dropped.
    let (took, result) = timed(hurried(500)).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Deadline);
    assert!((50..=51).contains(&took), "{took}");
    // Alone, the workflow has its own second.
    assert_eq!(timed(patient(100)).await.1.unwrap_err().attempts(), 5);
}

/// An error of a server that says when to come back.
#[derive(Debug)]
struct Busy(Option<Duration>);

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("busy")
    }
}

impl std::error::Error for Busy {}

impl RetryAfter for Busy {
    fn retry_after(&self) -> Option<Duration> {
        self.0
    }
}

async fn busy(flaky: &Flaky, wait_ms: u64) -> Result<u32, Busy> {
    let wait = (wait_ms > 0).then(|| Duration::from_millis(wait_ms));
    flaky.call().await.map_err(|_| Busy(wait))
}

workflow!(
    #[deadline(10s)]
    async fn polite(flaky: &Flaky, wait_ms: u64) -> Result<u32> {
        #[retry(3)]
        let value = busy(flaky, wait_ms).await?;
        Ok(value)
    }
);

workflow!(
    async fn polite_and_patient(flaky: &Flaky, wait_ms: u64) -> Result<u32> {
        #[retry(3, backoff = 100ms..100ms)]
        #[timeout(1s, total = 5s)]
        let value = busy(flaky, wait_ms).await?;
        Ok(value)
    }
);

async fn refused(wait_ms: u64) -> Result<u32> {
    Err(Error::message("429").try_again_after(Duration::from_millis(wait_ms)))
}

workflow!(
    async fn told(wait_ms: u64) -> Result<u32> {
        #[retry(2)]
        let value = refused(wait_ms).await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn retry_waits_as_long_as_the_error_asks() {
    let about =
        |(took, wanted): (u64, u64)| assert!((wanted..=wanted + 4).contains(&took), "{took} of {wanted}");
    about((timed(polite(&Flaky::new(3), 300)).await.0, 3 * 10 + 2 * 300));
    about((timed(polite(&Flaky::new(3), 0)).await.0, 3 * 10));
    // The longer of the two.
    about((timed(polite_and_patient(&Flaky::new(3), 300)).await.0, 3 * 10 + 2 * 300));
    about((timed(polite_and_patient(&Flaky::new(3), 20)).await.0, 3 * 10 + 2 * 100));
    about((timed(told(250)).await.0, 250));
}

#[tokio::test(start_paused = true)]
async fn an_advised_wait_that_passes_the_deadline_or_the_total_is_not_begun() {
    let (took, result) = timed(polite(&Flaky::new(3), 60_000)).await;
    let error = result.unwrap_err();
    assert_eq!((took / 10, error.attempts(), error.elapsed()), (1, 1, None));
    let (took, result) = timed(polite_and_patient(&Flaky::new(3), 60_000)).await;
    let error = result.unwrap_err();
    assert_eq!((took / 10, error.attempts()), (1, 1));
    assert_eq!(error.elapsed().map(|elapsed| elapsed.as_millis() / 10), Some(1));
}

workflow!(
    async fn limited_in_total(shared: &Shared, flaky: &Flaky) -> Result<u32> {
        #[limit(shared.limiter)]
        #[timeout(total = 2s)]
        let value = flaky.call().await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn a_total_bounds_the_wait_for_a_permit() {
    let (shared, flaky) = (Shared { limiter: Limiter::concurrency(1), cache: Cache::new(1) }, Flaky::new(1));
    let _taken = shared.limiter.permit().await;
    let (took, result) = timed(limited_in_total(&shared, &flaky)).await;
    assert_eq!((result.unwrap_err().kind(), flaky.calls()), (Kind::Timeout, 0));
    assert!((2_000..=2_001).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn an_advice_longer_than_any_clock_ends_the_attempts() {
    let error = polite(&Flaky::new(9), u64::MAX).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    let error = polite_and_patient(&Flaky::new(9), u64::MAX).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
}

workflow!(
    #[deadline(5s)]
    async fn both_bounds(ms: u64) -> Result<u64> {
        #[timeout(10s, total = 30s)]
        #[retry(3)]
        #[or(77)]
        let value = after(ms, 1).await?;
        Ok(value)
    }
);

#[tokio::test(start_paused = true)]
async fn what_ran_out_first_is_named() {
    let (took, result) = timed(both_bounds(60_000)).await;
    assert_eq!((took / 10, result.unwrap_err().kind()), (500, Kind::Deadline));
}

workflow!(
    async fn assigned(flaky: &Flaky) -> Result<u32> {
        let mut value = 10;
        #[retry(2)]
        value += flaky.call().await?;
        let first = value;
        #[retry(2)]
        value = flaky.call().await?;
        Ok(first + value)
    }
);

#[tokio::test(start_paused = true)]
async fn a_policy_stands_on_an_assignment_too() {
    assert_eq!(assigned(&Flaky::new(2)).await.unwrap(), 12 + 3);
    assert_eq!(assigned::PLAN.worst_attempts(), 4);
}
