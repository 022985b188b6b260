//! *All*, of which a failure keeps what had completed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Fill, Parallel};
use crate::error::Error;

/// Why not all branches succeeded, and what those gave that had.
///
/// The error of [`FanOut::keep`](crate::FanOut::keep) and [`FanOutMap::keep`](crate::FanOutMap::keep). With `?` it
/// becomes its [`error`](Self::error).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial<C, E> {
    /// What had completed when the error ended the whole.
    pub completed: C,
    /// The first error.
    pub error: E,
}

impl<C, E: fmt::Display> fmt::Display for Partial<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[diagnostic::do_not_recommend]
impl<C, E> From<Partial<C, E>> for Error
where
    Error: From<E>,
{
    fn from(partial: Partial<C, E>) -> Self {
        partial.error.into()
    }
}

pin_project! {
    /// Branches of which all must succeed, and of which a failure keeps the others. See
    /// [`FanOut::keep`](crate::FanOut::keep).
    #[must_use = "a fan-out does nothing unless it is awaited"]
    #[derive(Debug)]
    pub struct Kept<P, S> {
        #[pin]
        branches: P,
        shape: Option<S>,
    }
}

impl<P: Parallel, S> Kept<P, S> {
    pub(super) fn new(branches: P, shape: S) -> Self {
        Self { branches, shape: Some(shape) }
    }
}

impl<P, S> Future for Kept<P, S>
where
    P: Parallel,
    S: Fill<P::Values> + Fill<P::Options>,
{
    type Output = Result<<S as Fill<P::Values>>::Output, Partial<<S as Fill<P::Options>>::Output, P::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let ended = ready!(this.branches.as_mut().poll_all(cx));
        let Some(shape) = this.shape.take() else {
            unreachable!("a future is not polled after it was ready")
        };
        Poll::Ready(match ended {
            Ok(()) => Ok(shape.fill(this.branches.values())),
            Err(error) => Err(Partial { completed: shape.fill(this.branches.options()), error }),
        })
    }
}
