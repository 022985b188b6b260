//! Asking a target about every case.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use super::{Log, Progress, RunError};
use crate::dataset::Case;
use crate::outcome::{Outcome, outcome};
use crate::target::{Answer, Target};
use orch_core::guard::Secrets;

/// What a target is being asked, for what it calls.
struct Asked {
    case: String,
    epoch: usize,
    /// What the answer has cost so far, in micro-dollars.
    spent: Cell<u64>,
}

tokio::task_local! {
    static ASKED: Asked;
}

/// The case a target is being asked about and the epoch; nothing and 0 outside of a suite.
pub(crate) fn case_and_epoch() -> (String, usize) {
    ASKED.try_with(|asked| (asked.case.clone(), asked.epoch)).unwrap_or_default()
}

/// Counts what a call costs, recorded or not, to the case that is being asked about.
pub(crate) fn spend(micro_dollars: u64) {
    // Outside of a suite nobody counts.
    let _ = ASKED.try_with(|asked| asked.spent.set(asked.spent.get() + micro_dollars));
}

/// How a target is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    /// Where answers are kept.
    pub(crate) log: Option<&'a Log>,
    /// How often each case has been asked before.
    pub(crate) epoch: usize,
    /// The answers of the first epoch, in a later one.
    pub(crate) first: Option<&'a [Outcome]>,
    /// Cases that are asked about at the same time at most.
    pub(crate) concurrency: usize,
    /// Threads that ask at the same time.
    pub(crate) threads: usize,
    /// Whether progress is shown.
    pub(crate) shown: bool,
    /// When it is too late to ask about another case.
    pub(crate) deadline: Option<Instant>,
}

impl Default for Asking<'_> {
    fn default() -> Self {
        Self { log: None, epoch: 0, first: None, concurrency: 1, threads: 1, shown: true, deadline: None }
    }
}

/// Why not every case has an answer.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The log cannot be written.
    Log(RunError),
    /// It is too late; so many were answered.
    Late(usize),
}

/// Asks `target` about each case, in order, and gives the outcomes in that order.
pub(crate) async fn replay<T: Target>(
    target: &T,
    cases: &[&Case],
    asking: Asking<'_>,
) -> Result<Vec<Outcome>, Stopped> {
    let default = target.default_label();
    let default = default.as_deref();
    let mut progress = asking.shown.then(|| Progress::of(cases.len()));
    let mut outcomes = Vec::with_capacity(cases.len());
    let answers = stream::iter(cases.iter().enumerate()).map(|(index, case)| async move {
        if let Some(known) = asking.log.and_then(|log| log.known(asking.epoch, &case.id)) {
            return Ok(outcome(case, known, default));
        }
        if asking.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Stopped::Late(index));
        }
        let asked = answer(target, case, &case.input, asking.epoch);
        let outcome = outcome(case, asked.await, default);
        if let Some(log) = asking.log {
            let first = asking.first.and_then(|first| first.get(index));
            log.write(asking.epoch, &outcome, first).map_err(Stopped::Log)?;
        }
        Ok(outcome)
    });
    let mut answers = std::pin::pin!(answers.buffered(asking.concurrency.max(1)));
    while let Some(outcome) = answers.next().await {
        outcomes.push(outcome?);
        if let Some(progress) = &mut progress {
            progress.advance();
        }
    }
    Ok(outcomes)
}

/// What came of asking about a case.
pub(crate) struct Reply {
    pub(crate) answer: orch_core::Result<Answer>,
    pub(crate) took: Duration,
    /// In micro-dollars.
    pub(crate) cost: u64,
}

/// Asks about a case, with an input that may be written otherwise. An answer in words is scored at once: what is kept
/// of it is whether it is right.
pub(crate) async fn answer<T: Target>(target: &T, case: &Case, input: &str, epoch: usize) -> Reply {
    let asked = Asked { case: case.id.clone(), epoch, spent: Cell::new(0) };
    let work = async {
        let started = Instant::now();
        let answer = target.ask(input).await.map(|answer| answer.to(&case.expected));
        // What a judge takes and costs is not the target's.
        let (took, cost) = (started.elapsed(), ASKED.with(|asked| asked.spent.get()));
        let answer = match answer {
            Ok(answer) => {
                let scored = target.is_right(case, answer.got.as_deref()).await;
                // Words are kept and shown, so they are looked through once they have been scored.
                let got =
                    answer.got.map(|got| if T::LABELLED { got } else { Secrets::known().redacted(&got) });
                scored.map(|scored| Answer { got, scored, ..answer })
            }
            Err(error) => Err(error),
        };
        Reply { answer, took, cost }
    };
    ASKED.scope(asked, work).await
}
