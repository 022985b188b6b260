//! What a confidence is worth.

/// The probability that a random right-hand score lies above a random left-hand one, ties counting half: the
/// area under the ROC curve (Mann and Whitney's U).
#[must_use]
pub fn auroc(negatives: &[f64], positives: &[f64]) -> Option<f64> {
    let negatives = negatives.iter().map(|score| (*score, false));
    let mut all: Vec<(f64, bool)> = negatives.chain(positives.iter().map(|score| (*score, true))).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    auroc_of_sorted(all)
}

/// The same of scores that fall, each with whether it is a right-hand one.
#[allow(clippy::float_cmp, reason = "scores are tied when they are the same, not when they are close")]
pub(crate) fn auroc_of_sorted(falling: impl IntoIterator<Item = (f64, bool)>) -> Option<f64> {
    let (mut above, mut below, mut area) = (0.0, 0.0, 0.0);
    // Right-hand scores above, and of both kinds tied with, the one that is looked at.
    let mut tied = (f64::NAN, 0.0, 0.0);
    for (score, positive) in falling {
        if score != tied.0 {
            area += tied.2 * (above + tied.1 / 2.0);
            (above, below) = (above + tied.1, below + tied.2);
            tied = (score, 0.0, 0.0);
        }
        if positive { tied.1 += 1.0 } else { tied.2 += 1.0 }
    }
    area += tied.2 * (above + tied.1 / 2.0);
    let pairs = (above + tied.1) * (below + tied.2);
    (pairs > 0.0).then(|| area / pairs)
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
