//! Enough branches instead of all.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Fill, Parallel};

pin_project! {
    /// Branches of which a number must succeed. See [`FanOut::quorum`](crate::FanOut::quorum).
    #[must_use = "a fan-out does nothing unless it is awaited"]
    #[derive(Debug)]
    pub struct Quorum<P: Parallel, S> {
        #[pin]
        branches: P,
        shape: Option<S>,
        needed: usize,
        succeeded: usize,
        failed: usize,
        first_error: Option<P::Error>,
    }
}

impl<P: Parallel, S> Quorum<P, S> {
    pub(super) fn new(branches: P, shape: S, count: usize) -> Self {
        let needed = count.clamp(1, P::COUNT);
        Self { branches, shape: Some(shape), needed, succeeded: 0, failed: 0, first_error: None }
    }
}

impl<P, S> Future for Quorum<P, S>
where
    P: Parallel,
    S: Fill<P::Options>,
{
    type Output = Result<S::Output, P::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (succeeded, failed, first_error) = (this.succeeded, this.failed, this.first_error);
        this.branches.as_mut().poll_each(cx, &mut |error| match error {
            None => *succeeded += 1,
            Some(error) => {
                *failed += 1;
                first_error.get_or_insert(error);
            }
        });
        if *succeeded >= *this.needed
            && let Some(shape) = this.shape.take()
        {
            return Poll::Ready(Ok(shape.fill(this.branches.options())));
        }
        if P::COUNT - *failed < *this.needed
            && let Some(error) = first_error.take()
        {
            return Poll::Ready(Err(error));
        }
        Poll::Pending
    }
}

/// The first value there is, of several of one type.
pub trait FirstSome {
    /// The type.
    type Value;

    /// The value.
    fn first(self) -> Option<Self::Value>;
}

impl<T> FirstSome for Option<T> {
    type Value = T;

    fn first(self) -> Self {
        self
    }
}

impl<A: FirstSome, B: FirstSome<Value = A::Value>> FirstSome for (A, B) {
    type Value = A::Value;

    fn first(self) -> Option<A::Value> {
        self.0.first().or_else(|| self.1.first())
    }
}

/// The shape of a race: the one value.
#[derive(Clone, Copy, Debug)]
pub struct FirstOf;

impl<V: FirstSome> Fill<V> for FirstOf {
    type Output = V::Value;

    fn fill(self, values: V) -> V::Value {
        match values.first() {
            Some(value) => value,
            None => unreachable!("a race has ended when a branch has succeeded"),
        }
    }
}
