//! By hand: what an expert would write.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use futures_util::try_join;
use orch_core::{Error, Result};

use crate::steps::{Way, a, b, both, c, d, e, f, g, h, i, j, one};

/// Ten steps, each fed by the one before.
///
/// # Errors
///
/// Never.
pub async fn chain_10(n: u64) -> Result<u64> {
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    j(n).await
}

/// The same chain: there is no other way to write it by hand.
///
/// # Errors
///
/// Never.
pub fn pipeline_10(n: u64) -> impl Future<Output = Result<u64>> {
    chain_10(n)
}

/// Eight branches at the same time.
///
/// # Errors
///
/// Never.
pub async fn fan_out_8(n: u64) -> Result<u64> {
    let (a, b, c, d, e, f, g, h) = try_join!(a(n), b(n), c(n), d(n), e(n), f(n), g(n), h(n))?;
    Ok(a + b + c + d + e + f + g + h)
}

/// One of eight arms.
///
/// # Errors
///
/// Never.
pub async fn route_8(way: Way) -> Result<u64> {
    match way {
        Way::A => a(1).await,
        Way::B => b(2).await,
        Way::C => c(3).await,
        Way::D => d(4).await,
        Way::E => e(5).await,
        Way::F => f(6).await,
        Way::G => g(7).await,
        Way::H => h(8).await,
    }
}

/// The same match: there is no other way to write it by hand.
///
/// # Errors
///
/// Never.
pub fn route_8_alone(way: Way) -> impl Future<Output = Result<u64>> {
    route_8(way)
}

/// extract, then classify and entities at the same time, then summary, then validate.
///
/// # Errors
///
/// Never.
pub async fn document(n: u64) -> Result<u64> {
    let text = a(n).await?;
    let (summary, entities) = try_join!(
        async {
            let class = one(&text).await?;
            both(&class, &text).await
        },
        one(&text)
    )?;
    both(&entities, &summary).await
}

/// A hundred steps, each fed by the one before.
///
/// # Errors
///
/// Never.
#[allow(clippy::too_many_lines, reason = "a hundred steps")]
pub async fn chain_100(n: u64) -> Result<u64> {
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    let n = j(n).await?;
    let n = a(n).await?;
    let n = b(n).await?;
    let n = c(n).await?;
    let n = d(n).await?;
    let n = e(n).await?;
    let n = f(n).await?;
    let n = g(n).await?;
    let n = h(n).await?;
    let n = i(n).await?;
    j(n).await
}

/// A route to a chain of three, a fan-out of four, and a reduction.
///
/// # Errors
///
/// Never.
pub async fn hierarchy(way: Way) -> Result<u64> {
    let chained = match way {
        Way::A | Way::B | Way::C | Way::D => a(1).await?,
        Way::E | Way::F | Way::G | Way::H => chain_3(1).await?,
    };
    let (w, x, y, z) = try_join!(a(chained), b(chained), c(chained), d(chained))?;
    Ok(w + x + y + z)
}

async fn chain_3(n: u64) -> Result<u64> {
    let n = a(n).await?;
    let n = b(n).await?;
    c(n).await
}

/// A thousand calls, sixteen at the same time.
///
/// # Errors
///
/// Never.
pub async fn map_1000(n: u64) -> Result<u64> {
    let all: Vec<u64> =
        stream::iter((0..1_000_u64).map(|item| a(n + item))).buffered(16).try_collect().await?;
    Ok(all.iter().sum())
}

/// Ten steps with retry and timeout, neither of which ever acts.
///
/// # Errors
///
/// Never.
pub async fn guarded_10(n: u64) -> Result<u64> {
    macro_rules! guarded {
        ($call:expr) => {{
            let mut attempt = 1;
            loop {
                let failed = match tokio::time::timeout(Duration::from_secs(10), $call).await {
                    Ok(Ok(value)) => break value,
                    Ok(Err(error)) => error,
                    Err(elapsed) => Error::from(elapsed),
                };
                if attempt == 3 {
                    return Err(failed);
                }
                attempt += 1;
                let wait = failed.retry_after();
                drop(failed);
                if let Some(wait) = wait {
                    tokio::time::sleep(wait).await;
                }
            }
        }};
    }
    let n = guarded!(a(n));
    let n = guarded!(b(n));
    let n = guarded!(c(n));
    let n = guarded!(d(n));
    let n = guarded!(e(n));
    let n = guarded!(f(n));
    let n = guarded!(g(n));
    let n = guarded!(h(n));
    let n = guarded!(i(n));
    let n = guarded!(j(n));
    Ok(n)
}
