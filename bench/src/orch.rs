//! By orch's macros.

use orch_core::{Result, fan_out, pipeline, route, workflow};

use crate::steps::{Way, a, b, both, c, d, e, f, g, h, i, j, one};

workflow!(
    /// Ten steps, each fed by the one before.
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
        let n = j(n).await?;
        Ok(n)
    }
);

/// The same chain as a pipeline.
///
/// # Errors
///
/// Never.
pub fn pipeline_10(n: u64) -> impl Future<Output = Result<u64>> {
    pipeline!(a, b, c, d, e, f, g, h, i, j).run(n)
}

/// Eight branches at the same time.
///
/// # Errors
///
/// Never.
pub async fn fan_out_8(n: u64) -> Result<u64> {
    let all =
        fan_out!(a = a(n), b = b(n), c = c(n), d = d(n), e = e(n), f = f(n), g = g(n), h = h(n)).await?;
    Ok(all.a + all.b + all.c + all.d + all.e + all.f + all.g + all.h)
}

workflow!(
    /// One of eight arms, in a workflow.
    pub async fn route_8(way: Way) -> Result<u64> {
        route!(match way {
            Way::A => a(1),
            Way::B => b(2),
            Way::C => c(3),
            Way::D => d(4),
            Way::E => e(5),
            Way::F => f(6),
            Way::G => g(7),
            Way::H => h(8),
        })
        .await
    }
);

/// One of eight arms, as a future by itself.
///
/// # Errors
///
/// Never.
pub fn route_8_alone(way: Way) -> impl Future<Output = Result<u64>> {
    route!(match way {
        Way::A => a(1),
        Way::B => b(2),
        Way::C => c(3),
        Way::D => d(4),
        Way::E => e(5),
        Way::F => f(6),
        Way::G => g(7),
        Way::H => h(8),
    })
}

workflow!(
    /// extract, then classify and entities at the same time, then summary, then validate.
    pub async fn document(n: u64) -> Result<u64> {
        let text = a(n).await?;
        let class = one(&text).await?;
        let entities = one(&text).await?;
        let summary = both(&class, &text).await?;
        let valid = both(&entities, &summary).await?;
        Ok(valid)
    }
);

workflow!(
    /// A hundred steps, each fed by the one before.
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
        let n = j(n).await?;
        Ok(n)
    }
);

workflow!(
    /// A route to a chain of three, a fan-out of four, and a reduction.
    pub async fn hierarchy(way: Way) -> Result<u64> {
        let chained = route!(match way {
            Way::A | Way::B | Way::C | Way::D => a(1),
            #[flow]
            Way::E | Way::F | Way::G | Way::H => chain_3(1),
        })
        .await?;
        let w = a(chained).await?;
        let x = b(chained).await?;
        let y = c(chained).await?;
        let z = d(chained).await?;
        Ok(w + x + y + z)
    }
);

workflow!(
    /// Three steps.
    pub async fn chain_3(n: u64) -> Result<u64> {
        let n = a(n).await?;
        let n = b(n).await?;
        let n = c(n).await?;
        Ok(n)
    }
);

/// A thousand calls, sixteen at the same time.
///
/// # Errors
///
/// Never.
pub async fn map_1000(n: u64) -> Result<u64> {
    let all = fan_out!(for item in 0..1_000_u64 {
        a(n + item)
    })
    .concurrency(16)
    .await?;
    Ok(all.iter().sum())
}

workflow!(
    /// Ten steps with retry and timeout, neither of which ever acts.
    pub async fn guarded_10(n: u64) -> Result<u64> {
        #[retry(3)]
        #[timeout(10s)]
        let n = a(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = b(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = c(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = d(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = e(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = f(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = g(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = h(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = i(n).await?;
        #[retry(3)]
        #[timeout(10s)]
        let n = j(n).await?;
        Ok(n)
    }
);
