//! Two sets of answers to the same cases.

use super::Z;

/// The 80 % point of the standard normal distribution: the power asked of a test.
const Z_POWER: f64 = 0.841_621_233_572_914_3;

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

/// Holm's adjusted p values, in the order given: each says what its test is worth where so many were made at once (S.
/// Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979).
///
/// ```
/// assert_eq!(orch_eval::holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
/// ```
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max(((p_values.len() - rank) as f64 * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

/// By how much larger a change must be to be found as often where so many tests are made at once: the detectable effect is
/// as good as proportional to the sum of the test's and the power's points of the normal distribution, and the strictest
/// of Holm's tests is at the level divided by their number.
pub(crate) fn corrected_sight(tests: usize) -> f64 {
    (normal_point(1.0 - 0.025 / tests.max(1) as f64) + Z_POWER) / (Z + Z_POWER)
}

/// The point below which a share of the standard normal distribution lies, for shares above a half (Abramowitz, Stegun,
/// "Handbook of Mathematical Functions", 26.2.23; its error is below 0.00045).
fn normal_point(share: f64) -> f64 {
    let t = (-2.0 * (1.0 - share).ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

#[cfg(test)]
mod tests {
    use super::{corrected_sight, normal_point};

    /// Against `scipy.stats.norm.ppf`.
    #[test]
    fn points_of_the_normal_distribution_are_near() {
        for (share, point) in [(0.975, 1.959_964), (0.998_75, 3.023_341), (0.999_875, 3.662_274)] {
            assert!((normal_point(share) - point).abs() < 4.5e-4, "{share}");
        }
        assert!((corrected_sight(1) - 1.0).abs() < 1e-3 && corrected_sight(20) > 1.3);
    }
}
