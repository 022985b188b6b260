//! From scores to probabilities.
//!
//! Given that the input is in scope, the probability of route `k` is the softmax of `slope * part[k] + slope' *
//! part'[k] + ..` over the parts of the router: temperature scaling (Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML
//! 2017) with a slope for each part, which also says how much each part counts. The probability that the input is out
//! of scope is a logistic function of what betrays it, above all the logarithm of the softmax's denominator, its energy (Liu, Wang, Owens,
//! Li, "Energy-based Out-of-distribution Detection", NeurIPS 2020). Both are fitted by maximum likelihood, with a little pull
//! towards where they begin, to examples the model had not seen, by Newton's method: both losses are convex.

use crate::simd::{LANES, add_scaled, at_least, exponentials, lane_maxima, largest, sum};

use super::unseen::{PARTS, Scores, Unseen};

/// What betrays an input that is out of scope: a constant, the energy, the likeliest route's log-odds, how much of it is
/// known, and how near the nearest example is, and the nearest that is out of scope.
const SIGNS: usize = 6;
/// How much of what comes is taken to be out of scope at least: examples of it are hard to get, so that their share says
/// little.
const OUTSIDE: f64 = 0.05;
/// The same where no example is. Chosen on train and val rows: with more, those in scope are less sure than they are right.
const OUTSIDE_WITHOUT_EXAMPLES: f64 = 0.02;
/// Log-odds of being out of scope count as these at most, so that the likeliest route is still the likeliest then.
const SUREST: f32 = 50.0;
/// How strongly parameters are held to where they begin, against the sum of all examples' losses.
const PULL: f64 = 0.1;

/// How scores become probabilities, and when the router abstains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calibration {
    /// What each part's scores are multiplied with; above 0.
    pub(super) slopes: [f32; PARTS],
    /// The weights of the signs of being out of scope; `None` when no example was.
    pub(super) outside: Option<[f32; SIGNS]>,
    /// Below this confidence the router abstains.
    pub(super) threshold: f64,
}

impl Calibration {
    /// What there is before anything is fitted.
    pub(super) fn untrained(start: [f64; PARTS]) -> Self {
        Self { slopes: start.map(|slope| slope as f32), outside: None, threshold: 0.0 }
    }

    /// The same with another threshold.
    pub(super) fn abstaining_below(self, confidence: f64) -> Self {
        Self { threshold: as_threshold(confidence), ..self }
    }

    /// Fits the slopes from where they begin, the weights of the signs, and the threshold. Where no unseen example has a
    /// route there is nothing to fit to.
    pub(super) fn fit(unseen: &Unseen, start: [f64; PARTS]) -> Self {
        if unseen.labels.iter().all(Option::is_none) {
            return Self::untrained(start);
        }
        let mut calibration = Self::slopes_only(unseen, start);
        if unseen.labels.iter().any(Option::is_none) {
            calibration.outside = Some(calibration.fit_outside(unseen));
            calibration.threshold = calibration.best_threshold(unseen);
        } else {
            calibration.outside = Some(calibration.fit_energy(unseen));
        }
        calibration
    }

    /// The probability of each route. They sum to 1 less the probability that the input is out of scope.
    pub(super) fn probabilities(&self, scores: &Scores) -> Vec<f32> {
        let mut shares = self.mixed(scores);
        let energy = softmax(&mut shares);
        if let Some(weights) = self.outside {
            let signs = signs(scores, &shares, energy);
            let logit: f32 = weights.iter().zip(signs).map(|(weight, sign)| weight * sign as f32).sum();
            let inside = 1.0 / (1.0 + logit.min(SUREST).exp());
            shares.iter_mut().for_each(|share| *share *= inside);
        }
        shares
    }

    /// The slopes alone, fitted from where they begin.
    pub(super) fn slopes_only(unseen: &Unseen, start: [f64; PARTS]) -> Self {
        Self { slopes: fit_slopes(unseen, start), ..Self::untrained(start) }
    }

    /// The `count` likeliest routes, best first.
    pub(super) fn likeliest(&self, scores: &Scores, count: usize) -> Vec<usize> {
        highest(&self.mixed(scores), count)
    }

    /// The log-odds of the routes against each other, before what is out of scope.
    pub(super) fn mixed(&self, scores: &Scores) -> Vec<f32> {
        mixed(scores, &self.slopes.map(f64::from))
    }

    fn fit_outside(&self, unseen: &Unseen) -> [f32; SIGNS] {
        let examples: Vec<([f64; SIGNS], f64)> = unseen
            .scores
            .iter()
            .zip(&unseen.labels)
            .map(|(scores, label)| {
                let mut shares = self.mixed(scores);
                let energy = softmax(&mut shares);
                (signs(scores, &shares, energy), f64::from(u8::from(label.is_none())))
            })
            .collect();
        let outside = examples.iter().filter(|(_, outside)| *outside > 0.0).count() as f64;
        let inside = examples.len() as f64 - outside;
        let weight = (inside / outside * OUTSIDE / (1.0 - OUTSIDE)).max(1.0);
        logistic_weights(&examples, weight).map(|weight| weight as f32)
    }

    /// The weights where no example is out of scope: each without its own route stands for one, as it looks like what comes
    /// when a route is missing. The energy alone tells them apart as it does others; what else betrays an input is not the
    /// same in an example that is only made to look so.
    fn fit_energy(&self, unseen: &Unseen) -> [f32; SIGNS] {
        let labelled = unseen.scores.iter().zip(&unseen.labels);
        let examples: Vec<([f64; 2], f64)> = labelled
            .filter_map(|(scores, label)| Some((self.mixed(scores), (*label)? as usize)))
            .flat_map(|(mut mixed, route)| {
                let whole = softmax(&mut mixed.clone());
                mixed.swap_remove(route);
                let without_its_route = softmax(&mut mixed);
                [(whole, 0.0), (without_its_route, 1.0)]
                    .map(|(energy, outside)| ([1.0, energy.into()], outside))
            })
            .collect();
        let weight = OUTSIDE_WITHOUT_EXAMPLES / (1.0 - OUTSIDE_WITHOUT_EXAMPLES);
        let [constant, energy] = logistic_weights(&examples, weight).map(|weight| weight as f32);
        [constant, energy, 0.0, 0.0, 0.0, 0.0]
    }

    /// Whether it counts how near the nearest example is, which takes time to find.
    pub(super) fn weighs_nearest(&self) -> bool {
        self.outside.is_some_and(|[.., nearest, _]| nearest != 0.0)
    }

    /// The threshold with the most right answers: the right route above it, or out of scope below it.
    fn best_threshold(&self, unseen: &Unseen) -> f64 {
        let gains = unseen.scores.iter().zip(&unseen.labels).map(|(scores, label)| {
            let (best, share) = best(&self.probabilities(scores));
            let gain = match label {
                None => 1,
                Some(route) => -i32::from(*route as usize == best),
            };
            (f64::from(share), gain)
        });
        best_threshold(gains.collect())
    }
}

/// A confidence to abstain below: what lies outside 0 and 1 stands for the nearer of them, and what is no number for 0.
pub(super) fn as_threshold(confidence: f64) -> f64 {
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

/// The confidence below which abstaining wins the most, of the confidence of each answer and what is won, or lost, by
/// abstaining instead.
pub(super) fn best_threshold(mut gains: Vec<(f64, i32)>) -> f64 {
    gains.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut won, mut most, mut threshold) = (0, 0, 0.0_f64);
    for (index, (confidence, gain)) in gains.iter().enumerate() {
        won += gain;
        let next = gains.get(index + 1).map_or(1.0, |(next, _)| *next);
        // What is as sure is answered alike.
        if won > most && next > *confidence {
            (most, threshold) = (won, f64::midpoint(*confidence, next));
        }
    }
    threshold
}

/// Offset and slope of the logistic function that best says how likely an answer is right, from a number that grows
/// with it (Platt, "Probabilistic Outputs for Support Vector Machines", 1999). A number that says nothing, or the opposite, must
/// not turn answers around: what is left then is how often they are right, and a slope of 0.
pub(super) fn logistic(answers: &[(f64, bool)]) -> [f64; 2] {
    let examples: Vec<([f64; 2], f64)> =
        answers.iter().map(|(number, right)| ([1.0, *number], f64::from(u8::from(*right)))).collect();
    match logistic_weights(&examples, 1.0) {
        [offset, slope] if slope > 0.0 => [offset, slope],
        _ => {
            // The rule of succession.
            let right = answers.iter().filter(|(_, right)| *right).count() as f64;
            let share = (right + 1.0) / (answers.len() as f64 + 2.0);
            [(share / (1.0 - share)).ln(), 0.0]
        }
    }
}

/// The weights of a logistic regression of what is 0 or 1, where each 1 counts `ones` times.
fn logistic_weights<const N: usize>(examples: &[([f64; N], f64)], ones: f64) -> [f64; N] {
    let loss = |weights: &[f64; N]| {
        let mut derivatives = Derivatives::pulled(weights, &[0.0; N]);
        for (inputs, outcome) in examples {
            let logit: f64 = weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum();
            let probability = 1.0 / (1.0 + (-logit).exp());
            // ln(1 + e^x) without overflow.
            let counts = 1.0 + (ones - 1.0) * outcome;
            derivatives.loss += counts * (logit.max(0.0) + (-logit.abs()).exp().ln_1p() - outcome * logit);
            let curvature = probability * (1.0 - probability);
            derivatives.add(inputs, counts * (probability - outcome), counts * curvature);
        }
        derivatives
    };
    minimum([0.0; N], loss)
}

/// The numbers of the `count` highest, best first; of two as high the earlier.
pub(super) fn highest(scores: &[f32], count: usize) -> Vec<usize> {
    let mut lanes = lane_maxima(scores);
    lanes.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut found = Vec::with_capacity(4 * LANES);
    // Each lane that reaches the last of so many has one of the highest, so that what is below is none.
    if let Some(least) = lanes.get(count.saturating_sub(1)) {
        at_least(scores, *least, &mut found);
    }
    // So many lanes there are not, or what should be a number is none.
    if found.len() < count.min(scores.len()) {
        found = (0..scores.len() as u32).collect();
    }
    // One number to sort by: the order of the scores as that of integers, then the place.
    let mut keys: Vec<u64> =
        found.into_iter().map(|place| u64::from(place) | descending(scores[place as usize]) << 32).collect();
    keys.sort_unstable();
    keys.into_iter().take(count).map(|key| (key & u64::from(u32::MAX)) as usize).collect()
}

/// The smaller the higher the score, in the order of [`f32::total_cmp`].
fn descending(score: f32) -> u64 {
    let bits = score.to_bits();
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending)
}

/// The likeliest route and its share.
pub(super) fn best(shares: &[f32]) -> (usize, f32) {
    let most = largest(shares);
    (shares.iter().position(|share| *share >= most).unwrap_or(0), most.max(0.0))
}

/// The parts' scores, each multiplied with its slope.
fn mixed(scores: &Scores, slopes: &[f64; PARTS]) -> Vec<f32> {
    let routes = scores.parts.iter().map(Vec::len).max().unwrap_or(0);
    let mut sum = vec![0.0; routes];
    for (part, slope) in scores.parts.iter().zip(slopes) {
        add_scaled(&mut sum, part, *slope as f32);
    }
    sum
}

/// Scores to shares that sum to 1, in place. Gives the logarithm of the scores' summed exponentials.
pub(super) fn softmax(scores: &mut [f32]) -> f32 {
    let largest = largest(scores);
    scores.iter_mut().for_each(|score| *score -= largest);
    exponentials(scores);
    let sum = sum(scores);
    scores.iter_mut().for_each(|score| *score /= sum);
    largest + sum.ln()
}

fn signs(scores: &Scores, shares: &[f32], energy: f32) -> [f64; SIGNS] {
    let share = f64::from(largest(shares)).clamp(1e-6, 1.0 - 1e-6);
    let odds = (share / (1.0 - share)).ln();
    let [energy, known, nearest, nearest_outside] =
        [energy, scores.known, scores.nearest, scores.nearest_outside].map(f64::from);
    [1.0, energy, odds, known, nearest, nearest_outside]
}

fn fit_slopes(unseen: &Unseen, start: [f64; PARTS]) -> [f32; PARTS] {
    let loss = |slopes: &[f64; PARTS]| {
        let mut derivatives = Derivatives::pulled(slopes, &start);
        for (scores, label) in unseen.scores.iter().zip(&unseen.labels) {
            let Some(label) = *label else { continue };
            let mut shares = mixed(scores, slopes);
            softmax(&mut shares);
            derivatives.loss -= f64::from(shares[label as usize].max(1e-12)).ln();
            // The Hessian of a softmax is the covariance of its scores under the shares.
            let mut mean = [0.0; PARTS];
            let mut square = [[0.0; PARTS]; PARTS];
            for (route, share) in shares.iter().enumerate() {
                let share = f64::from(*share);
                let part: [f64; PARTS] = std::array::from_fn(|part| said(scores, part, route));
                for i in 0..PARTS {
                    mean[i] += share * part[i];
                    for j in 0..PARTS {
                        square[i][j] += share * part[i] * part[j];
                    }
                }
            }
            for i in 0..PARTS {
                derivatives.gradient[i] += mean[i] - said(scores, i, label as usize);
                for j in 0..PARTS {
                    derivatives.hessian[i][j] += square[i][j] - mean[i] * mean[j];
                }
            }
        }
        derivatives
    };
    // A part that says nothing must not turn the others around.
    minimum(start, loss).map(|slope| (slope as f32).max(1e-3))
}

/// What a part says of a route; nothing if the router does not have it.
fn said(scores: &Scores, part: usize, route: usize) -> f64 {
    scores.parts[part].get(route).map_or(0.0, |score| f64::from(*score))
}

/// A loss with its gradient and Hessian.
struct Derivatives<const N: usize> {
    loss: f64,
    gradient: [f64; N],
    hessian: [[f64; N]; N],
}

impl<const N: usize> Derivatives<N> {
    /// Those of the pull of `at` towards `home`.
    fn pulled(at: &[f64; N], home: &[f64; N]) -> Self {
        let mut derivatives = Self { loss: 0.0, gradient: [0.0; N], hessian: [[0.0; N]; N] };
        for i in 0..N {
            let away = at[i] - home[i];
            derivatives.loss += PULL / 2.0 * away * away;
            derivatives.gradient[i] = PULL * away;
            derivatives.hessian[i][i] = PULL;
        }
        derivatives
    }

    /// Adds those of a loss along `direction`, by its first and second derivative there.
    fn add(&mut self, direction: &[f64; N], first: f64, second: f64) {
        for i in 0..N {
            self.gradient[i] += first * direction[i];
            for j in 0..N {
                self.hessian[i][j] += second * direction[i] * direction[j];
            }
        }
    }
}

/// Where a convex loss is least: Newton's steps from `start`, each halved until the loss falls.
fn minimum<const N: usize>(start: [f64; N], loss: impl Fn(&[f64; N]) -> Derivatives<N>) -> [f64; N] {
    let mut at = start;
    let mut here = loss(&at);
    for _ in 0..50 {
        let Some(step) = solved(here.hessian, here.gradient) else { break };
        let mut share = 1.0_f64;
        let next = loop {
            let tried = std::array::from_fn(|i| at[i] - share * step[i]);
            let there = loss(&tried);
            if there.loss < here.loss {
                break Some((tried, there));
            }
            share /= 2.0;
            if share < 1e-3 {
                break None;
            }
        };
        let Some((tried, there)) = next else { break };
        let gained = here.loss - there.loss;
        (at, here) = (tried, there);
        if gained < 1e-7 * (1.0 + here.loss) {
            break;
        }
    }
    at
}

/// Solves `matrix * x = right` by Gauss's elimination; `None` when it has no single solution.
fn solved<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot =
            (column..N).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-12 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..N {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (number, above) in matrix[row].iter_mut().zip(above) {
                *number -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut solution = [0.0; N];
    for row in (0..N).rev() {
        let rest: f64 = (row + 1..N).map(|column| matrix[row][column] * solution[column]).sum();
        solution[row] = (right[row] - rest) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(separators: [f32; 3]) -> Scores {
        Scores {
            parts: [separators.to_vec(), Vec::new(), Vec::new(), Vec::new()],
            known: 1.0,
            ..Scores::default()
        }
    }

    /// Scores whose right answers follow a softmax of slope 2 in exact proportion.
    #[test]
    fn the_slope_that_made_the_data_is_found_again() {
        let mut unseen = Unseen::default();
        let truth = Calibration { slopes: [2.0, 1.0, 1.0, 1.0], outside: None, threshold: 0.0 };
        for separators in [[1.0_f32, 0.0, -1.0], [0.3, 0.2, -0.4], [0.0, 0.9, 0.8]] {
            for (route, share) in truth.probabilities(&scores(separators)).into_iter().enumerate() {
                for _ in 0..(share * 2_000.0).round() as usize {
                    unseen.scores.push(scores(separators));
                    unseen.labels.push(Some(route as u32));
                }
            }
        }
        let found = Calibration::fit(&unseen, [4.0, 1.0, 1.0, 1.0]);
        assert!((found.slopes[0] - 2.0).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn where_no_example_is_out_of_scope_little_energy_betrays_it() {
        let mut unseen = Unseen::default();
        for step in 0..60 {
            let mut separators = [-1.0, -1.0, -1.0];
            separators[step % 3] = 0.5 + step as f32 / 60.0;
            unseen.scores.push(scores(separators));
            unseen.labels.push(Some(step as u32 % 3));
        }
        let found = Calibration::fit(&unseen, [4.0, 1.0, 1.0, 1.0]);
        let confidence = |separators| best(&found.probabilities(&scores(separators))).1;
        // The routes differ as much in both, but one is like no example.
        let (like_examples, like_none) = (confidence([1.0, -1.0, -1.0]), confidence([-1.0, -3.0, -3.0]));
        assert!(like_examples > 0.9 && like_none < 0.5, "{like_examples} and {like_none}: {found:?}");
        assert!(!found.weighs_nearest() && found.threshold <= 0.0, "{found:?}");
        let like_nothing = found.probabilities(&scores([-300.0, -200.0, -300.0]));
        assert_eq!(best(&like_nothing).0, 1, "{like_nothing:?}");
    }

    #[test]
    fn what_is_out_of_scope_gets_little_confidence_and_the_threshold_parts_it() {
        let mut unseen = Unseen::default();
        for step in 0..50 {
            let sure = 0.5 + step as f32 / 50.0;
            unseen.scores.push(scores([sure, -1.0, -1.0]));
            unseen.labels.push(Some(0));
            unseen.scores.push(scores([sure - 1.4, -1.0, -1.0]));
            unseen.labels.push(None);
        }
        let found = Calibration::fit(&unseen, [4.0, 1.0, 1.0, 1.0]);
        let confidence = |separator| best(&found.probabilities(&scores([separator, -1.0, -1.0]))).1;
        assert!(f64::from(confidence(-0.7)) < found.threshold, "{found:?}");
        assert!(f64::from(confidence(1.2)) > found.threshold, "{found:?}");
    }

    #[test]
    fn equations_are_solved_and_impossible_ones_refused() {
        let found = solved([[0.0, 2.0], [3.0, 1.0]], [4.0, 5.0]).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12);
        assert_eq!(solved([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), None);
    }

    #[test]
    fn the_highest_are_those_that_sorting_all_finds() {
        let mut random = crate::router::learned::Random(7);
        for length in [1, 9, 16, 17, 40, 150, 1_000] {
            for round in 0..20 {
                let steps = if round % 2 == 0 { 1e6 } else { 8.0 };
                let scores: Vec<f32> =
                    (0..length).map(|_| (random.unit() * steps).floor() - steps / 2.0).collect();
                let mut sorted: Vec<usize> = (0..length).collect();
                sorted.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
                for count in [1, 5, 10, 16, 17, 60] {
                    assert_eq!(highest(&scores, count), sorted[..count.min(length)]);
                }
            }
        }
        assert_eq!(highest(&[f32::NAN; 20], 3).len(), 3);
        assert!(highest(&[], 3).is_empty());
    }
}
