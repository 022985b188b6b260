//! What a run of a suite found.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::baseline::Changes;
use crate::dataset::lint::Lint;
use crate::dataset::{Case, Dataset};
use crate::gate::{Judgement, Paired, Ruling};
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::statistics::Proportion;

/// What a run of a suite found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// The verdict: the weightiest of the judgements.
    pub verdict: Ruling,
    /// What each gate found.
    pub judgements: Vec<Judgement>,
    /// The scores.
    pub metrics: Metrics,
    /// What changed against the baseline, if there is one.
    pub changes: Option<Changes>,
    /// The paired comparison with the baseline.
    pub paired: Option<Paired>,
    /// The baseline's accuracy on its own cases.
    pub baseline_accuracy: Option<f64>,
    /// How often each case was asked.
    pub epochs: usize,
    /// The share of cases that did not get the same answer each time: what changes when nothing does.
    pub noise: f64,
    /// What each stage is worth, if that was asked for.
    pub attribution: Vec<StageWorth>,
    /// How it does on inputs that are written otherwise, where that was asked for.
    pub robustness: Vec<Robustness>,
    /// How it compares with another target on the same cases, where one was named.
    pub rival: Option<Rival>,
    /// What was noticed on the way and changes no verdict.
    pub notes: Vec<String>,
    /// The outcome of each case, in the order of the data.
    #[serde(skip)]
    pub outcomes: Vec<Outcome>,
    /// The cases, in the same order.
    #[serde(skip)]
    pub cases: Vec<Case>,
    /// The label that also stands for out of scope.
    #[serde(skip)]
    pub default: Option<String>,
    /// The data the cases are from.
    #[serde(skip)]
    pub data: Arc<Dataset>,
    /// What is wrong with that data, but for what is only nearly the same.
    #[serde(skip)]
    pub(crate) lint: Lint,
    /// Whether the answers are labels; otherwise they are words.
    #[serde(skip)]
    pub(crate) labelled: bool,
    /// Where the run's files are; `None` when it kept none.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
}

/// What a stage of a cascade is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageWorth {
    /// The stage.
    pub stage: String,
    /// The accuracy the router would have without it; `None` where it has no such stage to leave out.
    pub accuracy_without: Option<f64>,
}

/// How a target does on inputs that are written otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Robustness {
    /// How they are written.
    pub perturbation: &'static str,
    /// Right answers then.
    pub accuracy: Proportion,
    /// Cases that got an error instead.
    pub errors: usize,
    /// In-scope cases whose likeliest label is right then; `None` when there are none.
    pub in_scope_accuracy: Option<Proportion>,
    /// Cases that are right as they are written in the data and wrong so.
    pub broken: Vec<Counterexample>,
}

/// A case that is wrong when it is written otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counterexample {
    /// The case.
    pub id: String,
    /// How it was written.
    #[serde(skip)]
    pub input: String,
    /// What it got; `None` when the target abstained.
    pub got: Option<String>,
}

/// Another target on the same cases: the single model that a workflow must beat, say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rival {
    /// Its name.
    pub name: String,
    /// Its scores.
    pub metrics: Metrics,
    /// What the suite's target has right that it has not, and the other way round.
    pub changes: Changes,
    /// The paired comparison: above 0, the suite's target is better.
    pub paired: Paired,
}

impl Report {
    /// The weightiest of the judgements.
    pub(super) fn settle(&mut self) {
        self.verdict = self.judgements.iter().map(|judgement| judgement.ruling).max().unwrap_or(Ruling::Pass);
    }
}
