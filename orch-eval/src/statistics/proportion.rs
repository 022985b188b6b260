//! Proportions.

use serde::Serialize;

use super::Z;

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
