//! Where the calls of a map run: in the task that awaits them, or on the runtime's workers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::{FuturesUnordered, Stream as _};
use tokio::task::JoinSet;

/// Futures that run at the same time, and end in any order.
pub trait Running<F: Future>: Default {
    /// Adds one.
    fn push(&mut self, future: F);
    /// How many have not ended.
    fn len(&self) -> usize;
    /// The next to end; `None` when there is none.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>>;
}

/// A place where futures of type `F` can run.
pub trait Runs<F: Future> {
    /// Those that do.
    type Set: Running<F>;
}

/// In the task that awaits them: they may borrow.
#[derive(Clone, Copy, Debug)]
pub struct InTask;

/// On the workers of the tokio runtime around.
#[derive(Clone, Copy, Debug)]
pub struct OnWorkers;

impl<F: Future> Runs<F> for InTask {
    type Set = FuturesUnordered<F>;
}

impl<F: Future> Running<F> for FuturesUnordered<F> {
    fn push(&mut self, future: F) {
        FuturesUnordered::push(self, future);
    }

    fn len(&self) -> usize {
        FuturesUnordered::len(self)
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        Pin::new(self).poll_next(cx)
    }
}

/// Tasks, aborted when they are dropped.
#[derive(Debug)]
pub struct Tasks<T>(JoinSet<T>);

impl<T: 'static> Default for Tasks<T> {
    fn default() -> Self {
        Self(JoinSet::new())
    }
}

impl<F> Runs<F> for OnWorkers
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Set = Tasks<F::Output>;
}

impl<F> Running<F> for Tasks<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn push(&mut self, future: F) {
        self.0.spawn(future);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        Poll::Ready(ready!(self.0.poll_join_next(cx)).map(|ended| match ended {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => unreachable!("a task is aborted only with the set it is in"),
            },
        }))
    }
}
