//! Scoring a fitted router.

use std::path::Path;

use super::FittedRouter;
use crate::dataset::{Case, Dataset, Stream};
use crate::metrics::{Metrics, Tally, percentile_us};
use crate::outcome::{Outcome, outcome};
use crate::perturb::Perturbation;
use crate::run::{self, Progress};
use crate::suite::{Labels, SuiteError, runtime};
use crate::target::FittedTarget;

/// How a router does on data.
#[derive(Debug)]
pub struct Scored {
    /// The scores.
    pub metrics: Metrics,
    /// The median time of a decision without that of its encoders, in microseconds; `None` where it has none.
    pub after_embedding_p50_us: Option<f64>,
    /// The scores on the same cases written otherwise.
    pub otherwise: Vec<(Perturbation, Metrics)>,
    /// Routes that no case expects.
    pub routes_without_a_case: Vec<String>,
    /// Whether the cases are the test rows of a file that is split. If not, they may be what the router was fitted on,
    /// and then the scores say nothing of new inputs.
    pub is_split: bool,
}

/// What is known of a file before a case is asked.
struct Checked {
    routes_without_a_case: Vec<String>,
    cases: usize,
    is_split: bool,
}

/// Scores a router on the test rows of a file, or on all where it is not split, also with the inputs written otherwise.
/// Of JSON lines one row at a time is in memory.
///
/// # Errors
///
/// When the data is bad, names labels that the router does not have, or has nothing to measure on: nothing is scored then.
pub fn score(
    router: &FittedRouter,
    path: &Path,
    perturbations: &[Perturbation],
) -> Result<Scored, SuiteError> {
    let known: Vec<String> = router.routes().iter().map(ToString::to_string).collect();
    let mut cases = Stream::open(path)?;
    let checked = check_labels(&mut cases, path, &known)?;
    cases.restart()?;
    let mut progress = Progress::of(checked.cases);
    let runtime = runtime()?;
    let target = FittedTarget::new(router);
    let embeds = !router.encoders.is_empty();
    let mut after_embedding: Vec<f32> = Vec::new();
    let mut tally = Tally::new(None);
    let mut otherwise: Vec<(Perturbation, Tally)> =
        perturbations.iter().map(|perturbation| (*perturbation, Tally::new(None))).collect();
    while let Some(case) = cases.next()? {
        progress.advance();
        let outcome = runtime.block_on(asked(&target, &case, &case.input));
        if embeds {
            let after = outcome.took.saturating_sub(target.embedding.take());
            after_embedding.push(after.as_secs_f32() * 1e6);
        }
        tally.add(&case, &outcome);
        for (perturbation, tally) in &mut otherwise {
            let input = perturbation.of(&case.input);
            tally.add(&case, &runtime.block_on(asked(&target, &case, &input)));
        }
    }
    let otherwise = otherwise.into_iter().map(|(perturbation, tally)| (perturbation, tally.finish()));
    after_embedding.sort_unstable_by(f32::total_cmp);
    Ok(Scored {
        metrics: tally.finish(),
        after_embedding_p50_us: embeds.then(|| percentile_us(&after_embedding, 0.50, |us| *us)),
        otherwise: otherwise.collect(),
        routes_without_a_case: checked.routes_without_a_case,
        is_split: checked.is_split,
    })
}

/// What a router says of each case that is measured.
///
/// # Errors
///
/// When there is nothing to measure on, or the data names labels that the router does not have.
pub fn answers(router: &FittedRouter, data: &Dataset) -> Result<Vec<Outcome>, SuiteError> {
    router.fits(data)?;
    let cases = data.to_measure();
    let runtime = runtime()?;
    let target = FittedTarget::new(router);
    Ok(cases.into_iter().map(|case| runtime.block_on(asked(&target, case, &case.input))).collect())
}

impl FittedRouter {
    /// Whether it can be measured on the data.
    ///
    /// # Errors
    ///
    /// When there is nothing to measure on, or no route has a label.
    pub fn fits(&self, data: &Dataset) -> Result<(), SuiteError> {
        let known: Vec<String> = self.routes().iter().map(ToString::to_string).collect();
        let cases = data.to_measure();
        if cases.is_empty() {
            return Err(SuiteError::NothingToMeasure(data.path.clone()));
        }
        let mut labels = Labels::default();
        cases.iter().for_each(|case| labels.add(case, &known));
        labels.check(&data.path, &known).map(drop)
    }
}

async fn asked(target: &FittedTarget<'_>, case: &Case, input: &str) -> Outcome {
    outcome(case, run::answer(target, case, input, 0).await, None)
}

/// Looks at every label before a case is asked.
fn check_labels(cases: &mut Stream, path: &Path, known: &[String]) -> Result<Checked, SuiteError> {
    let (mut labels, mut count, mut is_split) = (Labels::default(), 0, false);
    while let Some(case) = cases.next()? {
        labels.add(&case, known);
        count += 1;
        is_split |= case.split.is_some();
    }
    if count == 0 {
        return Err(SuiteError::NothingToMeasure(path.to_owned()));
    }
    Ok(Checked { routes_without_a_case: labels.check(path, known)?, cases: count, is_split })
}
