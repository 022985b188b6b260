//! Asking a target about every case.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use super::{Log, Progress, RunError};
use crate::dataset::Case;
use crate::outcome::{Outcome, outcome};
use crate::secrets::Secrets;
use crate::target::{Answer, Target};

tokio::task_local! {
    /// The case a target is asked about, and the epoch.
    static ASKED: (String, usize);
}

/// The case a target is being asked about and the epoch, for what it calls; nothing and 0 outside of a suite.
pub(crate) fn case_and_epoch() -> (String, usize) {
    ASKED.try_with(Clone::clone).unwrap_or_default()
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
    /// When it is too late to ask about another case.
    pub(crate) deadline: Option<Instant>,
}

impl Default for Asking<'_> {
    fn default() -> Self {
        Self { log: None, epoch: 0, first: None, concurrency: 1, deadline: None }
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
    let mut progress = Progress::of(cases.len());
    let mut outcomes = Vec::with_capacity(cases.len());
    let answers = stream::iter(cases.iter().enumerate()).map(|(index, case)| async move {
        if let Some((answer, took)) = asking.log.and_then(|log| log.known(asking.epoch, &case.id)) {
            return Ok(outcome(case, answer, took, default));
        }
        if asking.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Stopped::Late(index));
        }
        let asked = ASKED.scope((case.id.clone(), asking.epoch), answer(target, case, &case.input));
        let (answer, took) = asked.await;
        let outcome = outcome(case, answer, took, default);
        if let Some(log) = asking.log {
            let first = asking.first.and_then(|first| first.get(index));
            log.write(asking.epoch, &outcome, first).map_err(Stopped::Log)?;
        }
        Ok(outcome)
    });
    let mut answers = std::pin::pin!(answers.buffered(asking.concurrency.max(1)));
    while let Some(outcome) = answers.next().await {
        outcomes.push(outcome?);
        progress.advance();
    }
    Ok(outcomes)
}

/// The answer to a case, asked with an input that may be written otherwise, and how long it took. An answer in words is
/// scored at once: what is kept of it is whether it is right.
pub(crate) async fn answer<T: Target>(
    target: &T,
    case: &Case,
    input: &str,
) -> (orch_core::Result<Answer>, Duration) {
    let started = Instant::now();
    let answer = target.ask(input).await.map(|answer| answer.to(&case.expected));
    let took = started.elapsed();
    let scored = match answer {
        Ok(answer) => {
            let scored = target.is_right(case, answer.got.as_deref()).await;
            // Words are kept and shown, so they are looked through once they have been scored.
            let got = answer.got.map(|got| if T::LABELLED { got } else { Secrets::known().redacted(&got) });
            scored.map(|scored| Answer { got, scored, ..answer })
        }
        Err(error) => Err(error),
    };
    (scored, took)
}
