//! By hand: what an expert would write.

use futures_util::try_join;
use orch_core::Result;

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
