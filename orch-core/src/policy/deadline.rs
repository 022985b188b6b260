//! A time by which a workflow, and all inside it, must have ended.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Timeout, timeout_at};

use crate::error::Error;
use crate::observe::Decided;
use crate::plan::Step;
use crate::workflow::{Cx, ObserverRef};

/// An observer with a deadline: it travels to sub-workflows as the observer does, so that a workflow without one
/// carries nothing.
#[derive(Clone, Copy, Debug)]
pub struct ByDeadline<O> {
    observer: O,
    deadline: Instant,
}

impl<O: ObserverRef> ByDeadline<O> {
    /// The observer, and a deadline no later than its own.
    pub(crate) fn new(observer: O, deadline: Instant) -> Self {
        Self { observer, deadline }
    }
}

impl<O: ObserverRef> ObserverRef for ByDeadline<O> {
    type Span = O::Span;
    fn deadline(self) -> Option<Instant> {
        Some(self.deadline)
    }
    fn enter(self, parent: Self::Span, step: &'static Step) -> Self::Span {
        self.observer.enter(parent, step)
    }
    fn done(self, span: Self::Span) {
        self.observer.done(span);
    }
    fn failed(self, span: Self::Span, error: &dyn Display) {
        self.observer.failed(span, error);
    }
    fn replaced(self, span: Self::Span) {
        self.observer.replaced(span);
    }
    fn retry(self, span: Self::Span, attempt: u32, error: &dyn Display) {
        self.observer.retry(span, attempt, error);
    }
    fn skipped(self, parent: Self::Span, step: &'static Step) {
        self.observer.skipped(parent, step);
    }
    fn decided(self, span: Self::Span, decision: &Decided<'_>) {
        self.observer.decided(span, decision);
    }
    fn token(self, span: Self::Span, text: &str) {
        self.observer.token(span, text);
    }
    fn restarted(self, span: Self::Span) {
        self.observer.restarted(span);
    }
    fn poll_room(self, cx: &mut Context<'_>) -> Poll<()> {
        self.observer.poll_room(cx)
    }
}

pin_project! {
    /// A workflow's body, until its deadline.
    struct Bounded<F> {
        #[pin]
        body: Timeout<F>,
    }
}

impl<O: ObserverRef> Cx<O> {
    /// When a workflow with a deadline in `limit_ms` milliseconds must have ended: then, or at the inherited one if that
    /// is earlier.
    #[must_use]
    pub fn until(&self, limit_ms: u64) -> Instant {
        let own = Instant::now() + Duration::from_millis(limit_ms);
        self.deadline().map_or(own, |inherited| inherited.min(own))
    }
}

/// Runs a workflow's body until the deadline.
pub fn bounded<T, E, F>(deadline: Instant, body: F) -> impl Future<Output = Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    Bounded { body: timeout_at(deadline, body) }
}

impl<T, E, F> Future for Bounded<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().body.poll(cx).map(|ended| ended.unwrap_or_else(|_| Err(Error::deadline().into())))
    }
}
