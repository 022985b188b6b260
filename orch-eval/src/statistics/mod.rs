//! The statistics of a verdict, each with its source. `tests/reference` checks them against `SciPy` and `statsmodels`.

mod bootstrap;
mod confidence;
mod paired;
mod proportion;

pub use bootstrap::ClusteredMean;
pub(crate) use confidence::{CalibrationError, auroc_of_sorted};
pub use confidence::{auroc, expected_calibration_error};
pub(crate) use paired::corrected_sight;
pub use paired::{holm, mcnemar_mid_p, minimum_detectable_effect, needed_cases};
pub use proportion::Proportion;

/// The two-sided 95 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

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
