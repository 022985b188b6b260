//! A dropped workflow leaves nothing running, wherever it was.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use orch_core::{Cache, Error, Events, Limiter, Result, Route, fan_out, route, workflow};
use tokio::time::sleep;

/// How many steps run, and how many have been begun.
#[derive(Clone, Default)]
struct World(Arc<(AtomicUsize, AtomicUsize)>);

struct Running(World);

impl World {
    fn enter(&self) -> Running {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.fetch_add(1, Ordering::SeqCst);
        Running(self.clone())
    }

    fn running(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    fn begun(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn works(world: &World, ms: u64) -> Result<u64> {
    let _running = world.enter();
    sleep(Duration::from_millis(ms)).await;
    Ok(ms)
}

async fn owned(world: World, ms: u64) -> Result<u64> {
    works(&world, ms).await
}

async fn fails(world: &World, ms: u64) -> Result<u64> {
    works(world, ms).await?;
    Err(Error::message("no"))
}

fn says(world: &World, words: u64) -> impl Stream<Item = Result<String>> {
    stream::iter(0..words)
        .then(move |n| async move { Ok(works(world, 2).await?.to_string() + &n.to_string()) })
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Left,
    #[route(default)]
    Right,
}

workflow!(
    async fn inner(world: &World, n: u64) -> Result<u64> {
        let a = works(world, n).await?;
        let b = works(world, a).await?;
        Ok(b)
    }
);

static LIMITER: LazyLock<Limiter> = LazyLock::new(|| Limiter::concurrency(1));

workflow!(
    /// Every construct, and every policy that waits.
    #[deadline(10s)]
    async fn everything(world: &World, cache: &Cache<u8, u64>) -> Result<u64> {
        let a = works(world, 3).await?;
        #[retry(3, backoff = 4ms..4ms)]
        #[or(7)]
        let b = fails(world, 2).await?;
        #[timeout(5ms)]
        #[or(8)]
        let c = works(world, 50).await?;
        #[hedge(after = 3ms)]
        let d = works(world, 6).await?;
        #[limit(LIMITER)]
        let e = works(world, 2).await?;
        #[limit(LIMITER)]
        let f = works(world, 2).await?;
        #[cache(cache, key = 1)]
        let g = works(world, 4).await?;
        #[stream]
        let text = says(world, 3).await?;
        // Not series-parallel: `i` needs both, `j` one of them.
        let i = two(world, &a, &b).await?;
        let j = one(world, &b).await?;
        let k = two(world, &i, &c).await?;
        #[flow]
        let nested = inner(world, d).await?;
        let routed = route!(match Way::Left {
            Way::Left => works(world, 2),
            Way::Right => works(world, 3),
        })
        .await?;
        let both = fan_out!(x = works(world, 1), y = works(world, 4)).await?;
        let race = fan_out!(x = works(world, 2), y = works(world, 40)).first_ok().await?;
        let list = fan_out!(for ms in 1..4 {
            works(world, ms)
        })
        .concurrency(2)
        .await?;
        let spawned = fan_out!(for ms in 1..4 {
            let world = world.clone();
            owned(world, ms)
        })
        .spawn()
        .await?;
        let mut sum = 0;
        for ms in 1..3 {
            sum += works(world, ms).await?;
        }
        #[max(3)]
        while sum < 5 {
            sum += works(world, 1).await?;
        }
        #[effect]
        works(world, 1).await?;
        let last = if sum > 100 { works(world, 1).await? } else { works(world, 2).await? };
        let parts = [a, e, f, g, j, k, nested, routed, both.x, both.y, race, last, text.len() as u64];
        Ok(parts.iter().sum::<u64>() + list.iter().sum::<u64>() + spawned.iter().sum::<u64>())
    }
);

async fn two(world: &World, a: &u64, b: &u64) -> Result<u64> {
    works(world, a + b).await
}

async fn one(world: &World, a: &u64) -> Result<u64> {
    works(world, *a).await
}

/// Polls `future` until it is ready or has waited `waits` times; a millisecond passes with each wait.
async fn poll_until<F: Future>(future: F, waits: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..=waits {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_workflow_dropped_at_any_await_leaves_nothing_running() {
    let mut dropped = 0;
    for waits in 0.. {
        let (world, cache) = (World::default(), Cache::new(4));
        let ended = poll_until(everything(&world, &cache), waits).await;
        // A spawned task ends when the runtime next turns to it.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.running(), 0, "after {waits} waits");
        let begun = world.begun();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.begun(), begun, "nothing begins after the drop at {waits} waits");
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
        dropped += 1;
    }
    assert!(dropped > 40, "the workflow waits often: {dropped}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_dropped_after_any_event_leaves_nothing_running() {
    for taken in 0.. {
        let (world, cache, mut events) = (World::default(), Cache::new(4), Events::bounded(2));
        let seen = {
            let mut run = pin!(everything::stream(&mut events, &world, &cache).take(taken));
            let mut seen = 0;
            while run.next().await.is_some() {
                seen += 1;
            }
            seen
        };
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.running(), 0, "after {taken} events");
        if seen < taken {
            break;
        }
    }
}
