//! Steps as spans of the `tracing` crate.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{Span, debug_span, field};

use super::{Decided, Ended, Observer};
use crate::plan::{Plan, Step};

/// An [`Observer`] that makes a [`tracing`] span of the run and of each step, at level `DEBUG` and target `orch`.
///
/// A span is open from the step's start to its end, and its parent is the step around it. The step's own code does
/// not run inside the span: a future wrapped for that would cost each step. One observer serves any number of
/// runs at the same time.
///
/// A step that was dropped has its span closed when the run ends.
///
/// Fields: `orch.step`, `orch.status` (`completed`, `failed`, `cancelled`; of a run `finished` or `cancelled`), `orch.attempts`, `orch.error`,
/// `orch.route`, `orch.confidence`, `orch.decided_by`, `orch.tokens`. The run's span has `orch.workflow`. What a model or a user wrote is
/// in none of them, except as part of an error's text.
#[derive(Debug, Default)]
pub struct Tracing {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    spans: HashMap<u64, OpenSpan>,
    next: u64,
}

#[derive(Debug)]
struct OpenSpan {
    span: Span,
    run: u64,
    tokens: u64,
}

/// A run, and a step of it, by number.
#[derive(Clone, Copy, Debug)]
pub struct TracingSpan {
    run: u64,
    id: u64,
}

impl Tracing {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, span: TracingSpan, status: &str) {
        let closed = self.open().spans.remove(&span.id);
        if let Some(closed) = closed {
            closed.end(status);
        }
    }

    fn with(&self, span: TracingSpan, change: impl FnOnce(&mut OpenSpan)) {
        if let Some(open) = self.open().spans.get_mut(&span.id) {
            change(open);
        }
    }
}

impl OpenSpan {
    fn end(self, status: &str) {
        self.span.record("orch.status", status);
        if self.tokens > 0 {
            self.span.record("orch.tokens", self.tokens);
        }
    }
}

impl Open {
    fn add(&mut self, span: Span, run: Option<u64>) -> TracingSpan {
        self.next += 1;
        let id = self.next;
        let run = run.unwrap_or(id);
        self.spans.insert(id, OpenSpan { span, run, tokens: 0 });
        TracingSpan { run, id }
    }
}

impl Observer for Tracing {
    type Span = TracingSpan;

    fn begin(&self, plan: &'static Plan) -> TracingSpan {
        let span =
            debug_span!(target: "orch", "workflow", orch.workflow = plan.name, orch.status = field::Empty);
        self.open().add(span, None)
    }

    fn enter(&self, parent: TracingSpan, step: &'static Step) -> TracingSpan {
        let mut open = self.open();
        let around = open.spans.get(&parent.id).map(|around| around.span.id());
        let span = debug_span!(
            target: "orch",
            parent: around.flatten(),
            "step",
            orch.step = step.name,
            orch.status = field::Empty,
            orch.attempts = field::Empty,
            orch.error = field::Empty,
            orch.route = field::Empty,
            orch.confidence = field::Empty,
            orch.decided_by = field::Empty,
            orch.tokens = field::Empty,
        );
        open.add(span, Some(parent.run))
    }

    fn done(&self, span: TracingSpan) {
        self.close(span, "completed");
    }

    fn failed(&self, span: TracingSpan, error: &dyn Display) {
        self.with(span, |open| {
            open.span.record("orch.error", field::display(error));
        });
        self.close(span, "failed");
    }

    fn retry(&self, span: TracingSpan, attempt: u32, error: &dyn Display) {
        self.with(span, |open| {
            open.span.record("orch.attempts", attempt);
            tracing::debug!(target: "orch", parent: &open.span, attempt, %error, "retry");
        });
    }

    fn skipped(&self, parent: TracingSpan, step: &'static Step) {
        self.with(parent, |open| {
            tracing::debug!(target: "orch", parent: &open.span, { orch.step = step.name }, "skipped");
        });
    }

    fn decided(&self, span: TracingSpan, decision: &Decided<'_>) {
        self.with(span, |open| {
            open.span.record("orch.route", decision.route);
            open.span.record("orch.confidence", decision.confidence);
            open.span.record("orch.decided_by", decision.decided_by);
        });
    }

    fn token(&self, span: TracingSpan, _: &str) {
        self.with(span, |open| open.tokens += 1);
    }

    fn end(&self, run: TracingSpan, ended: Ended) {
        let mut open = self.open();
        let whole = open.spans.remove(&run.id);
        let left: Vec<u64> =
            open.spans.iter().filter(|(_, span)| span.run == run.run).map(|(id, _)| *id).collect();
        let left: Vec<OpenSpan> = left.into_iter().filter_map(|id| open.spans.remove(&id)).collect();
        drop(open);
        for step in left {
            step.end("cancelled");
        }
        if let Some(whole) = whole {
            whole.end(match ended {
                Ended::Finished => "finished",
                Ended::Dropped => "cancelled",
            });
        }
    }
}
