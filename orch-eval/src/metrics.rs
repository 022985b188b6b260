//! Scores over a set of outcomes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::{Case, Expected};
use crate::outcome::Outcome;
use crate::statistics::{Proportion, auroc, expected_calibration_error};

/// How a target did on a set of cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Cases that got an answer. All other figures are of these.
    pub n: usize,
    /// Cases that got an error instead of an answer. They are never counted as wrong.
    pub errors: usize,
    /// Right answers among all cases, abstaining included: for an out-of-scope case abstaining is right, for any
    /// other it is wrong.
    pub accuracy: Proportion,
    /// In-scope cases whose likeliest label is right, whether the target then abstained or not; `None` when there
    /// are none.
    pub in_scope_accuracy: Option<Proportion>,
    /// In-scope cases with a right label among the three likeliest; `None` when there are none.
    pub top3_accuracy: Option<Proportion>,
    /// The mean of the labels' F1; `None` when no case expects a label.
    pub macro_f1: Option<f64>,
    /// The mean of the labels' F1, weighted by their cases; `None` when no case expects a label.
    pub weighted_f1: Option<f64>,
    /// How much of the agreement that chance does not give is there: Cohen's kappa between expected and given labels (J.
    /// Cohen, "A coefficient of agreement for nominal scales", 1960); `None` when chance gives it all.
    pub kappa: Option<f64>,
    /// Out-of-scope cases that were recognised; `None` when there are none.
    pub oos_recall: Option<Proportion>,
    /// Cases taken for out of scope that were; `None` when none was.
    pub oos_precision: Option<Proportion>,
    /// In-scope cases taken for out of scope; `None` when there are none in scope.
    pub false_oos: Option<Proportion>,
    /// How well the confidence parts in-scope from out-of-scope cases: the area under the ROC curve.
    pub oos_auroc: Option<f64>,
    /// Expected calibration error of the confidence on in-scope cases, over 15 bins; `None` when there are none.
    pub ece: Option<f64>,
    /// The area under the risk-coverage curve on in-scope cases: the mean error of the surest cases over all shares of
    /// them (Geifman, El-Yaniv, "Selective Classification for Deep Neural Networks", 2017); `None` when there are none.
    pub aurc: Option<f64>,
    /// The median time of a decision, in microseconds.
    pub p50_us: f64,
    /// The 99th percentile of the time of a decision, in microseconds.
    pub p99_us: f64,
    /// Each label by itself, sorted.
    pub per_label: Vec<LabelMetrics>,
    /// What was taken for what, most frequent first; right answers are not in it.
    pub confusions: Vec<Confusion>,
    /// What each stage decided, most cases first.
    pub per_stage: Vec<StageMetrics>,
    /// The cases of each tag, sorted.
    pub per_tag: Vec<SliceMetrics>,
}

/// How a target did on the cases with one tag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceMetrics {
    /// The tag.
    pub tag: String,
    /// Right answers among them.
    pub accuracy: Proportion,
}

/// How a target did on one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelMetrics {
    /// The label.
    pub label: String,
    /// Cases that expect it.
    pub support: usize,
    /// Cases given it that expect it.
    pub precision: Proportion,
    /// Cases that expect it and were given it.
    pub recall: Proportion,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// Cases of one label that were given another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// What was right; `None` is out of scope.
    pub expected: Option<String>,
    /// What was given; `None` is abstaining.
    pub got: Option<String>,
    /// How often.
    pub count: usize,
}

/// What one stage decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageMetrics {
    /// The stage.
    pub stage: String,
    /// Cases it decided.
    pub decided: usize,
    /// How many of them were right.
    pub right: Proportion,
    /// The mean time of a decision of it, in microseconds, the stages before included.
    pub mean_us: f64,
}

/// What a metric of out-of-scope cases takes for "recognised": abstaining, or the default label.
fn abstained(outcome: &Outcome, default: Option<&str>) -> bool {
    outcome.got.as_deref().is_none_or(|label| default == Some(label))
}

impl Metrics {
    /// Scores `outcomes`, one for each of `cases` in the same order.
    pub(crate) fn of(cases: &[&Case], outcomes: &[Outcome], default: Option<&str>) -> Self {
        let answered: Vec<(&Case, &Outcome)> =
            cases.iter().copied().zip(outcomes).filter(|(_, outcome)| outcome.error.is_none()).collect();
        let n = answered.len();
        let right = answered.iter().filter(|(_, outcome)| outcome.right).count();
        let (inside, outside): (Vec<_>, Vec<_>) =
            answered.iter().copied().partition(|(case, _)| matches!(case.expected, Expected::AnyOf(_)));
        let best_right = |case: &Case, outcome: &Outcome| match &case.expected {
            Expected::AnyOf(labels) => outcome.best.as_ref().is_some_and(|best| labels.contains(best)),
            Expected::OutOfScope => false,
        };
        let calibrated: Vec<(f64, bool)> =
            inside.iter().map(|(case, outcome)| (outcome.confidence, best_right(case, outcome))).collect();
        let confidence = |group: &[(&Case, &Outcome)]| {
            group.iter().map(|(_, outcome)| outcome.confidence).collect::<Vec<_>>()
        };
        let recognised = outside.iter().filter(|(_, outcome)| abstained(outcome, default)).count();
        let taken_for_outside = answered.iter().filter(|(_, outcome)| abstained(outcome, default)).count();
        let in_top_three =
            inside.iter().filter(|(_, outcome)| outcome.rank.is_some_and(|rank| rank <= 3)).count();
        let in_scope_right = calibrated.iter().filter(|(_, right)| *right).count();
        let per_label = per_label(&answered);
        let scored: Vec<f64> =
            per_label.iter().filter(|label| label.support > 0).map(|label| label.f1).collect();
        let mut times: Vec<f64> =
            answered.iter().map(|(_, outcome)| outcome.took.as_secs_f64() * 1e6).collect();
        times.sort_by(f64::total_cmp);
        Self {
            n,
            errors: outcomes.len() - n,
            accuracy: Proportion::new(right, n),
            in_scope_accuracy: (!inside.is_empty()).then(|| Proportion::new(in_scope_right, inside.len())),
            top3_accuracy: (!inside.is_empty()).then(|| Proportion::new(in_top_three, inside.len())),
            weighted_f1: (!scored.is_empty()).then(|| weighted_f1(&per_label)),
            kappa: kappa(&answered),
            false_oos: (!inside.is_empty()).then(|| {
                let taken = inside.iter().filter(|(_, outcome)| abstained(outcome, default)).count();
                Proportion::new(taken, inside.len())
            }),
            aurc: area_under_risk_coverage(&calibrated),
            macro_f1: (!scored.is_empty()).then(|| scored.iter().sum::<f64>() / scored.len() as f64),
            oos_recall: (!outside.is_empty()).then(|| Proportion::new(recognised, outside.len())),
            oos_precision: (taken_for_outside > 0).then(|| Proportion::new(recognised, taken_for_outside)),
            oos_auroc: auroc(&confidence(&outside), &confidence(&inside)),
            ece: (!calibrated.is_empty()).then(|| expected_calibration_error(&calibrated)),
            p50_us: percentile(&times, 0.50),
            p99_us: percentile(&times, 0.99),
            per_label,
            confusions: confusions(&answered),
            per_stage: per_stage(&answered),
            per_tag: per_tag(&answered),
        }
    }
}

impl Metrics {
    /// What is left where answers are words: each is right or wrong, and none is a label.
    pub(crate) fn of_answers(self) -> Self {
        Self {
            in_scope_accuracy: None,
            top3_accuracy: None,
            macro_f1: None,
            weighted_f1: None,
            kappa: None,
            false_oos: None,
            ece: None,
            aurc: None,
            per_label: Vec::new(),
            confusions: Vec::new(),
            ..self
        }
    }
}

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

fn per_label(answered: &[(&Case, &Outcome)]) -> Vec<LabelMetrics> {
    #[derive(Default)]
    struct Count {
        support: usize,
        given: usize,
        right: usize,
    }
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for (case, outcome) in answered {
        // Of several right labels a case counts for the one it was given, else for the first.
        let expected = match &case.expected {
            Expected::AnyOf(labels) => {
                labels.iter().find(|label| outcome.got.as_ref() == Some(label)).or(labels.first())
            }
            Expected::OutOfScope => None,
        };
        if let Some(label) = expected {
            let count = counts.entry(label).or_default();
            count.support += 1;
            count.right += usize::from(outcome.got.as_ref() == Some(label));
        }
        if let Some(label) = &outcome.got {
            // The default is no mistake on a case that is out of scope.
            let excused = matches!(case.expected, Expected::OutOfScope) && outcome.right;
            counts.entry(label).or_default().given += usize::from(!excused);
        }
    }
    counts
        .into_iter()
        .map(|(label, Count { support, given, right })| {
            let f1 = if support + given == 0 { 0.0 } else { 2.0 * right as f64 / (support + given) as f64 };
            LabelMetrics {
                label: label.to_owned(),
                support,
                precision: Proportion::new(right, given),
                recall: Proportion::new(right, support),
                f1,
            }
        })
        .collect()
}

fn confusions(answered: &[(&Case, &Outcome)]) -> Vec<Confusion> {
    let mut counts: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
    for (case, outcome) in answered.iter().filter(|(_, outcome)| !outcome.right) {
        let expected = match &case.expected {
            Expected::AnyOf(labels) => labels.first().map(String::as_str),
            Expected::OutOfScope => None,
        };
        *counts.entry((expected, outcome.got.as_deref())).or_default() += 1;
    }
    let mut confusions: Vec<Confusion> = counts
        .into_iter()
        .map(|((expected, got), count)| Confusion {
            expected: expected.map(str::to_owned),
            got: got.map(str::to_owned),
            count,
        })
        .collect();
    confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
    confusions
}

fn per_stage(answered: &[(&Case, &Outcome)]) -> Vec<StageMetrics> {
    let mut counts: BTreeMap<&str, (usize, usize, f64)> = BTreeMap::new();
    for (_, outcome) in answered {
        let count = counts.entry(&outcome.stage).or_default();
        count.0 += 1;
        count.1 += usize::from(outcome.right);
        count.2 += outcome.took.as_secs_f64() * 1e6;
    }
    let mut stages: Vec<StageMetrics> = counts
        .into_iter()
        .map(|(stage, (decided, right, us))| StageMetrics {
            stage: stage.to_owned(),
            decided,
            right: Proportion::new(right, decided),
            mean_us: us / decided as f64,
        })
        .collect();
    stages.sort_by_key(|stage| std::cmp::Reverse(stage.decided));
    stages
}

fn per_tag(answered: &[(&Case, &Outcome)]) -> Vec<SliceMetrics> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (case, outcome) in answered {
        for tag in &case.tags {
            let count = counts.entry(tag).or_default();
            count.0 += usize::from(outcome.right);
            count.1 += 1;
        }
    }
    let slices = counts.into_iter();
    slices
        .map(|(tag, (right, all))| SliceMetrics {
            tag: tag.to_owned(),
            accuracy: Proportion::new(right, all),
        })
        .collect()
}

fn weighted_f1(labels: &[LabelMetrics]) -> f64 {
    let sum: f64 = labels.iter().map(|label| label.f1 * label.support as f64).sum();
    sum / labels.iter().map(|label| label.support as f64).sum::<f64>()
}

/// The mean over all shares of the surest answers of how many of them are wrong. Answers are `(confidence, right)`.
fn area_under_risk_coverage(answers: &[(f64, bool)]) -> Option<f64> {
    let mut order: Vec<&(f64, bool)> = answers.iter().collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut wrong, mut sum) = (0.0, 0.0);
    for (index, (_, right)) in order.iter().enumerate() {
        wrong += f64::from(u8::from(!right));
        sum += wrong / (index + 1) as f64;
    }
    (!answers.is_empty()).then(|| sum / answers.len() as f64)
}

fn kappa(answered: &[(&Case, &Outcome)]) -> Option<f64> {
    let all = answered.len() as f64;
    let mut counts: BTreeMap<Option<&str>, (f64, f64)> = BTreeMap::new();
    let mut agreed = 0.0;
    for (case, outcome) in answered {
        let got = outcome.got.as_deref();
        // A right answer agrees, whichever of several right labels it is.
        let expected = if outcome.right { got } else { case.expected.first() };
        agreed += f64::from(u8::from(outcome.right));
        counts.entry(expected).or_default().0 += 1.0;
        counts.entry(got).or_default().1 += 1.0;
    }
    let chance: f64 = counts.values().map(|(expected, got)| expected * got / (all * all)).sum();
    (chance < 1.0).then(|| (agreed / all - chance) / (1.0 - chance)).filter(|kappa| kappa.is_finite())
}
