//! A second attempt when the first is slow.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// Two attempts of which the second starts late.
    #[project = HedgedProjection]
    struct Hedged<F, M> {
        #[pin]
        first: Option<F>,
        #[pin]
        second: Option<F>,
        // A first attempt that is ready at once needs no timer.
        #[pin]
        wait: Option<Sleep>,
        after_ms: u64,
        make: Option<M>,
    }
}

/// Starts `make` again when its first future is not ready after `after_ms` milliseconds. The first success wins
/// and the other is dropped. A first attempt that fails before the second has started fails the whole: trying
/// again is what retry is for.
pub fn hedged<T, E, F, M>(after_ms: u64, mut make: M) -> impl Future<Output = Result<T, E>>
where
    F: IntoFuture<Output = Result<T, E>>,
    M: FnMut() -> F,
{
    let first = make().into_future();
    Hedged {
        first: Some(first),
        second: None,
        wait: None,
        after_ms,
        make: Some(move || make().into_future()),
    }
}

impl<T, E, F, M> Future for Hedged<F, M>
where
    F: Future<Output = Result<T, E>>,
    M: FnMut() -> F,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let HedgedProjection { mut first, mut second, mut wait, after_ms, make } = self.project();
        let mut failed = None;
        if let Some(attempt) = first.as_mut().as_pin_mut()
            && let Poll::Ready(result) = attempt.poll(cx)
        {
            match result {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(error) => {
                    first.set(None);
                    failed = Some(error);
                }
            }
        }
        if failed.is_none() && make.is_some() && wait.is_none() {
            wait.set(Some(sleep(Duration::from_millis(*after_ms))));
        }
        if failed.is_none()
            && make.is_some()
            && wait.as_pin_mut().is_some_and(|wait| wait.poll(cx).is_ready())
            && let Some(mut make) = make.take()
        {
            second.set(Some(make()));
        }
        if let Some(attempt) = second.as_mut().as_pin_mut()
            && let Poll::Ready(result) = attempt.poll(cx)
        {
            match result {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(error) => {
                    second.set(None);
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if first.is_none() && second.is_none() => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }
}
