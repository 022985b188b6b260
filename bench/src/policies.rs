//! Each policy where it never acts, by orch's macros and by hand.

/// By orch's macros.
pub mod orch {
    use std::sync::LazyLock;

    use futures_util::stream::Stream;
    use orch_core::{Limiter, Result, workflow};

    use crate::steps::{a, b, c, d, e, words};

    static LIMITER: LazyLock<Limiter> = LazyLock::new(|| Limiter::concurrency(4));

    workflow!(
        /// Five steps, each hedged.
        pub async fn hedged_5(n: u64) -> Result<u64> {
            #[hedge(after = 1s)]
            let n = a(n).await?;
            #[hedge(after = 1s)]
            let n = b(n).await?;
            #[hedge(after = 1s)]
            let n = c(n).await?;
            #[hedge(after = 1s)]
            let n = d(n).await?;
            #[hedge(after = 1s)]
            let n = e(n).await?;
            Ok(n)
        }
    );

    workflow!(
        /// Five steps, each with a permit.
        pub async fn limited_5(n: u64) -> Result<u64> {
            #[limit(LIMITER)]
            let n = a(n).await?;
            #[limit(LIMITER)]
            let n = b(n).await?;
            #[limit(LIMITER)]
            let n = c(n).await?;
            #[limit(LIMITER)]
            let n = d(n).await?;
            #[limit(LIMITER)]
            let n = e(n).await?;
            Ok(n)
        }
    );

    workflow!(
        /// Five steps, each of which may be skipped or replaced.
        pub async fn optional_5(n: u64) -> Result<u64> {
            #[when(n > 0)]
            #[or(0)]
            let m = a(n).await?;
            #[when(m.is_some())]
            #[or(0)]
            let m = b(n).await?;
            #[when(m.is_some())]
            #[or(0)]
            let m = c(n).await?;
            #[when(m.is_some())]
            #[or(0)]
            let m = d(n).await?;
            #[when(m.is_some())]
            #[or(0)]
            let m = e(n).await?;
            Ok(m.unwrap_or(0))
        }
    );

    workflow!(
        /// Five steps with a deadline.
        #[deadline(10s)]
        pub async fn deadline_5(n: u64) -> Result<u64> {
            let n = a(n).await?;
            let n = b(n).await?;
            let n = c(n).await?;
            let n = d(n).await?;
            let n = e(n).await?;
            Ok(n)
        }
    );

    /// The words, to be streamed.
    fn stream(n: u64) -> impl Stream<Item = Result<&'static str>> {
        words(n)
    }

    workflow!(
        /// A step whose text comes in 16 pieces.
        pub async fn streamed_16(n: u64) -> Result<u64> {
            #[stream]
            let text = stream(n).await?;
            Ok(text.len() as u64)
        }
    );
}

/// By hand.
pub mod hand {
    use std::pin::pin;
    use std::sync::LazyLock;
    use std::time::Duration;

    use futures_util::future::{Either, select};
    use futures_util::stream::StreamExt as _;
    use orch_core::{Error, Result};
    use tokio::sync::Semaphore;
    use tokio::time::{sleep, timeout};

    use crate::steps::{a, b, c, d, e, words};

    static SEMAPHORE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

    /// Five steps, each hedged.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn hedged_5(n: u64) -> Result<u64> {
        macro_rules! hedged {
            ($call:expr) => {{
                let first = pin!($call);
                match select(first, pin!(sleep(Duration::from_secs(1)))).await {
                    Either::Left((result, _)) => result?,
                    Either::Right(((), first)) => match select(first, pin!($call)).await {
                        Either::Left((Ok(value), _)) | Either::Right((Ok(value), _)) => value,
                        Either::Left((Err(_), second)) => second.await?,
                        Either::Right((Err(_), first)) => first.await?,
                    },
                }
            }};
        }
        let n = hedged!(a(n));
        let n = hedged!(b(n));
        let n = hedged!(c(n));
        let n = hedged!(d(n));
        Ok(hedged!(e(n)))
    }

    /// Five steps, each with a permit.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn limited_5(n: u64) -> Result<u64> {
        macro_rules! limited {
            ($call:expr) => {{
                let _permit = SEMAPHORE.acquire().await?;
                $call.await?
            }};
        }
        let n = limited!(a(n));
        let n = limited!(b(n));
        let n = limited!(c(n));
        let n = limited!(d(n));
        Ok(limited!(e(n)))
    }

    /// Five steps, each of which may be skipped or replaced.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn optional_5(n: u64) -> Result<u64> {
        let m = if n > 0 { Some(a(n).await.unwrap_or(0)) } else { None };
        let m = if m.is_some() { Some(b(n).await.unwrap_or(0)) } else { None };
        let m = if m.is_some() { Some(c(n).await.unwrap_or(0)) } else { None };
        let m = if m.is_some() { Some(d(n).await.unwrap_or(0)) } else { None };
        let m = if m.is_some() { Some(e(n).await.unwrap_or(0)) } else { None };
        Ok(m.unwrap_or(0))
    }

    /// Five steps with a deadline.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn deadline_5(n: u64) -> Result<u64> {
        let steps = async {
            let n = a(n).await?;
            let n = b(n).await?;
            let n = c(n).await?;
            let n = d(n).await?;
            e(n).await
        };
        timeout(Duration::from_secs(10), steps).await.map_err(|_| Error::message("too late"))?
    }

    /// A step whose text comes in 16 pieces.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn streamed_16(n: u64) -> Result<u64> {
        let mut words = pin!(words(n));
        let mut text = String::new();
        while let Some(word) = words.next().await {
            text.push_str(word?);
        }
        Ok(text.len() as u64)
    }
}
