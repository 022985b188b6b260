//! What asks a target, whatever its type.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::report::Counterexample;
use super::{Labels, Robustness, StageWorth, SuiteError, count};
use crate::dataset::Case;
use crate::metrics::Metrics;
use crate::outcome::{Outcome, is_right, outcome};
use crate::perturb::Perturbation;
use crate::run::{self, Asking, Stopped};
use crate::target::Target;

/// What a target is asked.
pub(super) struct Questions<'a> {
    pub(crate) path: &'a Path,
    pub(crate) cases: &'a [&'a Case],
    pub(crate) asking: Asking<'a>,
    /// Whether it is also asked what it would say without each of its stages.
    pub(crate) attributed: bool,
    /// How else the inputs are written.
    pub(crate) perturbations: &'a [Perturbation],
}

/// What a target said.
pub(super) struct Answers {
    pub(crate) outcomes: Vec<Outcome>,
    /// The label that also stands for out of scope.
    pub(crate) default: Option<String>,
    pub(crate) attribution: Vec<StageWorth>,
    pub(crate) robustness: Vec<Robustness>,
}

/// Makes a target and asks it.
pub(super) trait Asker: Send + Sync {
    /// Asks a new target once about each case.
    fn ask(&self, questions: &Questions<'_>) -> Result<Answers, SuiteError>;

    /// Whether its answers are labels.
    fn labelled(&self) -> bool;

    /// Makes a decision on each case, where each can be counted.
    fn decide(&self, cases: &[&Case]) -> Result<(), SuiteError>;

    /// Times its decisions, one case after the other.
    #[cfg(feature = "criterion")]
    fn bench(
        &self,
        name: &str,
        cases: &[&Case],
        criterion: &mut criterion::Criterion,
    ) -> Result<(), SuiteError>;
}

/// Targets that are made by a function.
pub(super) struct Made<F>(pub(super) F);

impl<T: Target + Sync, F: Fn() -> Result<T, SuiteError> + Send + Sync> Asker for Made<F> {
    fn ask(&self, questions: &Questions<'_>) -> Result<Answers, SuiteError> {
        ask(&(self.0)()?, questions)
    }

    fn labelled(&self) -> bool {
        T::LABELLED
    }

    fn decide(&self, cases: &[&Case]) -> Result<(), SuiteError> {
        let target = (self.0)()?;
        let runtime = runtime()?;
        for case in cases {
            count::one_decision(|| runtime.block_on(target.ask(&case.input)).is_ok());
        }
        Ok(())
    }

    #[cfg(feature = "criterion")]
    fn bench(
        &self,
        name: &str,
        cases: &[&Case],
        criterion: &mut criterion::Criterion,
    ) -> Result<(), SuiteError> {
        let target = (self.0)()?;
        let runtime = runtime()?;
        let mut next = cases.iter().cycle();
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| next.next().map(|case| runtime.block_on(target.ask(&case.input)).is_ok()));
        });
        Ok(())
    }
}

/// Where a target's futures run.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, SuiteError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SuiteError::Runtime)
}

/// Checks the labels, then asks about each case.
fn ask<T: Target + Sync>(target: &T, questions: &Questions<'_>) -> Result<Answers, SuiteError> {
    let Questions { path, cases, asking, attributed, perturbations } = *questions;
    if let Some(known) = target.routes() {
        let mut labels = Labels::default();
        cases.iter().for_each(|case| labels.add(case, &known));
        labels.check(path, &known)?;
    }
    let outcomes = replay(target, cases, asking)?;
    let runtime = runtime()?;
    let work = || async {
        let attribution = if attributed { worth(target, cases, &outcomes).await } else { Vec::new() };
        let mut robustness = Vec::new();
        for perturbation in perturbations {
            if asking.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(SuiteError::from(Stopped::Late(outcomes.len())));
            }
            robustness.push(robust(target, cases, &outcomes, *perturbation).await);
        }
        Ok((attribution, robustness))
    };
    // A caller may stand in a runtime of its own, and a thread can be in only one.
    let done = std::thread::scope(|scope| scope.spawn(move || runtime.block_on(work())).join());
    let (attribution, robustness) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(Answers { outcomes, default: target.default_label(), attribution, robustness })
}

/// Asks on as many threads as are wanted, each about its share of the cases.
fn replay<T: Target + Sync>(
    target: &T,
    cases: &[&Case],
    asking: Asking<'_>,
) -> Result<Vec<Outcome>, SuiteError> {
    let share = cases.len().div_ceil(asking.threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, part) in cases.chunks(share).enumerate() {
            let runtime = runtime()?;
            let first = asking.first.and_then(|first| first.get(number * share..));
            // One of them shows how far it is, and so about how far they all are.
            let asking = Asking { first, shown: asking.shown && number == 0, ..asking };
            threads.push(scope.spawn(move || runtime.block_on(run::replay(target, part, asking))));
        }
        let mut outcomes = Vec::with_capacity(cases.len());
        for thread in threads {
            match thread.join() {
                Ok(part) => outcomes.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(outcomes)
    })
}

impl From<Stopped> for SuiteError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Log(error) => error.into(),
            Stopped::Late(answered) => Self::Late { answered, folder: PathBuf::new() },
        }
    }
}

/// The accuracy without each stage. Only the cases a stage decided can then turn out otherwise.
async fn worth<T: Target>(target: &T, cases: &[&Case], outcomes: &[Outcome]) -> Vec<StageWorth> {
    let default = target.default_label();
    let answered = outcomes.iter().filter(|outcome| outcome.error.is_none());
    let (mut stages, mut right): (Vec<&str>, usize) = (Vec::new(), 0);
    for outcome in answered.clone() {
        right += usize::from(outcome.right);
        if !stages.contains(&&*outcome.stage) {
            stages.push(&outcome.stage);
        }
    }
    let all = answered.count().max(1) as f64;
    let mut worths = Vec::new();
    for stage in stages {
        let mut right_without = Some(right);
        let decided = cases.iter().zip(outcomes).filter(|(_, outcome)| outcome.stage == stage);
        for (case, outcome) in decided {
            let Ok(Some(without)) = target.ask_without(stage, &case.input).await else {
                right_without = None;
                break;
            };
            let got = without.to(&case.expected).got;
            let is_right = is_right(&case.expected, got.as_deref(), default.as_deref());
            right_without =
                right_without.map(|right| right + usize::from(is_right) - usize::from(outcome.right));
        }
        let accuracy_without = right_without.map(|right| right as f64 / all);
        worths.push(StageWorth { stage: stage.to_owned(), accuracy_without });
    }
    worths
}

/// How the target does on inputs that are written otherwise.
async fn robust<T: Target>(
    target: &T,
    cases: &[&Case],
    outcomes: &[Outcome],
    perturbation: Perturbation,
) -> Robustness {
    let default = target.default_label();
    let (mut otherwise, mut broken) = (Vec::with_capacity(cases.len()), Vec::new());
    for (case, before) in cases.iter().zip(outcomes) {
        let input = perturbation.of(&case.input);
        let outcome = outcome(case, run::answer(target, case, &input, 0).await, default.as_deref());
        if before.right && !outcome.right && outcome.error.is_none() {
            broken.push(Counterexample { id: case.id.clone(), input, got: outcome.got.clone() });
        }
        otherwise.push(outcome);
    }
    let Metrics { accuracy, in_scope_accuracy, errors, .. } =
        Metrics::of(cases, &otherwise, default.as_deref());
    Robustness { perturbation: perturbation.name(), accuracy, errors, in_scope_accuracy, broken }
}
