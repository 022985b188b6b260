//! Two policies on one step: which is outside which, as the table in the documentation of `workflow!` says.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use orch_core::{Cache, Error, Kind, Limiter, Result, workflow};
use tokio::time::{Instant, sleep};

use crate::timed;

/// Notes when each call begins, in milliseconds; call `n` takes `times[n]`, or the last, and fails if that is odd.
struct Probe {
    begin: Instant,
    calls: Mutex<Vec<u64>>,
    times: Vec<u64>,
    limiter: Limiter,
    cache: Cache<u8, u64>,
    texts: Cache<u8, String>,
}

impl Probe {
    fn new(times: &[u64]) -> Self {
        Self {
            begin: Instant::now(),
            calls: Mutex::default(),
            times: times.to_vec(),
            limiter: Limiter::concurrency(1),
            cache: Cache::new(8),
            texts: Cache::new(8),
        }
    }

    async fn call(&self) -> Result<u64> {
        let time = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(u64::try_from(self.begin.elapsed().as_millis()).unwrap());
            self.times.get(calls.len() - 1).or(self.times.last()).copied().unwrap()
        };
        sleep(Duration::from_millis(time)).await;
        if time % 2 == 1 { Err(Error::message("odd")) } else { Ok(time) }
    }

    fn stream(&self) -> impl Stream<Item = Result<String>> {
        stream::once(async { Ok(self.call().await?.to_string()) })
    }

    fn begun(&self) -> Vec<u64> {
        self.calls.lock().unwrap().clone()
    }
}

macro_rules! step_under {
    ($probe:ident; $($name:ident: $(#[$policy:meta])* ;)*) => {
        $(workflow!(
            async fn $name($probe: &Probe, go: bool) -> Result<u64> {
                let _ = go;
                $(#[$policy])*
                let value = $probe.call().await?;
                Ok(value)
            }
        );)*
    };
}

step_under! {
    probe;
    or_retry: #[or(0)] #[retry(2)];
    or_timeout: #[or(0)] #[timeout(10ms)];
    or_hedge: #[or(0)] #[hedge(after = 5ms)];
    or_limit: #[or(0)] #[limit(probe.limiter)];
    cache_limit: #[cache(probe.cache, key = 1)] #[limit(probe.limiter)];
    cache_timeout: #[cache(probe.cache, key = 2)] #[timeout(10ms)];
    cache_hedge: #[cache(probe.cache, key = 3)] #[hedge(after = 5ms)];
    retry_limit: #[retry(2, backoff = 100ms..100ms)] #[limit(probe.limiter)];
    retry_hedge: #[retry(2)] #[hedge(after = 5ms)];
    limit_timeout: #[limit(probe.limiter)] #[timeout(10ms)];
    limit_hedge: #[limit(probe.limiter)] #[hedge(after = 5ms)];
    timeout_hedge: #[timeout(12ms)] #[hedge(after = 5ms)];
    effect_timeout: #[effect] #[timeout(10ms)] #[or(0)];
    effect_retry: #[effect(idempotent)] #[retry(3)];
    all: #[name("all")] #[or(0)] #[cache(probe.cache, key = 4)] #[retry(2)] #[limit(probe.limiter)] #[timeout(20ms)] #[hedge(after = 5ms)];
}

workflow!(
    async fn when_all(probe: &Probe, go: bool) -> Result<Option<u64>> {
        #[when(go)]
        #[or(0)]
        #[cache(probe.cache, key = 1)]
        #[retry(2)]
        #[limit(probe.limiter)]
        #[timeout(10ms)]
        let value = probe.call().await?;
        Ok(value)
    }
);

workflow!(
    async fn streamed(probe: &Probe) -> Result<String> {
        #[stream]
        #[or("none".to_owned())]
        #[cache(probe.texts, key = 1)]
        #[retry(2)]
        #[limit(probe.limiter)]
        #[timeout(10ms)]
        let text = probe.stream().await?;
        Ok(text)
    }
);

workflow!(
    async fn around(probe: &Probe) -> Result<u64> {
        #[flow]
        #[or(0)]
        #[retry(2)]
        #[timeout(50ms)]
        #[hedge(after = 20ms)]
        let value = effect_retry(probe, true).await?;
        Ok(value)
    }
);

/// When the calls begin, what comes of the whole, and when.
async fn outcome<T>(probe: &Probe, run: impl Future<Output = Result<T>>) -> (Vec<u64>, Result<T>, u64) {
    let (took, result) = timed(run).await;
    (probe.begun(), result, took)
}

macro_rules! check {
    ($run:ident($times:expr) => $begun:expr, $result:pat, $took:expr) => {{
        let probe = Probe::new(&$times);
        let (begun, result, took) = outcome(&probe, $run(&probe, true)).await;
        assert_eq!((begun, took), ($begun.to_vec(), $took), "{}", stringify!($run));
        #[allow(clippy::redundant_pattern_matching, reason = "the pattern is an argument")]
        let as_it_must = matches!(result, $result);
        assert!(as_it_must, "{} gave {result:?}", stringify!($run));
    }};
}

#[tokio::test(start_paused = true)]
async fn or_is_outside_all_but_when() {
    check!(or_retry([1, 1]) => [0, 1], Ok(0), 2);
    check!(or_retry([1, 4]) => [0, 1], Ok(4), 5);
    check!(or_timeout([50]) => [0], Ok(0), 10);
    check!(or_hedge([9, 3]) => [0, 5], Ok(0), 9);
    check!(or_hedge([9, 6]) => [0, 5], Ok(6), 11);
    check!(or_limit([3]) => [0], Ok(0), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hit_takes_no_permit_and_no_attempt() {
    let probe = Probe::new(&[4]);
    assert_eq!(cache_limit(&probe, true).await.unwrap(), 4);
    let _taken = probe.limiter.permit().await;
    assert_eq!(timed(cache_limit(&probe, true)).await.0, 0, "nobody waits for a permit");
    assert_eq!(probe.begun(), [0]);
}

#[tokio::test(start_paused = true)]
async fn what_timed_out_is_not_kept_and_the_winner_of_a_hedge_is() {
    let probe = Probe::new(&[50, 4]);
    assert_eq!(cache_timeout(&probe, true).await.unwrap_err().kind(), Kind::Timeout);
    assert_eq!(cache_timeout(&probe, true).await.unwrap(), 4);
    assert_eq!(cache_timeout(&probe, true).await.unwrap(), 4);
    assert_eq!(probe.begun(), [0, 10]);
    let probe = Probe::new(&[50, 4]);
    assert_eq!(cache_hedge(&probe, true).await.unwrap(), 4);
    assert_eq!(cache_hedge(&probe, true).await.unwrap(), 4);
    assert_eq!(probe.begun(), [0, 5]);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_takes_a_permit_and_gives_it_back_before_the_wait() {
    let probe = Probe::new(&[11, 12]);
    let beside = async {
        sleep(Duration::from_millis(1)).await;
        let start = Instant::now();
        let _permit = probe.limiter.permit().await;
        start.elapsed().as_millis()
    };
    let (result, waited) = tokio::join!(retry_limit(&probe, true), beside);
    assert_eq!(
        (result.unwrap(), waited),
        (12, 10),
        "the other one waits for the attempt and not for the backoff"
    );
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_hedged_anew() {
    check!(retry_hedge([9, 9, 8, 8]) => [0, 5, 14, 19], Ok(8), 22);
    check!(retry_hedge([9, 9, 50, 4]) => [0, 5, 14, 19], Ok(4), 23);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_permit_is_not_part_of_the_attempt() {
    let probe = Probe::new(&[8]);
    let taken = probe.limiter.permit().await;
    let (result, ()) = tokio::join!(timed(limit_timeout(&probe, true)), async {
        sleep(Duration::from_millis(30)).await;
        drop(taken);
    });
    assert_eq!((result.0, result.1.unwrap()), (38, 8), "the bound of 10 ms begins with the permit");
    // Both halves of a hedged attempt go on one permit.
    check!(limit_hedge([50, 4]) => [0, 5], Ok(4), 9);
}

#[tokio::test(start_paused = true)]
async fn the_bound_on_an_attempt_holds_for_both_halves() {
    check!(timeout_hedge([50, 50]) => [0, 5], Err(_), 12);
    check!(timeout_hedge([50, 6]) => [0, 5], Ok(6), 11);
}

#[tokio::test(start_paused = true)]
async fn an_effect_may_be_bounded_and_replaced_and_retried_where_that_is_safe() {
    check!(effect_timeout([50]) => [0], Ok(0), 10);
    check!(effect_retry([1, 1, 2]) => [0, 1, 2], Ok(2), 4);
}

#[tokio::test(start_paused = true)]
async fn all_of_them_together() {
    check!(all([50, 50, 51, 4]) => [0, 5, 20, 25], Ok(4), 29);
    check!(all([50]) => [0, 5, 20, 25], Ok(0), 40);
}

#[tokio::test(start_paused = true)]
async fn what_is_skipped_takes_nothing() {
    let probe = Probe::new(&[4]);
    let taken = probe.limiter.permit().await;
    assert_eq!(timed(when_all(&probe, false)).await.0, 0);
    assert!(probe.begun().is_empty());
    drop(taken);
    assert_eq!(when_all(&probe, true).await.unwrap(), Some(4));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_one_attempt_from_its_first_token_to_its_last() {
    let probe = Probe::new(&[50, 4]);
    let (begun, result, took) = outcome(&probe, streamed(&probe)).await;
    assert_eq!((begun, result.unwrap(), took), (vec![0, 10], "4".to_owned(), 14));
    assert_eq!(timed(streamed(&probe)).await.0, 0, "a hit streams nothing");
    let probe = Probe::new(&[50]);
    assert_eq!(streamed(&probe).await.unwrap(), "none");
}

#[tokio::test(start_paused = true)]
async fn a_workflow_as_a_step_takes_them_too() {
    let probe = Probe::new(&[1, 1, 1, 2]);
    let (begun, result, _) = outcome(&probe, around(&probe)).await;
    assert_eq!(
        (begun, result.unwrap()),
        (vec![0, 1, 2, 3], 2),
        "three attempts inside, then one more outside"
    );
    let probe = Probe::new(&[100, 100, 4]);
    let (begun, result, took) = outcome(&probe, around(&probe)).await;
    assert_eq!((begun, result.unwrap(), took), (vec![0, 20, 50], 4, 54));
}
