//! The cluster bootstrap.

use std::collections::HashMap;
use std::hash::Hash;

/// Resamples drawn: the ends of a 95 % interval then move by about a fiftieth of its width from seed to seed.
const RESAMPLES: usize = 4_000;
/// The same data gives the same interval.
const SEED: u64 = 0x006F_7263_6865_7661;

/// A mean with its 95 % interval where values come in clusters.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ClusteredMean {
    /// The mean of all values.
    pub mean: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The two-sided p value of a mean of 0.
    pub p: f64,
    /// Clusters, of which each value belongs to one.
    pub clusters: usize,
}

impl ClusteredMean {
    /// Draws whole clusters with replacement and takes the percentiles of their means, as values of one cluster say
    /// less than as many values of their own would (A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their
    /// Application", 1997, sections 3.8 and 5.3.1; the p value is that of section 4.4, with one resample added).
    ///
    /// ```
    /// use orch_eval::ClusteredMean;
    ///
    /// let turns = [("a", 1.0), ("a", 1.0), ("b", 1.0), ("b", 0.0), ("c", 1.0), ("c", 1.0), ("d", 0.0)];
    /// let mean = ClusteredMean::of(turns);
    /// assert_eq!(mean.clusters, 4);
    /// assert!(mean.low < mean.mean && mean.mean < mean.high);
    /// ```
    #[must_use]
    pub fn of<C: Hash + Eq>(values: impl IntoIterator<Item = (C, f64)>) -> Self {
        let mut numbers: HashMap<C, usize> = HashMap::new();
        let mut sums: Vec<(f64, f64)> = Vec::new();
        for (cluster, value) in values {
            let next = sums.len();
            let number = *numbers.entry(cluster).or_insert(next);
            if number == next {
                sums.push((0.0, 0.0));
            }
            sums[number].0 += value;
            sums[number].1 += 1.0;
        }
        let mean_of = |(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { 0.0 };
        let add = |a: (f64, f64), b: &(f64, f64)| (a.0 + b.0, a.1 + b.1);
        let mean = mean_of(sums.iter().fold((0.0, 0.0), add));
        if sums.is_empty() {
            return Self { mean, low: 0.0, high: 0.0, p: 1.0, clusters: 0 };
        }
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = (0..sums.len()).map(|_| &sums[random.usize(..sums.len())]);
                mean_of(drawn.fold((0.0, 0.0), add))
            })
            .collect();
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[((share * RESAMPLES as f64) as usize).min(RESAMPLES - 1)];
        let below = means.iter().filter(|mean| **mean <= 0.0).count();
        let above = means.iter().filter(|mean| **mean >= 0.0).count();
        let p = 2.0 * (below.min(above) + 1) as f64 / (RESAMPLES + 1) as f64;
        Self { mean, low: at(0.025), high: at(0.975), p: p.min(1.0), clusters: sums.len() }
    }
}
