//! Where the network alone is so sure that asking the words and the neighbours as well would change nothing: the idea of
//! Teerapittayanon, `McDanel` and Kung, "`BranchyNet`: Fast Inference via Early Exiting from Deep Neural Networks", ICPR
//! 2016.

use crate::router::calibration::{Calibration, best};
use crate::router::dense::SLOPES;
use crate::router::unseen::{Scores, Unseen};

/// The share of the unseen examples that are answered early at most: more would save little time, and the rest say more
/// of what is out of scope.
const MOST: f64 = 2.0 / 3.0;
/// As many unseen examples are answered early at least, all of them as by everything together, or none ever is: then, at
/// a confidence of 95 %, fewer than 1 in 100 would be answered otherwise (the rule of three: Hanley, Lippman-Hand, "If
/// nothing goes wrong, is everything all right?", JAMA 1983).
const LEAST: usize = 300;

/// How the network's scores become probabilities without the others', and the threshold from which on they are enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EarlyExit(pub(super) Calibration);

impl EarlyExit {
    /// Finds the confidence from which on the network answered every unseen example as all parts together do; `None` where
    /// the examples are too few to tell.
    pub(super) fn fit(unseen: &Unseen, whole: &Calibration) -> Option<Self> {
        let scores = unseen.scores.iter().map(|scores| alone(scores.parts[2].clone(), scores.at_a_glance));
        let alone = Unseen { scores: scores.collect(), labels: unseen.labels.clone() };
        let mut calibration = Calibration::fit(&alone, SLOPES);
        let mut answers: Vec<(f64, bool)> = alone
            .scores
            .iter()
            .zip(&unseen.scores)
            .map(|(alone, all)| {
                let (route, confidence) = best(&calibration.probabilities(alone));
                let (route_of_all, confidence_of_all) = best(&whole.probabilities(all));
                let answered = |confidence: f32| f64::from(confidence) >= whole.threshold;
                let alike = route == route_of_all && answered(confidence) == answered(confidence_of_all);
                (f64::from(confidence), alike)
            })
            .collect();
        answers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let most = (answers.len() as f64 * MOST) as usize;
        // An example that is as sure as one that is not answered alike does not count either.
        let other = answers.iter().find(|(_, alike)| !alike).map_or(f64::NEG_INFINITY, |(other, _)| *other);
        let alike = answers.iter().take_while(|(confidence, _)| *confidence > other).count().min(most);
        if alike < LEAST {
            return None;
        }
        calibration.threshold = answers[alike - 1].0;
        Some(Self(calibration))
    }

    /// The probability of each route by the network's logits if they are enough, and otherwise the logits again. Below the
    /// confidence `least`, where the router abstains, they are never enough: all parts together might be surer. What is out of
    /// scope is betrayed by a `glance` at examples, which takes some time.
    pub(super) fn probabilities(
        &self,
        logits: Vec<f32>,
        least: f64,
        glance: impl FnOnce(&[f32]) -> f32,
    ) -> Result<Vec<f32>, Vec<f32>> {
        let at_a_glance = if self.0.weighs_nearest() { glance(&logits) } else { 0.0 };
        let scores = alone(logits, at_a_glance);
        let shares = self.0.probabilities(&scores);
        if f64::from(best(&shares).1) >= self.0.threshold.max(least) {
            return Ok(shares);
        }
        let [.., logits, _] = scores.parts;
        Err(logits)
    }
}

/// Scores of which there are the network's alone, and how near the vector is to some of the likeliest route's examples.
fn alone(logits: Vec<f32>, at_a_glance: f32) -> Scores {
    Scores { nearest: at_a_glance, ..Scores::of_network(logits) }
}
