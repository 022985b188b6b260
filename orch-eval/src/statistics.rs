//! The statistics of a verdict, each with its source.

use serde::Serialize;

/// The two-sided 95 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// The 80 % point of the standard normal distribution: the power asked of a test.
const Z_POWER: f64 = 0.841_621_233_572_914_3;

/// A proportion with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Proportion {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub total: usize,
    /// `count / total`; 0 when there are none.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Proportion {
    /// The proportion with Wilson's score interval at 95 % (E. B. Wilson, "Probable inference, the law of
    /// succession, and statistical inference", JASA 22, 1927).
    ///
    /// ```
    /// let accuracy = orch_eval::Proportion::new(90, 100);
    /// assert!((accuracy.low - 0.8256).abs() < 1e-4 && (accuracy.high - 0.9448).abs() < 1e-4);
    /// ```
    #[must_use]
    pub fn new(count: usize, total: usize) -> Self {
        if total == 0 {
            return Self { count, total, value: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, p) = (total as f64, count as f64 / total as f64);
        let shrink = 1.0 + Z * Z / n;
        let centre = (p + Z * Z / (2.0 * n)) / shrink;
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / shrink;
        Self { count, total, value: p, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

/// The two-sided mid-p value of `McNemar`'s test: how surprising `fixed` against `broken` flips are if a flip is
/// as likely one way as the other (Fagerland, Lydersen, Laake, "The `McNemar` test for binary matched-pairs data:
/// mid-p and asymptotic are better than exact conditional", BMC Medical Research Methodology 13:91, 2013).
///
/// ```
/// assert!((orch_eval::mcnemar_mid_p(5, 0) - 0.03125).abs() < 1e-12);
/// assert_eq!(orch_eval::mcnemar_mid_p(3, 3), 1.0);
/// ```
#[must_use]
pub fn mcnemar_mid_p(fixed: usize, broken: usize) -> f64 {
    let (n, least) = (fixed + broken, fixed.min(broken));
    if n == 0 || fixed == broken {
        return 1.0;
    }
    // ln of the binomial probability with p = 1/2, from one term to the next.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    for k in 0..least {
        below += term.exp();
        term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * below + term.exp()).min(1.0)
}

/// The smallest net change of accuracy that a paired test on `n` cases finds four times in five, at the 5 %
/// level, when a share `flips` of the cases flips one way or the other (R. J. Connor, "Sample size for testing
/// differences in proportions for the paired-sample design", Biometrics 43, 1987). A net change of `d` needs at
/// least a share `d` of flips, so `flips` may be 0.
#[must_use]
pub fn minimum_detectable_effect(n: usize, flips: f64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if needed_cases(middle, flips) > n as f64 { low = middle } else { high = middle }
    }
    high
}

/// How many cases a paired test needs to find a net change of `effect` four times in five. See
/// [`minimum_detectable_effect`].
#[must_use]
pub fn needed_cases(effect: f64, flips: f64) -> f64 {
    let flips = flips.max(effect).min(1.0);
    let root = Z * flips.sqrt() + Z_POWER * (flips - effect * effect).max(0.0).sqrt();
    (root / effect).powi(2)
}

/// The probability that a random right-hand score lies above a random left-hand one, ties counting half: the
/// area under the ROC curve (Mann and Whitney's U, by ranks).
#[must_use]
#[allow(clippy::float_cmp, reason = "scores are tied when they are the same, not when they are close")]
pub fn auroc(negatives: &[f64], positives: &[f64]) -> Option<f64> {
    if negatives.is_empty() || positives.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> = negatives
        .iter()
        .map(|score| (*score, false))
        .chain(positives.iter().map(|score| (*score, true)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < all.len() {
        let tied = all[start..].iter().take_while(|(score, _)| *score == all[start].0).count();
        let rank = start as f64 + f64::midpoint(tied as f64, 1.0);
        rank_sum += rank * all[start..start + tied].iter().filter(|(_, positive)| *positive).count() as f64;
        start += tied;
    }
    let (m, n) = (positives.len() as f64, negatives.len() as f64);
    Some((rank_sum - m * (m + 1.0) / 2.0) / (m * n))
}

/// Expected calibration error over 15 bins of equal width: the mean distance between confidence and accuracy,
/// weighted by the bins' shares (Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using
/// Bayesian Binning", AAAI 2015). `answers` are `(confidence, right)`.
#[must_use]
pub fn expected_calibration_error(answers: &[(f64, bool)]) -> f64 {
    const BINS: usize = 15;
    if answers.is_empty() {
        return 0.0;
    }
    let mut gaps = [0.0_f64; BINS];
    for (confidence, right) in answers {
        let bin = ((confidence * BINS as f64) as usize).min(BINS - 1);
        gaps[bin] += confidence - f64::from(u8::from(*right));
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / answers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against R's `binom::binom.wilson`: 0 of 10, 7 of 10, 10 of 10.
    #[test]
    fn wilson_matches_its_reference() {
        for (count, low, high) in [(0, 0.0, 0.277_533), (7, 0.396_775, 0.892_214), (10, 0.722_467, 1.0)] {
            let found = Proportion::new(count, 10);
            assert!((found.low - low).abs() < 1e-5 && (found.high - high).abs() < 1e-5, "{found:?}");
        }
    }

    /// By hand: n = 10, least = 2: 2 * (1 + 10) / 1024 + 45 / 1024.
    #[test]
    fn mid_p_matches_its_definition() {
        assert!((mcnemar_mid_p(2, 8) - 67.0 / 1024.0).abs() < 1e-12);
        assert!((mcnemar_mid_p(8, 2) - 67.0 / 1024.0).abs() < 1e-12);
        assert!(mcnemar_mid_p(0, 0) >= 1.0);
        assert!(mcnemar_mid_p(4_000, 4_600) < 1e-9);
    }

    #[test]
    fn what_is_needed_to_find_an_effect_finds_it() {
        for (effect, flips) in [(0.02, 0.03), (0.01, 0.0), (0.05, 0.2)] {
            let n = needed_cases(effect, flips).ceil() as usize;
            assert!((minimum_detectable_effect(n, flips) - effect).abs() < 1e-3);
        }
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(auroc(&[0.1, 0.5], &[0.5, 0.9]), Some(0.875));
        assert_eq!(auroc(&[], &[0.5]), None);
    }

    #[test]
    fn calibration_error_is_the_gap() {
        let answers = [(0.9, true), (0.9, true), (0.9, false), (0.9, true)];
        assert!((expected_calibration_error(&answers) - 0.15).abs() < 1e-12);
    }
}
