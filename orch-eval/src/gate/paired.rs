//! The comparison of a run with its baseline, case by case.

use std::collections::HashMap;

use serde::Serialize;

use crate::baseline::Changes;
use crate::statistics::{ClusteredMean, mcnemar_mid_p, minimum_detectable_effect, needed_cases};

/// The paired comparison with a baseline.
///
/// Where each case is right or wrong and stands for itself, the test is `McNemar`'s. Where cases come in clusters, or
/// are asked several times, it is a bootstrap over the clusters, or the cases, of the mean difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The net change of accuracy: above 0 is better.
    pub net: f64,
    /// The two-sided p value of it.
    pub p: f64,
    /// The smallest net change such a comparison finds four times in five.
    pub detectable: f64,
    /// How many cases it would take to find what is tolerated; 0 when nothing is.
    pub needed: u64,
}

impl Paired {
    pub(crate) fn of(changes: &Changes, clusters: &HashMap<String, String>, tolerated: f64) -> Self {
        let one_by_one = |(id, difference): &(String, f64)| {
            difference.fract().abs() < f64::EPSILON && !clusters.contains_key(id)
        };
        if changes.differences.iter().all(one_by_one) {
            Self::of_flips(changes.fixed.len(), changes.broken.len(), changes.compared, tolerated)
        } else {
            Self::of_clusters(changes, clusters, tolerated)
        }
    }

    /// Of cases that are right or wrong and stand for themselves.
    pub(crate) fn of_flips(fixed: usize, broken: usize, compared: usize, tolerated: f64) -> Self {
        let n = compared.max(1);
        let flips = (fixed + broken) as f64 / n as f64;
        let needed = if tolerated > 0.0 { needed_cases(tolerated, flips).ceil() as u64 } else { 0 };
        Self {
            net: (fixed as f64 - broken as f64) / n as f64,
            p: mcnemar_mid_p(fixed, broken),
            detectable: minimum_detectable_effect(n, flips),
            needed,
        }
    }

    fn of_clusters(changes: &Changes, clusters: &HashMap<String, String>, tolerated: f64) -> Self {
        let values = changes.differences.iter().map(|(id, difference)| {
            let cluster = clusters.get(id).map_or((id, false), |cluster| (cluster, true));
            (cluster, *difference)
        });
        let mean = ClusteredMean::of(values);
        // Half the interval is 1.96 standard errors; a change of 2.80 of them is found four times in five.
        // Where nothing differs the interval is a point, and what so many clusters could have shown is the bound.
        let unseen = minimum_detectable_effect(mean.clusters, 0.0);
        let detectable = ((mean.high - mean.low) / 2.0 / 1.96 * 2.80).max(unseen);
        let n = changes.compared as f64;
        let needed = if tolerated > 0.0 { (n * (detectable / tolerated).powi(2)).ceil() as u64 } else { 0 };
        Self { net: mean.mean, p: mean.p, detectable, needed }
    }
}
