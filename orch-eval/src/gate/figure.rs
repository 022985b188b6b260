//! Figures of a run that gates ask about.

use crate::metrics::{LabelMetrics, Metrics, SliceMetrics};

/// A figure of a run.
#[derive(Clone, Debug)]
pub(super) enum Figure {
    Accuracy,
    InScopeAccuracy,
    OutOfScopeRecall,
    Recall(String),
    Precision(String),
    Slice(String),
    CalibrationError,
    /// In microseconds.
    MedianTime,
    /// In dollars.
    MeanCost,
}

impl Figure {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Accuracy => "accuracy".to_owned(),
            Self::InScopeAccuracy => "in-scope accuracy".to_owned(),
            Self::OutOfScopeRecall => "out-of-scope recall".to_owned(),
            Self::Recall(label) => format!("recall of {label}"),
            Self::Precision(label) => format!("precision of {label}"),
            Self::Slice(tag) => format!("accuracy of the slice {tag}"),
            Self::CalibrationError => "calibration error".to_owned(),
            Self::MedianTime => "median microseconds of a decision".to_owned(),
            Self::MeanCost => "mean dollars of a decision".to_owned(),
        }
    }

    /// Its value; `None` when no case can tell.
    pub(super) fn of(&self, metrics: &Metrics) -> Option<f64> {
        let label = |label: &str| -> Option<&LabelMetrics> {
            metrics.per_label.iter().find(|found| found.label == label && found.support > 0)
        };
        let slice =
            |tag: &str| -> Option<&SliceMetrics> { metrics.per_tag.iter().find(|found| found.tag == tag) };
        match self {
            Self::Accuracy => (metrics.n > 0).then_some(metrics.accuracy.value),
            Self::InScopeAccuracy => metrics.in_scope_accuracy.map(|accuracy| accuracy.value),
            Self::OutOfScopeRecall => metrics.oos_recall.map(|recall| recall.value),
            Self::Recall(name) => label(name).map(|found| found.recall.value),
            Self::Precision(name) => label(name).map(|found| found.precision.value),
            Self::Slice(tag) => slice(tag).map(|found| found.accuracy.value),
            Self::CalibrationError => metrics.ece,
            Self::MedianTime => (metrics.n > 0).then_some(metrics.p50_us),
            Self::MeanCost => (metrics.n > 0).then(|| metrics.cost_usd / metrics.n as f64),
        }
    }
}

/// Three decimals, or as many as a small number needs.
pub(super) fn shown(value: f64) -> String {
    if value > 0.0 && value < 0.001 { format!("{value:.6}") } else { format!("{value:.3}") }
}
