//! Scores over a set of outcomes.

use serde::Serialize;

use crate::dataset::Case;
use crate::outcome::Outcome;
use crate::statistics::Proportion;

mod tally;

pub(crate) use tally::{Tally, percentile_us};

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
    /// What all decisions cost together, in dollars; 0 where nothing has a price.
    pub cost_usd: f64,
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
    /// The mean cost of a decision of it, in dollars, the stages before included.
    pub mean_usd: f64,
}

impl Metrics {
    /// Scores `outcomes`, one for each of `cases` in the same order.
    pub(crate) fn of(cases: &[&Case], outcomes: &[Outcome], default: Option<&str>) -> Self {
        let mut tally = Tally::new(default);
        cases.iter().zip(outcomes).for_each(|(case, outcome)| tally.add(case, outcome));
        tally.finish()
    }

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
