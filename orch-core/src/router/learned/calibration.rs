//! From scores to probabilities.
//!
//! The probability of route `k` is the softmax of `slope * score[k]` over all routes, with one more term of
//! fixed logit for "none of them" when there are out-of-scope examples. With no such term this is temperature
//! scaling (Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017). The two
//! parameters minimise the log-loss on examples the separators had not seen, by Newton's method: the loss is
//! convex in both.

use super::Unseen;

/// How scores become probabilities, and when the router abstains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Calibration {
    /// Multiplies the scores; above 0.
    pub(crate) slope: f32,
    /// The logit of none of the routes; negative infinity when it has no probability.
    pub(crate) none: f32,
    /// Below this confidence the router abstains.
    pub(crate) threshold: f64,
}

impl Calibration {
    /// Fits both parameters, then the threshold.
    pub(crate) fn fit(unseen: &Unseen) -> Self {
        let outside = unseen.labels.iter().any(Option::is_none);
        let mut calibration =
            Self { slope: 4.0, none: if outside { 0.0 } else { f32::NEG_INFINITY }, threshold: 0.0 };
        let mut loss = calibration.loss(unseen);
        for _ in 0..50 {
            let Some((slope, none)) = calibration.newton(unseen, outside) else {
                break;
            };
            // Newton's step, halved until the loss falls.
            let mut share = 1.0_f32;
            let mut better = None;
            while share > 1e-3 {
                let tried = Self {
                    slope: (calibration.slope - share * slope).max(1e-3),
                    none: if outside { calibration.none - share * none } else { calibration.none },
                    threshold: 0.0,
                };
                let tried_loss = tried.loss(unseen);
                if tried_loss < loss {
                    better = Some((tried, tried_loss));
                    break;
                }
                share /= 2.0;
            }
            let Some((next, next_loss)) = better else {
                break;
            };
            let gained = loss - next_loss;
            (calibration, loss) = (next, next_loss);
            if gained < 1e-9 {
                break;
            }
        }
        if outside {
            calibration.threshold = calibration.best_threshold(unseen);
        }
        calibration
    }

    /// Turns scores into probabilities in place. They sum to 1 less the probability of none.
    pub(crate) fn probabilities(&self, scores: &mut [f32]) {
        let largest = scores.iter().fold(self.none, |largest, score| largest.max(score * self.slope));
        let mut sum = (self.none - largest).exp();
        for score in scores.iter_mut() {
            *score = (*score * self.slope - largest).exp();
            sum += *score;
        }
        for score in scores.iter_mut() {
            *score /= sum;
        }
    }

    /// The mean log-loss.
    fn loss(&self, unseen: &Unseen) -> f64 {
        let mut loss = 0.0;
        for (scores, label) in unseen.scores.iter().zip(&unseen.labels) {
            let mut shares = scores.clone();
            self.probabilities(&mut shares);
            let right = match label {
                Some(route) => shares[*route as usize],
                None => 1.0 - shares.iter().sum::<f32>(),
            };
            loss -= f64::from(right.max(1e-12)).ln();
        }
        loss / unseen.labels.len().max(1) as f64
    }

    /// The gradient divided by the Hessian.
    fn newton(&self, unseen: &Unseen, outside: bool) -> Option<(f32, f32)> {
        let (mut g_slope, mut g_none) = (0.0_f64, 0.0_f64);
        let (mut h_slope, mut h_both, mut h_none) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (scores, label) in unseen.scores.iter().zip(&unseen.labels) {
            let mut shares = scores.clone();
            self.probabilities(&mut shares);
            let none = if outside { f64::from(1.0 - shares.iter().sum::<f32>()).max(0.0) } else { 0.0 };
            let (mut mean, mut square) = (0.0_f64, 0.0_f64);
            for (share, score) in shares.iter().zip(scores) {
                let (share, score) = (f64::from(*share), f64::from(*score));
                mean += share * score;
                square += share * score * score;
            }
            let right = label.map_or(0.0, |route| f64::from(scores[route as usize]));
            g_slope += mean - right;
            g_none += none - f64::from(u8::from(label.is_none()));
            h_slope += square - mean * mean;
            h_both -= none * mean;
            h_none += none * (1.0 - none);
        }
        if !outside {
            return (h_slope > 1e-12).then(|| ((g_slope / h_slope) as f32, 0.0));
        }
        let determinant = h_slope * h_none - h_both * h_both;
        (determinant > 1e-12).then(|| {
            let slope = (g_slope * h_none - g_none * h_both) / determinant;
            let none = (g_none * h_slope - g_slope * h_both) / determinant;
            (slope as f32, none as f32)
        })
    }

    /// The threshold with the most right answers: the right route above it, or out of scope below it.
    fn best_threshold(&self, unseen: &Unseen) -> f64 {
        // What is won, or lost, by abstaining on each example instead of answering.
        let mut gains: Vec<(f32, i32)> = unseen
            .scores
            .iter()
            .zip(&unseen.labels)
            .map(|(scores, label)| {
                let mut shares = scores.clone();
                self.probabilities(&mut shares);
                let (best, share) = shares.iter().enumerate().fold((0, 0.0_f32), |best, (route, share)| {
                    if *share > best.1 { (route, *share) } else { best }
                });
                let gain = match label {
                    None => 1,
                    Some(route) => -i32::from(*route as usize == best),
                };
                (share, gain)
            })
            .collect();
        gains.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut won, mut most, mut threshold) = (0, 0, 0.0_f64);
        for (index, (share, gain)) in gains.iter().enumerate() {
            won += gain;
            let next = gains.get(index + 1).map_or(1.0, |(next, _)| *next);
            if won > most {
                most = won;
                threshold = f64::midpoint(f64::from(*share), f64::from(next));
            }
        }
        threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores whose right answers follow a softmax of slope 2 in exact proportion.
    fn proportional(none: bool) -> Unseen {
        let mut unseen = Unseen { scores: Vec::new(), labels: Vec::new() };
        for scores in [[1.0_f32, 0.0, -1.0], [0.3, 0.2, -0.4], [0.0, 0.9, 0.8]] {
            let mut shares = scores.to_vec();
            Calibration { slope: 2.0, none: if none { -0.5 } else { f32::NEG_INFINITY }, threshold: 0.0 }
                .probabilities(&mut shares);
            let rest = 1.0 - shares.iter().sum::<f32>();
            let labels =
                (0..3).map(|route| (Some(route), shares[route as usize])).chain(none.then_some((None, rest)));
            for (label, share) in labels {
                for _ in 0..(share * 2_000.0).round() as usize {
                    unseen.scores.push(scores.to_vec());
                    unseen.labels.push(label);
                }
            }
        }
        unseen
    }

    #[test]
    fn the_slope_that_made_the_data_is_found_again() {
        let found = Calibration::fit(&proportional(false));
        assert!((found.slope - 2.0).abs() < 0.02, "{found:?}");
        assert!(found.none.is_infinite());
    }

    #[test]
    fn so_is_the_share_of_none() {
        let found = Calibration::fit(&proportional(true));
        assert!((found.slope - 2.0).abs() < 0.02 && (found.none + 0.5).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn the_threshold_parts_what_is_out_of_scope() {
        let unseen = Unseen {
            scores: vec![vec![2.0, 0.0], vec![1.8, 0.0], vec![0.2, 0.1], vec![0.1, 0.1]],
            labels: vec![Some(0), Some(0), None, None],
        };
        let calibration = Calibration { slope: 1.0, none: 0.0, threshold: 0.0 };
        let threshold = calibration.best_threshold(&unseen);
        let confidence = |scores: &[f32]| {
            let mut shares = scores.to_vec();
            calibration.probabilities(&mut shares);
            f64::from(shares.iter().copied().fold(0.0, f32::max))
        };
        assert!(confidence(&[0.2, 0.1]) < threshold && threshold < confidence(&[1.8, 0.0]));
    }
}
