//! Watching a run: what each step did, when, and how it ended.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::plan::Step;

/// What a run tells about itself as it goes. Every hook has an empty default.
///
/// Hooks are called in the task that runs the workflow, so they must be quick. A step that is dropped while it
/// waits, because a sibling failed or the caller went away, is not left: nothing more is said of it.
pub trait Observer: Sync {
    /// What the observer needs to know a step again; it is kept while the step runs.
    type Span: Copy + Send + Sync;

    /// The span around the whole run.
    fn root(&self) -> Self::Span;

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

    /// Attempt number `attempts` of a step failed, and another one follows.
    fn retry(&self, span: Self::Span, attempts: u32, error: &dyn Display) {
        let _ = (span, attempts, error);
    }

    /// A `#[when]` was false, so the step does not run.
    fn skipped(&self, parent: Self::Span, step: &'static Step) {
        let _ = (parent, step);
    }

    /// A route was taken on a router's decision.
    fn decided(&self, span: Self::Span, decision: &Decided<'_>) {
        let _ = (span, decision);
    }
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

/// An [`Observer`] that keeps what it is told, as data.
///
/// ```
/// # use orch_core::{Recorder, Result, Status, workflow};
/// # async fn double(n: u32) -> Result<u32> { Ok(2 * n) }
/// workflow!(
///     async fn twice(n: u32) -> Result<u32> {
///         let once = double(n).await?;
///         let twice = double(once).await?;
///         Ok(twice)
///     }
/// );
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let recorder = Recorder::default();
/// assert_eq!(twice::observed(&recorder, 3).await?, 12);
/// let records = recorder.records();
/// assert_eq!(records.len(), 2);
/// assert_eq!((records[0].name, records[0].status), ("double", Status::Completed));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Recorder {
    records: Mutex<Vec<Record>>,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The step's name.
    pub name: &'static str,
    /// The step around this one, as an index into [`Recorder::records`].
    pub parent: Option<usize>,
    /// How it ended, or has not ended yet.
    pub status: Status,
    /// From its start to its end; `None` while it runs and when it was skipped.
    pub duration: Option<Duration>,
    /// How often it was tried.
    pub attempts: u32,
    /// The error of the last failed attempt.
    pub error: Option<String>,
    /// The route taken, where the step is a route taken on a decision: label, confidence, deciding stage.
    pub decision: Option<(String, f64, String)>,
    started: Instant,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It runs, or it was dropped while it ran.
    Running,
    /// It gave its value.
    Completed,
    /// It failed for good.
    Failed,
    /// Its `#[when]` was false.
    Skipped,
}

impl Recorder {
    /// What is known so far, in the order in which the steps started.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, parent: Option<usize>, step: &'static Step, status: Status) -> usize {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(Record {
            name: step.name,
            parent,
            status,
            duration: None,
            attempts: u32::from(status != Status::Skipped),
            error: None,
            decision: None,
            started: Instant::now(),
        });
        records.len() - 1
    }

    fn change(&self, span: Option<usize>, change: impl FnOnce(&mut Record)) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = span.and_then(|span| records.get_mut(span)) {
            change(record);
        }
    }
}

impl Observer for Recorder {
    type Span = Option<usize>;

    fn root(&self) -> Self::Span {
        None
    }

    fn enter(&self, parent: Self::Span, step: &'static Step) -> Self::Span {
        Some(self.add(parent, step, Status::Running))
    }

    fn done(&self, span: Self::Span) {
        self.change(span, |record| {
            record.status = Status::Completed;
            record.duration = Some(record.started.elapsed());
        });
    }

    fn failed(&self, span: Self::Span, error: &dyn Display) {
        self.change(span, |record| {
            record.status = Status::Failed;
            record.duration = Some(record.started.elapsed());
            record.error = Some(error.to_string());
        });
    }

    fn retry(&self, span: Self::Span, attempts: u32, error: &dyn Display) {
        self.change(span, |record| {
            record.attempts = attempts;
            record.error = Some(error.to_string());
        });
    }

    fn skipped(&self, parent: Self::Span, step: &'static Step) {
        self.add(parent, step, Status::Skipped);
    }

    fn decided(&self, span: Self::Span, decision: &Decided<'_>) {
        self.change(span, |record| {
            record.decision =
                Some((decision.route.to_owned(), decision.confidence, decision.decided_by.to_owned()));
        });
    }
}
