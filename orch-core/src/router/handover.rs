//! From which confidence on each stage of a cascade should decide.
//!
//! The thresholds are fitted together, by coordinate ascent from many starting points: one after the other is set to what
//! is best given the rest, exactly, until none can be bettered.

use std::cmp::Ordering;

use crate::error::{Error, Kind, Result};

/// The threshold of a stage that is better never asked.
const NEVER: f64 = 2.0;
/// Starting points of each threshold: quantiles of what the stage says of its confidence.
const STARTS: usize = 4;
/// The most starting points of all thresholds together.
const MOST_STARTS: usize = 256;
/// Rounds over the stages from each starting point, at most.
const ROUNDS: usize = 8;

/// What a stage said of examples it was not fitted to, and what it costs to ask it.
#[derive(Clone, Debug, PartialEq)]
pub struct StageAnswers {
    /// The mean cost of asking it: microseconds, dollars, or what else is to be bounded.
    pub cost: f64,
    /// What it said of each example, the same examples for every stage.
    pub answers: Vec<StageAnswer>,
}

/// What a stage said of one example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageAnswer {
    /// How sure it was, from 0 to 1; `None` when it abstained.
    pub confidence: Option<f64>,
    /// Whether it was right.
    pub is_right: bool,
}

/// From which confidence on each stage decides, and what comes of it.
///
/// ```
/// use orch_core::router::{Handovers, StageAnswer, StageAnswers};
///
/// let stage = |cost, said: [(f64, bool); 4]| StageAnswers {
///     cost,
///     answers: said.map(|(confidence, is_right)| StageAnswer { confidence: Some(confidence), is_right }).into(),
/// };
/// let words = stage(1.0, [(0.9, true), (0.8, true), (0.4, false), (0.3, false)]);
/// let vectors = stage(100.0, [(0.9, true), (0.9, false), (0.9, true), (0.9, true)]);
///
/// // The second stage is asked where the first is not sure; all is right, at half the second stage's cost.
/// let handovers = Handovers::fit(&[words, vectors], f64::INFINITY)?;
/// assert!(handovers.at_least[0] > 0.4 && handovers.at_least[0] < 0.8);
/// assert_eq!((handovers.accuracy, handovers.mean_cost), (1.0, 51.0));
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Handovers {
    /// The threshold of each stage, as [`Cascade`](super::Cascade) wants it: from 0 to 1, or above 1 for a stage that is
    /// better left out. That of the last stage is 0.
    pub at_least: Vec<f64>,
    /// The share of the examples that are answered right, from 0 to 1.
    pub accuracy: f64,
    /// The mean cost of an example.
    pub mean_cost: f64,
}

impl Handovers {
    /// The thresholds with the most right answers for which the mean cost is at most `most`; of those that are as good,
    /// the cheapest. Where nothing costs so little, the cheapest of all.
    ///
    /// # Errors
    ///
    /// When there is no stage or no example, when the stages did not say something of each of the same examples, or a
    /// confidence or a cost is not a number.
    pub fn fit(stages: &[StageAnswers], most: f64) -> Result<Self> {
        check(stages)?;
        let last = stages.len() - 1;
        let mut best: Option<Self> = None;
        for start in starting_points(&stages[..last]) {
            let mut here = Self::measured(&start, stages)?;
            for _ in 0..ROUNDS {
                let before = here.clone();
                for stage in 0..last {
                    let next = here.with_best(stage, stages, most);
                    if next.is_better(&here, most) {
                        here = next;
                    }
                }
                if here == before {
                    break;
                }
            }
            if best.as_ref().is_none_or(|best| here.is_better(best, most)) {
                best = Some(here);
            }
        }
        best.ok_or_else(|| invalid("there is no stage"))
    }

    /// What comes of some thresholds, one for each stage; the last stage decides whatever its own.
    ///
    /// # Errors
    ///
    /// As [`fit`](Handovers::fit), and when there is not a threshold for each stage.
    pub fn measured(at_least: &[f64], stages: &[StageAnswers]) -> Result<Self> {
        let examples = check(stages)?;
        if at_least.len() != stages.len() {
            return Err(invalid(&format!("{} stages have {} thresholds", stages.len(), at_least.len())));
        }
        let mut thresholds = at_least.to_vec();
        thresholds[stages.len() - 1] = 0.0;
        let outcomes = (0..examples).map(|example| outcome(&thresholds, stages, 0, example));
        let (right, cost) = outcomes.fold((0_usize, 0.0), |(right, cost), (is_right, costs)| {
            (right + usize::from(is_right), cost + costs)
        });
        let count = examples as f64;
        Ok(Self { at_least: thresholds, accuracy: right as f64 / count, mean_cost: cost / count })
    }

    /// Whether these are to be preferred.
    fn is_better(&self, other: &Self, most: f64) -> bool {
        match (self.mean_cost <= most, other.mean_cost <= most) {
            (true, false) => true,
            (false, true) => false,
            (true, true) => {
                let order = self.accuracy.total_cmp(&other.accuracy);
                order.then(other.mean_cost.total_cmp(&self.mean_cost)) == Ordering::Greater
            }
            (false, false) => self.mean_cost < other.mean_cost,
        }
    }

    /// The same with the best threshold of one stage.
    fn with_best(&self, stage: usize, stages: &[StageAnswers], most: f64) -> Self {
        let count = stages[stage].answers.len();
        let asked_before = (0..stage).filter(|before| self.at_least[*before] <= 1.0);
        let before: f64 = asked_before.map(|before| stages[before].cost).sum();
        // Those that are decided earlier are as they are.
        let (mut right, mut cost) = (0_i64, 0.0);
        let mut open: Vec<(f64, bool, bool, f64)> = Vec::new();
        for example in 0..count {
            let earlier = (0..stage).any(|before| decides(&self.at_least, stages, before, example));
            if earlier {
                let (is_right, costs) = outcome(&self.at_least, stages, 0, example);
                right += i64::from(is_right);
                cost += costs;
            } else {
                let (later_right, later_cost) = outcome(&self.at_least, stages, stage + 1, example);
                let own = stages[stage].answers[example];
                open.push((own.confidence.unwrap_or(-1.0), own.is_right, later_right, later_cost));
            }
        }
        open.sort_by(|a, b| b.0.total_cmp(&a.0));
        right += open.iter().map(|(_, _, later, _)| i64::from(*later)).sum::<i64>();
        cost += open.iter().map(|(_, _, _, later)| before + later).sum::<f64>();
        let with = |threshold: f64, right: i64, cost: f64| {
            let mut at_least = self.at_least.clone();
            at_least[stage] = threshold;
            Self { at_least, accuracy: right as f64 / count as f64, mean_cost: cost / count as f64 }
        };
        let mut best = with(NEVER, right, cost);
        // From here on it is asked, and decides more and more.
        cost += open.len() as f64 * stages[stage].cost;
        for (place, (confidence, own, later, later_cost)) in open.iter().enumerate() {
            if *confidence < 0.0 {
                break;
            }
            right += i64::from(*own) - i64::from(*later);
            cost -= later_cost;
            let next = open.get(place + 1).map_or(0.0, |next| next.0.max(0.0));
            if next < *confidence || place + 1 == open.len() {
                let here = with(f64::midpoint(*confidence, next).min(*confidence), right, cost);
                if here.is_better(&best, most) {
                    best = here;
                }
            }
        }
        best
    }
}

/// Whether a stage decides an example that reaches it.
fn decides(at_least: &[f64], stages: &[StageAnswers], stage: usize, example: usize) -> bool {
    stages[stage].answers[example].confidence.is_some_and(|confidence| confidence >= at_least[stage])
}

/// Whether the stages from `from` on are right, and what they cost.
fn outcome(at_least: &[f64], stages: &[StageAnswers], from: usize, example: usize) -> (bool, f64) {
    let mut cost = 0.0;
    for stage in from..stages.len() {
        if at_least[stage] > 1.0 {
            continue;
        }
        cost += stages[stage].cost;
        if stage + 1 == stages.len() || decides(at_least, stages, stage, example) {
            return (stages[stage].answers[example].is_right, cost);
        }
    }
    (false, cost)
}

/// Thresholds to begin from: every combination of never, always, and a few quantiles between.
fn starting_points(stages: &[StageAnswers]) -> Vec<Vec<f64>> {
    let mut points: Vec<Vec<f64>> = vec![Vec::new()];
    for stage in stages {
        let mut sorted: Vec<f64> = stage.answers.iter().filter_map(|answer| answer.confidence).collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |part: usize| sorted.get(sorted.len() * part / STARTS).copied().unwrap_or(NEVER);
        let mut starts = vec![NEVER, 0.0];
        starts.extend((1..STARTS).map(quantile));
        starts.truncate((MOST_STARTS / points.len()).max(1));
        points = points
            .iter()
            .flat_map(|point| starts.iter().map(|start| [point.as_slice(), &[*start]].concat()))
            .collect();
    }
    points.iter_mut().for_each(|point| point.push(0.0));
    points
}

/// How many examples there are.
fn check(stages: &[StageAnswers]) -> Result<usize> {
    let examples = stages.first().map_or(0, |stage| stage.answers.len());
    if examples == 0 {
        return Err(invalid("there is no stage, or no example"));
    }
    if stages.iter().any(|stage| stage.answers.len() != examples) {
        return Err(invalid("the stages were not asked the same examples"));
    }
    let mut numbers = stages
        .iter()
        .flat_map(|stage| stage.answers.iter().filter_map(|answer| answer.confidence).chain([stage.cost]));
    if numbers.any(|number| !number.is_finite() || number < 0.0) {
        return Err(invalid("a confidence or a cost is below 0, or not a number"));
    }
    Ok(examples)
}

fn invalid(what: &str) -> Error {
    Error::with(Kind::Router, format!("handovers cannot be fitted: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::learned::Random;

    /// Stages that are right as often as they are sure, and the dearer, the surer.
    fn stages(count: usize, examples: usize, seed: u64) -> Vec<StageAnswers> {
        let mut random = Random(seed * 977 + 1);
        (0..count)
            .map(|stage| StageAnswers {
                cost: [1.0, 10.0, 100.0][stage],
                answers: (0..examples)
                    .map(|_| {
                        let sure = f64::from(random.unit()).powf(1.0 / (stage + 1) as f64);
                        let abstains = stage == 0 && random.unit() < 0.3;
                        let is_right = f64::from(random.unit()) < sure;
                        StageAnswer {
                            confidence: (!abstains).then_some((sure * 20.0).round() / 20.0),
                            is_right,
                        }
                    })
                    .collect(),
            })
            .collect()
    }

    /// Every combination of thresholds that tells examples apart.
    fn exhaustive(stages: &[StageAnswers], most: f64) -> Handovers {
        let grid: Vec<f64> = (0..=20).map(|step| f64::from(step) / 20.0).chain([NEVER]).collect();
        let mut best: Option<Handovers> = None;
        for first in &grid {
            for second in &grid {
                let here = Handovers::measured(&[*first, *second, 0.0], stages).unwrap();
                if best.as_ref().is_none_or(|best| here.is_better(best, most)) {
                    best = Some(here);
                }
            }
        }
        best.unwrap()
    }

    #[test]
    fn it_finds_what_trying_everything_finds() {
        for seed in 1..12 {
            let stages = stages(3, 60, seed);
            for most in [f64::INFINITY, 60.0, 20.0, 5.0, 0.5] {
                let found = Handovers::fit(&stages, most).unwrap();
                let best = exhaustive(&stages, most);
                assert_eq!(found, Handovers::measured(&found.at_least, &stages).unwrap());
                assert_eq!(found.mean_cost <= most, best.mean_cost <= most);
                // Coordinate ascent is not exact under a bound; one case of the sixty may be lost.
                assert!(
                    found.accuracy >= best.accuracy - 1.0 / 59.0 || found.mean_cost > most,
                    "{seed} {most}: {found:?} {best:?}"
                );
                if most == f64::INFINITY {
                    assert!(found.accuracy >= best.accuracy, "{seed}: {found:?} {best:?}");
                }
            }
        }
    }

    #[test]
    fn stages_that_do_not_fit_together_are_refused() {
        let mut two = stages(2, 5, 1);
        assert!(Handovers::fit(&[], 1.0).is_err());
        assert!(Handovers::measured(&[0.5], &two).is_err());
        two[1].answers.pop();
        assert!(Handovers::fit(&two, 1.0).unwrap_err().to_string().contains("same examples"));
        two[1].answers.push(StageAnswer { confidence: Some(f64::NAN), is_right: true });
        assert!(Handovers::fit(&two, 1.0).unwrap_err().to_string().contains("not a number"));
    }
}
