//! What a confidence is worth.

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

/// Bins of equal width from 0 to 1.
const BINS: usize = 15;

/// Expected calibration error over 15 bins of equal width: the mean distance between confidence and accuracy,
/// weighted by the bins' shares (Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using
/// Bayesian Binning", AAAI 2015). `answers` are `(confidence, right)`.
#[must_use]
pub fn expected_calibration_error(answers: &[(f64, bool)]) -> f64 {
    let mut error = CalibrationError::default();
    answers.iter().for_each(|(confidence, right)| error.add(*confidence, *right));
    error.value()
}

/// The same, one answer after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CalibrationError {
    gaps: [f64; BINS],
    count: usize,
}

impl CalibrationError {
    pub(crate) fn add(&mut self, confidence: f64, right: bool) {
        let bin = ((confidence * BINS as f64) as usize).min(BINS - 1);
        self.gaps[bin] += confidence - f64::from(u8::from(right));
        self.count += 1;
    }

    /// The error; 0 of no answers.
    pub(crate) fn value(&self) -> f64 {
        self.gaps.iter().map(|gap| gap.abs()).sum::<f64>() / self.count.max(1) as f64
    }
}
