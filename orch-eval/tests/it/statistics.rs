//! The statistics against `SciPy` and `statsmodels`, whose figures `tests/reference/statistics.py` writes.

use orch_eval::{
    ClusteredMean, Proportion, auroc, holm, mcnemar_mid_p, minimum_detectable_effect, needed_cases,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    wilson: Vec<Wilson>,
    mid_p: Vec<MidP>,
    holm: Vec<Holm>,
    needed: Vec<Needed>,
    clustered: Vec<Clustered>,
    area: Vec<Area>,
}

#[derive(Deserialize)]
struct Wilson {
    count: usize,
    total: usize,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct MidP {
    fixed: usize,
    broken: usize,
    p: f64,
}

#[derive(Deserialize)]
struct Holm {
    p_values: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct Needed {
    loss: f64,
    flips: f64,
    cases: u64,
    power: f64,
}

#[derive(Deserialize)]
struct Clustered {
    clusters: Vec<u32>,
    values: Vec<f64>,
    mean: f64,
    error: f64,
}

#[derive(Deserialize)]
struct Area {
    negatives: Vec<f64>,
    positives: Vec<f64>,
    under_the_curve: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/statistics.json")).unwrap()
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() < 1e-9
}

#[test]
fn intervals_and_p_values_are_those_of_the_reference() {
    let reference = reference();
    for Wilson { count, total, low, high } in reference.wilson {
        let found = Proportion::new(count, total);
        assert!(near(found.low, low) && near(found.high, high), "{found:?}, not {low} to {high}");
    }
    for MidP { fixed, broken, p } in reference.mid_p {
        assert!(near(mcnemar_mid_p(fixed, broken), p), "{fixed} fixed, {broken} broken: not {p}");
    }
    for Holm { p_values, adjusted } in reference.holm {
        let found = holm(&p_values);
        assert!(found.iter().zip(&adjusted).all(|(found, wanted)| near(*found, *wanted)), "{found:?}");
    }
    for Area { negatives, positives, under_the_curve } in reference.area {
        assert!(near(auroc(&negatives, &positives).unwrap(), under_the_curve));
    }
}

/// The formula asks for four in five; the test itself, over every way the flips can fall, finds about that.
#[test]
fn as_many_cases_as_are_asked_for_have_the_power_that_was_promised() {
    for Needed { loss, flips, cases, power } in reference().needed {
        assert_eq!(needed_cases(loss, flips).ceil() as u64, cases);
        assert!((minimum_detectable_effect(cases as usize, flips) - loss).abs() < 1e-4);
        assert!((0.78..0.83).contains(&power), "{power}");
    }
}

/// Against the cluster-robust standard error of a mean.
#[test]
fn the_cluster_bootstrap_is_as_wide_as_the_robust_error_says() {
    for Clustered { clusters, values, mean, error } in reference().clustered {
        let found = ClusteredMean::of(clusters.iter().copied().zip(values.iter().copied()));
        let width = found.high - found.low;
        assert!(near(found.mean, mean), "{found:?}");
        assert!((width / (2.0 * 1.96 * error) - 1.0).abs() < 0.08, "{found:?} against {error}");
        // Taken for independent, the values would seem to say more.
        let alone = ClusteredMean::of(values.iter().copied().enumerate());
        assert!(alone.high - alone.low < 0.95 * width, "{alone:?}");
    }
}
