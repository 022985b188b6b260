//! Every threshold tried on answers that were recorded once.

use orch_core::router::threshold_for_risk;
use serde::Serialize;

use crate::dataset::{Case, Expected, fnv};
use crate::outcome::Outcome;

/// Points of the curve that are kept.
const POINTS: usize = 100;
/// How sure the guarantee on risk is not to be wrong.
const DOUBT: f64 = 0.05;

/// What a router does at every threshold, were it to abstain below it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// The curve, by rising threshold.
    pub points: Vec<SweepPoint>,
    /// The threshold with the most right answers.
    pub best: SweepPoint,
    /// The accuracy of a threshold chosen on one half of the cases on the other half, both ways round: what choosing one
    /// is worth, as the accuracy of `best` is of the cases it was chosen on.
    pub cross_fitted_accuracy: f64,
    /// The threshold from which on at most the share of wrong answers that was asked for is to be expected, with 95 %
    /// confidence; `None` where no threshold can be trusted.
    pub at_risk: Option<SweepPoint>,
}

/// What a router does at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SweepPoint {
    /// Below this confidence it abstains.
    pub threshold: f64,
    /// The share of cases it answers.
    pub coverage: f64,
    /// Right answers among all cases; abstaining is right for what is out of scope.
    pub accuracy: f64,
    /// Right answers among those it gives.
    pub answered_accuracy: f64,
    /// The share of out-of-scope cases on which it abstains; `None` where there are none.
    pub oos_recall: Option<f64>,
}

/// One answer: its confidence, whether the likeliest label is right, and whether the case is out of scope.
#[derive(Clone, Copy)]
struct Said {
    confidence: f64,
    right: bool,
    outside: bool,
    /// Which half of the cases it is in.
    half: bool,
}

impl Sweep {
    /// Tries every threshold. `risk` is the share of wrong answers to guarantee, from 0 to 1.
    ///
    /// Cases that got an error are left out.
    #[must_use]
    pub fn of(cases: &[&Case], outcomes: &[Outcome], risk: f64) -> Self {
        let answered = cases.iter().zip(outcomes).filter(|(_, outcome)| outcome.error.is_none());
        let mut said: Vec<Said> = answered
            .map(|(case, outcome)| Said {
                // Where nothing spoke for any label there was no answer, at whatever threshold.
                confidence: if outcome.best.is_some() { outcome.confidence } else { -1.0 },
                right: match &case.expected {
                    Expected::AnyOf(labels) => {
                        outcome.best.as_ref().is_some_and(|best| labels.contains(best))
                    }
                    Expected::OutOfScope => false,
                },
                outside: case.expected == Expected::OutOfScope,
                half: fnv(case.id.as_bytes()).is_multiple_of(2),
            })
            .collect();
        said.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
        let thresholds = thresholds(&said);
        let every = thresholds.len().div_ceil(POINTS).max(1);
        let points = thresholds.iter().step_by(every).map(|threshold| point(&said, *threshold)).collect();
        let halves = [true, false]
            .map(|half| -> Vec<Said> { said.iter().copied().filter(|said| said.half == half).collect() });
        let right = |chosen_on: &[Said], measured_on: &[Said]| {
            point(measured_on, best(chosen_on)).accuracy * measured_on.len() as f64
        };
        let crossed = right(&halves[0], &halves[1]) + right(&halves[1], &halves[0]);
        let answered = said.iter().filter(|said| said.confidence >= 0.0);
        let answers: Vec<(f64, bool)> = answered.map(|said| (said.confidence, said.right)).collect();
        Self {
            points,
            best: point(&said, best(&said)),
            cross_fitted_accuracy: crossed / said.len().max(1) as f64,
            at_risk: threshold_for_risk(&answers, risk, DOUBT).map(|threshold| point(&said, threshold)),
        }
    }
}

/// 0, and between each two confidences.
fn thresholds(sorted: &[Said]) -> Vec<f64> {
    let sorted = &sorted[sorted.partition_point(|said| said.confidence < 0.0)..];
    let between = sorted.windows(2).filter(|pair| pair[0].confidence < pair[1].confidence);
    let between = between.map(|pair| f64::midpoint(pair[0].confidence, pair[1].confidence));
    std::iter::once(0.0).chain(between).collect()
}

/// The threshold with the most right answers; of several the lowest.
fn best(sorted: &[Said]) -> f64 {
    let (mut most, mut won, mut threshold) = (0_i64, 0_i64, 0.0);
    for (index, said) in sorted.iter().enumerate() {
        // What is won, or lost, by abstaining on this one too.
        won += i64::from(said.outside) - i64::from(said.right);
        let next = sorted.get(index + 1).map_or(1.0, |next| next.confidence);
        if won > most && next > said.confidence {
            (most, threshold) = (won, f64::midpoint(said.confidence, next));
        }
    }
    threshold
}

fn point(sorted: &[Said], threshold: f64) -> SweepPoint {
    let start = sorted.partition_point(|said| said.confidence < threshold);
    let (below, above) = sorted.split_at(start);
    let count = |said: &[Said], wanted: fn(&Said) -> bool| said.iter().filter(|said| wanted(said)).count();
    let right = count(above, |said| said.right);
    let (recognised, outside) = (count(below, |said| said.outside), count(sorted, |said| said.outside));
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    SweepPoint {
        threshold,
        coverage: share(above.len(), sorted.len()),
        accuracy: share(right + recognised, sorted.len()),
        answered_accuracy: share(right, above.len()),
        oos_recall: (outside > 0).then(|| share(recognised, outside)),
    }
}
