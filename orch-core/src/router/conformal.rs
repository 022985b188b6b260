//! Thresholds with a guarantee.
//!
//! Both guarantees ask that the examples they are fitted on are exchangeable with what comes later: drawn alike, and
//! not seen when the router was fitted.

use crate::error::{Error, Kind, Result};
use crate::router::calibration::as_threshold;
use crate::router::{Decision, Label, Ranked};

/// Sets of routes that hold the right one at a stated rate: split conformal prediction (Vovk, Gammerman, Shafer,
/// "Algorithmic Learning in a Random World", 2005; Angelopoulos, Bates, "A Gentle Introduction to Conformal Prediction",
/// 2021, section 1).
///
/// ```
/// use orch_core::router::{ConformalSets, Decision, Ranked};
///
/// let decision = |right: f64| Decision {
///     ranking: vec![
///         Ranked { route: "a".to_owned(), confidence: right },
///         Ranked { route: "b".to_owned(), confidence: 1.0 - right },
///     ],
///     ..Decision::new("a".to_owned(), right, "test")
/// };
/// let seen: Vec<_> = (0..99).map(|i| (decision(0.2 + f64::from(i) / 130.0), "a".to_owned())).collect();
/// let sets = ConformalSets::fit(&seen, 0.1)?;
/// assert_eq!(sets.of(&decision(0.95)).unwrap().len(), 1);
/// assert_eq!(sets.of(&decision(0.6)).unwrap().len(), 2);
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConformalSets {
    /// Routes at least this likely are in the set; 0 puts every route in.
    at_least: f64,
}

impl ConformalSets {
    /// From decisions and the routes that were right: the set of a new input holds the right route with a probability
    /// of at least `1 - miss`, on average over examples and inputs.
    ///
    /// # Errors
    ///
    /// When `miss` is not between 0 and 1, or there are fewer than `1 / miss - 1` examples: no set is then enough.
    pub fn fit<R: Label>(seen: &[(Decision<R>, R)], miss: f64) -> Result<Self> {
        let wrong = |what: String| Error::with(Kind::Router, what);
        if !(miss > 0.0 && miss < 1.0) {
            return Err(wrong(format!("a rate of misses lies between 0 and 1, and this is {miss}")));
        }
        let mut shares: Vec<f64> = seen
            .iter()
            .map(|(decision, right)| {
                let ranked = decision.ranking.iter().find(|ranked| ranked.route == *right);
                ranked.map_or(0.0, |ranked| ranked.confidence)
            })
            .collect();
        // The share that all but (n + 1) * miss of the right routes reach.
        let below = ((shares.len() as f64 + 1.0) * miss + 1e-9).floor() as usize;
        if below == 0 {
            let least = (1.0 / miss - 1.0).ceil();
            return Err(wrong(format!(
                "{} examples guarantee nothing at this rate; {least} would",
                shares.len()
            )));
        }
        shares.sort_by(f64::total_cmp);
        Ok(Self { at_least: shares[below - 1] })
    }

    /// The share a route must have to be in a set, from 0 to 1: what was fitted.
    #[must_use]
    pub fn at_least(&self) -> f64 {
        self.at_least
    }

    /// Sets of the routes that have at least this share: what [`at_least`](ConformalSets::at_least) once gave.
    #[must_use]
    pub fn of_at_least(share: f64) -> Self {
        Self { at_least: as_threshold(share) }
    }

    /// The routes of the set, likeliest first; `None` stands for all routes, ranked or not.
    #[must_use]
    pub fn of<R: Label>(&self, decision: &Decision<R>) -> Option<Vec<Ranked<R>>> {
        let least_ranked = decision.ranking.last().map_or(0.0, |ranked| ranked.confidence);
        let more_may_be = decision.ranking.len() == super::RANKED && least_ranked >= self.at_least;
        if self.at_least <= 0.0 || more_may_be {
            return None;
        }
        Some(decision.ranking.iter().filter(|ranked| ranked.confidence >= self.at_least).cloned().collect())
    }
}

/// The confidence from which on at most a share `risk` of the answers is wrong, with a probability of at least `1 -
/// doubt` over the examples: selection with guaranteed risk (Geifman, El-Yaniv, "Selective Classification for Deep
/// Neural Networks", NeurIPS 2017), by the exact binomial bound, for as many thresholds as are tried.
///
/// `answers` are confidences of examples the router had not seen, and whether the answer was right. An example that is out
/// of scope was answered wrongly. Gives `None` when no threshold can be trusted: answer nothing, or get more examples.
///
/// ```
/// use orch_core::router::threshold_for_risk;
///
/// // All above 0.5 are right, half of those below are.
/// let answers: Vec<(f64, bool)> = (0..1_000).map(|i| (f64::from(i) / 1_000.0, i >= 500 || i % 2 == 0)).collect();
/// let threshold = threshold_for_risk(&answers, 0.05, 0.1).unwrap();
/// assert!((0.4..0.55).contains(&threshold));
/// ```
#[must_use]
pub fn threshold_for_risk(answers: &[(f64, bool)], risk: f64, doubt: f64) -> Option<f64> {
    let mut order: Vec<(f64, bool)> = answers.to_vec();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    // How many are answered at each confidence there is: all that are as sure are answered together.
    let counts: Vec<usize> = (1..=order.len())
        .filter(|count| order.get(*count).is_none_or(|next| next.0 < order[count - 1].0))
        .collect();
    // Halving these and none.
    let tries = ((counts.len() + 1) as f64).log2().ceil().max(1.0);
    let (mut low, mut high) = (0_usize, counts.len());
    let mut found = None;
    // The widest coverage that holds is looked for by halving; each look costs a share of the doubt.
    while low < high {
        let tried = (low + high).div_ceil(2);
        let count = counts[tried - 1];
        let wrong = order[..count].iter().filter(|(_, right)| !right).count();
        if upper_bound(wrong, count, doubt / tries) <= risk {
            found = Some(order[count - 1].0);
            low = tried;
        } else {
            high = tried - 1;
        }
    }
    found
}

/// The largest rate at which so few failures are still as likely as `doubt` (Clopper, Pearson, 1934).
fn upper_bound(failures: usize, count: usize, doubt: f64) -> f64 {
    let (mut low, mut high) = (failures as f64 / count as f64, 1.0_f64);
    for _ in 0..60 {
        let rate = f64::midpoint(low, high);
        if binomial_at_most(failures, count, rate) > doubt { low = rate } else { high = rate }
    }
    high
}

/// The probability of at most `failures` in `count` tries at `rate`.
fn binomial_at_most(failures: usize, count: usize, rate: f64) -> f64 {
    if failures >= count {
        return 1.0;
    }
    let odds = (rate / (1.0 - rate)).ln();
    let mut logarithm = count as f64 * (-rate).ln_1p();
    let mut sum = logarithm.exp();
    for failure in 1..=failures {
        logarithm += ((count - failure + 1) as f64 / failure as f64).ln() + odds;
        sum += logarithm.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::learned::Random;

    #[test]
    fn the_bound_is_that_of_the_tables() {
        // Clopper and Pearson's one-sided 95 % bounds: 1 - 0.05^(1/n) without a failure, and 0.3942 for 5 of 25... by
        // the binomial itself.
        assert!((upper_bound(0, 10, 0.05) - (1.0 - 0.05_f64.powf(0.1))).abs() < 1e-9);
        let bound = upper_bound(3, 40, 0.05);
        assert!((binomial_at_most(3, 40, bound) - 0.05).abs() < 1e-9);
    }

    /// The guarantee itself, over many draws: at most a share `doubt` of the thresholds lets through more than `risk`.
    #[test]
    fn thresholds_keep_their_word() {
        let mut random = Random(42);
        let (mut broken, mut given) = (0, 0);
        for _ in 0..300 {
            // An answer of confidence c is right with probability 0.6 + 0.4 c.
            let answers: Vec<(f64, bool)> = (0..400)
                .map(|_| {
                    let confidence = f64::from(random.unit());
                    (confidence, f64::from(random.unit()) < 0.6 + 0.4 * confidence)
                })
                .collect();
            if let Some(threshold) = threshold_for_risk(&answers, 0.15, 0.1) {
                given += 1;
                let true_risk = 0.4 - 0.4 * f64::midpoint(threshold, 1.0);
                broken += usize::from(true_risk > 0.15);
            }
        }
        assert!(given > 200 && broken <= 30, "{broken} of {given}");
    }

    #[test]
    fn a_confidence_that_many_answers_share_is_a_threshold() {
        let answers = |sure: usize, unsure: usize| {
            let of =
                |confidence, count| (0..count).map(move |i| (confidence, confidence > 0.5 || i % 2 == 0));
            of(0.9, sure).chain(of(0.4, unsure)).collect::<Vec<_>>()
        };
        assert_eq!(threshold_for_risk(&answers(1_000, 0), 0.05, 0.1), Some(0.9));
        assert_eq!(threshold_for_risk(&answers(300, 700), 0.05, 0.1), Some(0.9));
        assert_eq!(threshold_for_risk(&answers(0, 1_000), 0.05, 0.1), None);
        assert_eq!(threshold_for_risk(&[], 0.05, 0.1), None);
    }

    #[test]
    fn sets_hold_the_right_route_as_often_as_promised() {
        let mut random = Random(7);
        let mut draw = || {
            let share = 0.4 + 0.6 * f64::from(random.unit());
            let right = if f64::from(random.unit()) < share { "a" } else { "b" };
            let ranking = [("a", share), ("b", 1.0 - share)]
                .map(|(route, confidence)| Ranked { route: route.to_owned(), confidence })
                .to_vec();
            (Decision { ranking, ..Decision::new("a".to_owned(), share, "test") }, right.to_owned())
        };
        let (mut held, mut asked) = (0, 0);
        for _ in 0..200 {
            let seen: Vec<_> = (0..99).map(|_| draw()).collect();
            let sets = ConformalSets::fit(&seen, 0.1).unwrap();
            for _ in 0..20 {
                let (decision, right) = draw();
                asked += 1;
                held += usize::from(
                    sets.of(&decision).is_none_or(|set| set.iter().any(|ranked| ranked.route == right)),
                );
            }
        }
        let rate = f64::from(held as u32) / f64::from(asked);
        assert!((0.885..0.93).contains(&rate), "{rate}");
        assert!(ConformalSets::fit(&[draw()], 0.1).unwrap_err().to_string().contains("9 would"));
    }
}
