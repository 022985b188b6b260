//! Watching a run: what each step did, when, and how it ended.

use std::fmt::Display;
use std::task::{Context, Poll};

use crate::plan::{Plan, Step};

mod callback;
mod events;
mod recorder;
#[cfg(feature = "tracing")]
mod spans;

pub use callback::{OnStepEnd, StepEnd};
pub use events::{Change, Events, StepEvent, Streamed, WorkflowEvent, streamed};
pub use recorder::{Record, Recorder, Status};
#[cfg(feature = "tracing")]
pub use spans::Tracing;

/// What a run tells about itself as it goes. Every hook but the first two has an empty default.
///
/// Hooks are called in the task that runs the workflow, so they must be quick. A step that is dropped while it
/// waits, because a sibling failed or the caller went away, is not left: nothing more is said of it but that the
/// step around it, or the run, has ended. Two observers watch one run as a pair: `(&recorder, &tracing)`.
pub trait Observer: Sync {
    /// What the observer needs to know a step again; it is kept while the step runs.
    type Span: Copy + Send + Sync;

    /// A run of `plan` begins: the span around the whole.
    fn begin(&self, plan: &'static Plan) -> Self::Span;

    /// A step starts inside `parent`.
    fn enter(&self, parent: Self::Span, step: &'static Step) -> Self::Span;

    /// A step gave its value.
    fn done(&self, span: Self::Span) {
        let _ = span;
    }

    /// A step failed for good. An `#[or]` may still save the workflow.
    fn failed(&self, span: Self::Span, error: &dyn Display) {
        let _ = (span, error);
    }

    /// A step that [`failed`](Observer::failed) does not fail what is around it: its `#[or]` stands in for it.
    fn replaced(&self, span: Self::Span) {
        let _ = span;
    }

    /// An attempt of a step failed, and number `attempt` follows.
    fn retry(&self, span: Self::Span, attempt: u32, error: &dyn Display) {
        let _ = (span, attempt, error);
    }

    /// A `#[when]` was false, so the step does not run.
    fn skipped(&self, parent: Self::Span, step: &'static Step) {
        let _ = (parent, step);
    }

    /// A route was taken on a router's decision.
    fn decided(&self, span: Self::Span, decision: &Decided<'_>) {
        let _ = (span, decision);
    }

    /// A step marked `#[stream]` has the next piece of its text.
    fn token(&self, span: Self::Span, text: &str) {
        let _ = (span, text);
    }

    /// The text of a step marked `#[stream]` so far is void, and begins anew: another model took over, or an agent's next
    /// turn began.
    fn restarted(&self, span: Self::Span) {
        let _ = span;
    }

    /// The run that [`begin`](Observer::begin) gave `run` for is over.
    fn end(&self, run: Self::Span, ended: Ended) {
        let _ = (run, ended);
    }

    /// Ready when the observer can take more. Asked before each token and each round of a loop: a run waits for an
    /// observer that cannot keep up.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }
}

/// How a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It came to its end, by a value or by an error.
    Finished,
    /// Its future was dropped before.
    Dropped,
}

/// A router's decision, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decided<'a> {
    /// The label of the route taken.
    pub route: &'a str,
    /// The router's confidence, from 0 to 1.
    pub confidence: f64,
    /// The stage that decided.
    pub decided_by: &'a str,
}

impl<A: Observer, B: Observer> Observer for (&A, &B) {
    type Span = (A::Span, B::Span);

    fn begin(&self, plan: &'static Plan) -> Self::Span {
        (self.0.begin(plan), self.1.begin(plan))
    }

    fn enter(&self, parent: Self::Span, step: &'static Step) -> Self::Span {
        (self.0.enter(parent.0, step), self.1.enter(parent.1, step))
    }

    fn done(&self, span: Self::Span) {
        self.0.done(span.0);
        self.1.done(span.1);
    }

    fn failed(&self, span: Self::Span, error: &dyn Display) {
        self.0.failed(span.0, error);
        self.1.failed(span.1, error);
    }

    fn replaced(&self, span: Self::Span) {
        self.0.replaced(span.0);
        self.1.replaced(span.1);
    }

    fn retry(&self, span: Self::Span, attempt: u32, error: &dyn Display) {
        self.0.retry(span.0, attempt, error);
        self.1.retry(span.1, attempt, error);
    }

    fn skipped(&self, parent: Self::Span, step: &'static Step) {
        self.0.skipped(parent.0, step);
        self.1.skipped(parent.1, step);
    }

    fn decided(&self, span: Self::Span, decision: &Decided<'_>) {
        self.0.decided(span.0, decision);
        self.1.decided(span.1, decision);
    }

    fn token(&self, span: Self::Span, text: &str) {
        self.0.token(span.0, text);
        self.1.token(span.1, text);
    }

    fn restarted(&self, span: Self::Span) {
        self.0.restarted(span.0);
        self.1.restarted(span.1);
    }

    fn end(&self, run: Self::Span, ended: Ended) {
        self.0.end(run.0, ended);
        self.1.end(run.1, ended);
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (first, second) = (self.0.poll_room(cx), self.1.poll_room(cx));
        if first.is_ready() && second.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}
