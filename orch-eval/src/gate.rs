//! What a suite must hold, and the verdict on whether it does.

use orch_core::router::Label;
use serde::Serialize;

use crate::baseline::Changes;
use crate::dataset::Case;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::statistics::{mcnemar_mid_p, minimum_detectable_effect, needed_cases};

/// A condition on a suite's results.
#[derive(Clone, Debug)]
pub struct Gate {
    kind: GateKind,
    bound: f64,
}

#[derive(Clone, Debug)]
enum GateKind {
    NoRegression,
    Accuracy,
    InScopeAccuracy,
    OutOfScopeRecall,
    Recall(String),
    Precision(String),
    Pinned,
}

impl Gate {
    /// Accuracy is not worse than the baseline's. Without [`tolerate`](Gate::tolerate), not by any net loss.
    #[must_use]
    pub fn no_regression() -> Self {
        Self { kind: GateKind::NoRegression, bound: 0.0 }
    }

    /// Accuracy over all cases. Follow with [`at_least`](Gate::at_least).
    #[must_use]
    pub fn accuracy() -> Self {
        Self { kind: GateKind::Accuracy, bound: 0.0 }
    }

    /// Accuracy of the likeliest label on in-scope cases. Follow with [`at_least`](Gate::at_least).
    #[must_use]
    pub fn in_scope_accuracy() -> Self {
        Self { kind: GateKind::InScopeAccuracy, bound: 0.0 }
    }

    /// The share of out-of-scope cases recognised. Follow with [`at_least`](Gate::at_least).
    #[must_use]
    pub fn out_of_scope_recall() -> Self {
        Self { kind: GateKind::OutOfScopeRecall, bound: 0.0 }
    }

    /// The share of a label's cases that were given it. Follow with [`at_least`](Gate::at_least).
    #[must_use]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a route is `Copy`, and `recall_of(Intent::Billing)` reads best"
    )]
    pub fn recall_of<R: Label>(route: R) -> Self {
        Self { kind: GateKind::Recall(route.label().to_owned()), bound: 0.0 }
    }

    /// The share of cases given a label that expect it. Follow with [`at_least`](Gate::at_least).
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "as for `recall_of`")]
    pub fn precision_of<R: Label>(route: R) -> Self {
        Self { kind: GateKind::Precision(route.label().to_owned()), bound: 0.0 }
    }

    /// Every pinned case is right.
    #[must_use]
    pub fn pinned() -> Self {
        Self { kind: GateKind::Pinned, bound: 0.0 }
    }

    /// The least value that passes, from 0 to 1.
    #[must_use]
    pub fn at_least(mut self, value: f64) -> Self {
        self.bound = value;
        self
    }

    /// The largest net loss of accuracy that passes, from 0 to 1.
    #[must_use]
    pub fn tolerate(mut self, loss: f64) -> Self {
        self.bound = loss;
        self
    }

    /// What the gate asks, in words.
    fn name(&self) -> String {
        let least = |what: &str| format!("{what} at least {:.3}", self.bound);
        match &self.kind {
            GateKind::NoRegression => format!("no regression beyond {:.3}", self.bound),
            GateKind::Accuracy => least("accuracy"),
            GateKind::InScopeAccuracy => least("in-scope accuracy"),
            GateKind::OutOfScopeRecall => least("out-of-scope recall"),
            GateKind::Recall(label) => least(&format!("recall of {label}")),
            GateKind::Precision(label) => least(&format!("precision of {label}")),
            GateKind::Pinned => "pinned cases".to_owned(),
        }
    }

    pub(crate) fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let (ruling, reason) = match &self.kind {
            GateKind::NoRegression => evidence.no_regression(self.bound),
            GateKind::Pinned => evidence.pinned(),
            GateKind::Accuracy => self.reach(Some(evidence.metrics.accuracy.value)),
            GateKind::InScopeAccuracy => {
                self.reach(evidence.metrics.in_scope_accuracy.map(|accuracy| accuracy.value))
            }
            GateKind::OutOfScopeRecall => self.reach(evidence.metrics.oos_recall.map(|recall| recall.value)),
            GateKind::Recall(label) => self.reach(evidence.label(label).map(|found| found.recall.value)),
            GateKind::Precision(label) => {
                self.reach(evidence.label(label).map(|found| found.precision.value))
            }
        };
        Judgement { gate: self.name(), ruling, reason }
    }

    fn reach(&self, value: Option<f64>) -> (Ruling, String) {
        match value {
            None => (Ruling::NoVerdict, "no case can tell".to_owned()),
            Some(value) if value >= self.bound => (Ruling::Pass, format!("it is {value:.3}")),
            Some(value) => (Ruling::Fail, format!("it is {value:.3}")),
        }
    }
}

/// What a gate judges by.
pub(crate) struct Evidence<'a> {
    pub(crate) cases: &'a [&'a Case],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) metrics: &'a Metrics,
    /// `None` when there is no baseline.
    pub(crate) changes: Option<&'a Changes>,
    /// Whether two replays gave the same answers.
    pub(crate) deterministic: bool,
}

impl Evidence<'_> {
    fn label(&self, label: &str) -> Option<&crate::metrics::LabelMetrics> {
        self.metrics.per_label.iter().find(|found| found.label == label && found.support > 0)
    }

    fn pinned(&self) -> (Ruling, String) {
        let pinned: Vec<&Outcome> = self
            .cases
            .iter()
            .zip(self.outcomes)
            .filter(|(case, _)| case.pin)
            .map(|(_, outcome)| outcome)
            .collect();
        let broken: Vec<&str> =
            pinned.iter().filter(|outcome| !outcome.right).map(|outcome| outcome.id.as_str()).collect();
        if broken.is_empty() {
            (Ruling::Pass, format!("all {} are right", pinned.len()))
        } else {
            (Ruling::PinnedBroke, format!("broken: {}", broken.join(", ")))
        }
    }

    fn no_regression(&self, tolerated: f64) -> (Ruling, String) {
        let Some(changes) = self.changes else {
            return (Ruling::Inconclusive, "there is no baseline; make one with ORCH_BLESS=1".to_owned());
        };
        if changes.compared == 0 {
            return (
                Ruling::NoVerdict,
                "the baseline has none of these cases; bless the suite again".to_owned(),
            );
        }
        let Paired { net, p, detectable, needed } = Paired::of(changes, tolerated);
        let (fixed, broken) = (changes.fixed.len(), changes.broken.len());
        let flips = format!("{fixed} fixed, {broken} broken");
        if self.deterministic {
            // The same input always gives the same answer, so each flip is real and none is luck.
            let ruling = if -net > tolerated { Ruling::Fail } else { Ruling::Pass };
            return (ruling, format!("{flips}, net {net:+.3}"));
        }
        if net < 0.0 && p <= 0.05 && -net > tolerated {
            return (Ruling::Fail, format!("{flips}, net {net:+.3}, {}", p_value(p)));
        }
        if detectable > tolerated.max(f64::EPSILON) {
            let why = format!(
                "{flips}, net {net:+.3}, {}; on {} cases a loss below {detectable:.3} goes unseen, about {needed} would do",
                p_value(p),
                changes.compared
            );
            return (Ruling::Inconclusive, why);
        }
        (Ruling::Pass, format!("{flips}, net {net:+.3}, {}", p_value(p)))
    }
}

/// A p value as it is written: a very small one is not nothing.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

/// The paired comparison with a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// The net change of accuracy: above 0 is better.
    pub net: f64,
    /// `McNemar`'s mid-p value of it.
    pub p: f64,
    /// The smallest net change such a comparison finds four times in five.
    pub detectable: f64,
    /// How many cases it would take to find what is tolerated; 0 when nothing is.
    pub needed: u64,
}

impl Paired {
    pub(crate) fn of(changes: &Changes, tolerated: f64) -> Self {
        let (fixed, broken, n) = (changes.fixed.len(), changes.broken.len(), changes.compared.max(1));
        let flips = (fixed + broken) as f64 / n as f64;
        let needed = if tolerated > 0.0 { needed_cases(tolerated, flips).ceil() as u64 } else { 0 };
        Self {
            net: (fixed as f64 - broken as f64) / n as f64,
            p: mcnemar_mid_p(fixed, broken),
            detectable: minimum_detectable_effect(n, flips),
            needed,
        }
    }
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The gate, in words.
    pub gate: String,
    /// What it rules.
    pub ruling: Ruling,
    /// Why.
    pub reason: String,
}

/// What can come of a gate, or of a suite. Later ones outweigh earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It holds.
    Pass,
    /// The data cannot tell.
    Inconclusive,
    /// Something other than the target's answers stood in the way.
    NoVerdict,
    /// It does not hold.
    Fail,
    /// A case that must never break did.
    PinnedBroke,
}

impl Ruling {
    /// The exit code of `cargo orch eval`. With `strict`, inconclusive is a failure too.
    #[must_use]
    pub fn exit_code(self, strict: bool) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Inconclusive => {
                if strict {
                    5
                } else {
                    0
                }
            }
            Self::Fail => 1,
            Self::PinnedBroke => 3,
            Self::NoVerdict => 4,
        }
    }

    /// The ruling in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::NoVerdict => "no verdict",
            Self::Fail => "fail",
            Self::PinnedBroke => "pinned case broke",
        }
    }
}
