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
    /// The two-sided p value of a mean of 0, by turning the signs of clusters.
    pub p: f64,
    /// Clusters, of which each value belongs to one.
    pub clusters: usize,
}

impl ClusteredMean {
    /// Draws whole clusters with replacement and takes the percentiles of their means, as values of one cluster say
    /// less than as many values of their own would (A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their
    /// Application", 1997, sections 3.8 and 5.3.1). The p value is that of a randomization test: if there were nothing in
    /// it, each cluster's sum could as well have the other sign (R. A. Fisher, "The Design of Experiments", 1935, section
    /// 21). With few clusters that test is honest, where the bootstrap is too sure.
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
        let p = randomized(&sums, &mut random);
        Self { mean, low: at(0.025), high: at(0.975), p, clusters: sums.len() }
    }
}

/// The share of all ways to give the clusters' sums signs in which they add up to as much as they do, either way; of as
/// many random ones where there are too many.
fn randomized(sums: &[(f64, f64)], random: &mut fastrand::Rng) -> f64 {
    let sums: Vec<f64> = sums.iter().map(|(sum, _)| *sum).collect();
    let observed = sums.iter().sum::<f64>().abs() - 1e-9;
    let all = 1_usize.checked_shl(sums.len() as u32).filter(|all| *all <= RESAMPLES);
    let extreme = |signs: &mut dyn FnMut(usize) -> bool| {
        let sum: f64 = sums.iter().enumerate().map(|(at, sum)| if signs(at) { *sum } else { -sum }).sum();
        usize::from(sum.abs() >= observed)
    };
    match all {
        Some(all) => {
            let count: usize = (0..all).map(|signs| extreme(&mut |at| signs >> at & 1 == 1)).sum();
            count as f64 / all as f64
        }
        // The way they are is one of them.
        None => {
            let count: usize = (0..RESAMPLES).map(|_| extreme(&mut |_| random.bool())).sum();
            (count + 1) as f64 / (RESAMPLES + 1) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_clusters_say_little() {
        let three = [("a", -1.0), ("a", -1.0), ("b", -1.0), ("c", -1.0)];
        assert!((ClusteredMean::of(three).p - 0.25).abs() < 1e-12, "two of eight ways");
        assert!(
            (ClusteredMean::of([("a", -1.0); 50]).p - 1.0).abs() < 1e-12,
            "one cluster is one observation"
        );
        let even = (0..200).map(|n| (n, if n % 2 == 0 { 1.0 } else { -1.0 }));
        assert!(ClusteredMean::of(even).p > 0.9);
        let better = (0..200).map(|n| (n, if n % 4 == 0 { 0.0 } else { 1.0 }));
        assert!(ClusteredMean::of(better).p < 0.001);
    }
}
