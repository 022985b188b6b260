//! The trace of a run as data.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Decided, Ended, Observer};
use crate::plan::{Graph, Kind, Plan, Step};

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
    trace: Mutex<Trace>,
}

#[derive(Debug, Default)]
struct Trace {
    /// When each run began.
    runs: Vec<Instant>,
    records: Vec<Record>,
    /// The steps that have not started, by run and the step around them.
    pending: HashMap<(usize, Option<usize>), Vec<usize>>,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The step's name.
    pub name: &'static str,
    /// Which run of those the recorder has watched, from 0.
    pub run: usize,
    /// The step around this one, as an index into [`Recorder::records`].
    pub parent: Option<usize>,
    /// How it stands.
    pub status: Status,
    /// When it started, from the beginning of the run; `None` while it is pending and when it was skipped.
    pub started: Option<Duration>,
    /// From its start to its end; `None` where there is no such time.
    pub duration: Option<Duration>,
    /// How often it was tried.
    pub attempts: u32,
    /// The error of the last failed attempt.
    pub error: Option<String>,
    /// The route taken, where the step is a route taken on a decision: label, confidence, deciding stage.
    pub decision: Option<(String, f64, String)>,
    /// How many pieces of text it has streamed.
    pub tokens: usize,
    /// What it is.
    kind: Kind,
    /// Whether its failure went no further: something stood in for it, or it was tried again.
    replaced: bool,
    /// Its place among the steps of its graph.
    number: usize,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has not started: what it needs is not there yet, or never came.
    Pending,
    /// It runs.
    Running,
    /// It gave its value.
    Completed,
    /// It failed for good.
    Failed,
    /// Its `#[when]` was false.
    Skipped,
    /// It was dropped while it ran: a sibling failed, another won the race, or the caller went away.
    Cancelled,
}

/// A run, and a step of it.
#[derive(Clone, Copy, Debug)]
pub struct RecorderSpan {
    run: usize,
    record: Option<usize>,
}

impl Recorder {
    /// What is known so far. Of one graph, the steps stand in program order; rounds of a loop after the first, and
    /// calls of a map, in the order in which they started.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.trace().records.clone()
    }

    fn trace(&self) -> std::sync::MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trace {
    /// Adds the steps of a graph that is certain to be walked, as pending.
    fn expect(&mut self, run: usize, parent: Option<usize>, graph: &'static Graph) {
        for step in graph.steps {
            let index = self.add(run, parent, step, Status::Pending);
            self.pending.entry((run, parent)).or_default().push(index);
        }
    }

    fn add(&mut self, run: usize, parent: Option<usize>, step: &'static Step, status: Status) -> usize {
        self.records.push(Record {
            name: step.name,
            run,
            parent,
            status,
            started: None,
            duration: None,
            attempts: 0,
            error: None,
            decision: None,
            tokens: 0,
            kind: step.kind,
            replaced: false,
            number: step.number,
        });
        self.records.len() - 1
    }

    /// The record of a step that starts or is skipped: the pending one, if there is one.
    fn claim(&mut self, span: RecorderSpan, step: &'static Step, status: Status) -> usize {
        let records = &self.records;
        let pending = self.pending.get_mut(&(span.run, span.record)).and_then(|pending| {
            let same = |index: &usize| {
                let record = &records[*index];
                (record.name, record.number) == (step.name, step.number)
            };
            let at = pending.iter().position(same)?;
            Some(pending.remove(at))
        });
        let index = pending.unwrap_or_else(|| self.add(span.run, span.record, step, status));
        self.records[index].status = status;
        index
    }

    /// Ends a step.
    fn leave(&mut self, span: RecorderSpan, status: Status, error: Option<String>) {
        let Some(index) = span.record else { return };
        self.close(index, status);
        if error.is_some() {
            self.records[index].error = error;
        }
        self.settle(span.run, Some(index), Ended::Finished);
    }

    fn close(&mut self, index: usize, status: Status) {
        let now = self.since_begin(self.records[index].run);
        let record = &mut self.records[index];
        record.status = status;
        record.duration = record.started.map(|started| now.saturating_sub(started));
    }

    /// Ends what still runs inside `parent`, which has ended itself. A step with others inside that was left by an
    /// error has failed as they have; a block or a loop that was left by a `return` or a `break` is complete.
    fn settle(&mut self, run: usize, parent: Option<usize>, ended: Ended) {
        if parent.is_some_and(|parent| self.records[parent].kind == Kind::Call) {
            return;
        }
        let first = parent.map_or(0, |parent| parent + 1);
        for index in (first..self.records.len()).rev() {
            let record = &self.records[index];
            if record.run != run || record.status != Status::Running || !self.is_inside(index, parent) {
                continue;
            }
            let inside = || self.records[index..].iter().filter(|inner| inner.parent == Some(index));
            let failed = inside().find(|inner| inner.status == Status::Failed && !inner.replaced);
            let error = failed.and_then(|failed| failed.error.clone());
            let cut = inside().any(|inner| inner.status == Status::Cancelled);
            let status = match (ended, failed, record.kind) {
                (Ended::Dropped, ..) => Status::Cancelled,
                (_, Some(_), _) => Status::Failed,
                (_, None, Kind::Choice | Kind::Block | Kind::Loop) if !cut => Status::Completed,
                _ => Status::Cancelled,
            };
            self.close(index, status);
            if status == Status::Failed {
                self.records[index].error = error;
            }
        }
    }

    /// The failures inside `parent` went no further.
    fn replace(&mut self, parent: usize) {
        for record in self.records[parent..].iter_mut().filter(|record| record.parent == Some(parent)) {
            record.replaced |= record.status == Status::Failed;
        }
    }

    fn is_inside(&self, index: usize, parent: Option<usize>) -> bool {
        let mut around = self.records[index].parent;
        loop {
            match (around, parent) {
                (_, None) => return true,
                (Some(around), Some(parent)) if around == parent => return true,
                (None, Some(_)) => return false,
                (Some(next), Some(_)) => around = self.records[next].parent,
            }
        }
    }

    fn since_begin(&self, run: usize) -> Duration {
        self.runs[run].elapsed()
    }
}

impl Observer for Recorder {
    type Span = RecorderSpan;

    fn begin(&self, plan: &'static Plan) -> Self::Span {
        let mut trace = self.trace();
        trace.runs.push(Instant::now());
        let run = trace.runs.len() - 1;
        trace.expect(run, None, &plan.graph);
        RecorderSpan { run, record: None }
    }

    fn enter(&self, parent: Self::Span, step: &'static Step) -> Self::Span {
        let mut trace = self.trace();
        let index = trace.claim(parent, step, Status::Running);
        let started = trace.since_begin(parent.run);
        let record = &mut trace.records[index];
        (record.started, record.attempts) = (Some(started), 1);
        match step.kind {
            Kind::Flow(plan) => trace.expect(parent.run, Some(index), &plan.graph),
            Kind::FanOut | Kind::Block => {
                for graph in step.children {
                    trace.expect(parent.run, Some(index), graph);
                }
            }
            _ => {}
        }
        RecorderSpan { record: Some(index), ..parent }
    }

    fn done(&self, span: Self::Span) {
        self.trace().leave(span, Status::Completed, None);
    }

    fn failed(&self, span: Self::Span, error: &dyn Display) {
        self.trace().leave(span, Status::Failed, Some(error.to_string()));
    }

    fn retry(&self, span: Self::Span, attempt: u32, error: &dyn Display) {
        let mut trace = self.trace();
        if let Some(index) = span.record {
            let record = &mut trace.records[index];
            record.attempts = attempt;
            record.error = Some(error.to_string());
            trace.settle(span.run, Some(index), Ended::Finished);
            trace.replace(index);
        }
    }

    fn replaced(&self, span: Self::Span) {
        if let Some(index) = span.record {
            self.trace().records[index].replaced = true;
        }
    }

    fn skipped(&self, parent: Self::Span, step: &'static Step) {
        self.trace().claim(parent, step, Status::Skipped);
    }

    fn decided(&self, span: Self::Span, decision: &Decided<'_>) {
        if let Some(index) = span.record {
            self.trace().records[index].decision =
                Some((decision.route.to_owned(), decision.confidence, decision.decided_by.to_owned()));
        }
    }

    fn token(&self, span: Self::Span, _: &str) {
        if let Some(index) = span.record {
            self.trace().records[index].tokens += 1;
        }
    }

    fn end(&self, run: Self::Span, ended: Ended) {
        self.trace().settle(run.run, None, ended);
    }
}
