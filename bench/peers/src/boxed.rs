//! Futures boxed by hand: each step is a `Pin<Box<dyn Future>>`, as behind a trait object.
//!
//! The steps are called through a table the compiler cannot see through, so it cannot take the boxes away.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use futures_util::try_join;

use crate::steps::{self, Result, Way};
use crate::{Build, Run, finish};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || ready(|| chain_10(1))),
    ("fan-out-8", || ready(|| fan_out_8(1))),
    ("route-8", || ready(|| route_8(Way::E))),
    ("document", || ready(|| document(1))),
    ("hierarchy", || ready(|| hierarchy(Way::E))),
    ("map-1000-at-16", || ready(|| map_1000(1))),
    ("guarded-10", || ready(|| guarded_10(1))),
];

type Boxed<'a> = Pin<Box<dyn Future<Output = Result<u64>> + Send + 'a>>;
type Step = fn(u64) -> Boxed<'static>;

static STEPS: [Step; 10] = [
    |n| Box::pin(steps::a(n)),
    |n| Box::pin(steps::b(n)),
    |n| Box::pin(steps::c(n)),
    |n| Box::pin(steps::d(n)),
    |n| Box::pin(steps::e(n)),
    |n| Box::pin(steps::f(n)),
    |n| Box::pin(steps::g(n)),
    |n| Box::pin(steps::h(n)),
    |n| Box::pin(steps::i(n)),
    |n| Box::pin(steps::j(n)),
];

#[allow(clippy::unnecessary_wraps, reason = "other peers' setup can fail")]
fn ready(run: fn() -> Boxed<'static>) -> Result<Box<dyn Run>> {
    Ok(Box::new(move || finish(black_box(run)())))
}

fn step(index: usize, n: u64) -> Boxed<'static> {
    black_box(&STEPS)[index](n)
}

#[inline(never)]
fn one(n: &u64) -> Boxed<'_> {
    Box::pin(steps::one(n))
}

#[inline(never)]
fn both<'a>(left: &'a u64, right: &'a u64) -> Boxed<'a> {
    Box::pin(steps::both(left, right))
}

fn chain_10(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let mut n = black_box(n);
        for step in black_box(&STEPS) {
            n = step(n).await?;
        }
        Ok(n)
    })
}

fn fan_out_8(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let n = black_box(n);
        let (a, b, c, d, e, f, g, h) = try_join!(
            step(0, n),
            step(1, n),
            step(2, n),
            step(3, n),
            step(4, n),
            step(5, n),
            step(6, n),
            step(7, n)
        )?;
        Ok(a + b + c + d + e + f + g + h)
    })
}

fn route_8(way: Way) -> Boxed<'static> {
    match black_box(way) {
        Way::A => step(0, 1),
        Way::B => step(1, 2),
        Way::C => step(2, 3),
        Way::D => step(3, 4),
        Way::E => step(4, 5),
        Way::F => step(5, 6),
        Way::G => step(6, 7),
        Way::H => step(7, 8),
    }
}

fn document(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let text = step(0, black_box(n)).await?;
        let (summary, entities) = try_join!(
            async {
                let class = one(&text).await?;
                both(&class, &text).await
            },
            one(&text)
        )?;
        both(&entities, &summary).await
    })
}

fn hierarchy(way: Way) -> Boxed<'static> {
    Box::pin(async move {
        let chained = match black_box(way) {
            Way::A | Way::B | Way::C | Way::D => step(0, 1).await?,
            Way::E | Way::F | Way::G | Way::H => chain_3(1).await?,
        };
        let (w, x, y, z) = try_join!(step(0, chained), step(1, chained), step(2, chained), step(3, chained))?;
        Ok(w + x + y + z)
    })
}

#[inline(never)]
fn chain_3(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let n = step(0, n).await?;
        let n = step(1, n).await?;
        step(2, n).await
    })
}

fn map_1000(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let n = black_box(n);
        let all: Vec<u64> =
            stream::iter((0..1_000_u64).map(|item| step(0, n + item))).buffered(16).try_collect().await?;
        Ok(all.iter().sum())
    })
}

fn guarded_10(n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let mut n = black_box(n);
        for &step in black_box(&STEPS) {
            n = guarded(step, n).await?;
        }
        Ok(n)
    })
}

/// Three attempts of ten seconds each.
#[inline(never)]
fn guarded(step: Step, n: u64) -> Boxed<'static> {
    Box::pin(async move {
        let mut attempt = 1;
        loop {
            let failed = match tokio::time::timeout(Duration::from_secs(10), step(n)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(elapsed) => elapsed.into(),
            };
            if attempt == 3 {
                return Err(failed);
            }
            attempt += 1;
        }
    })
}
