//! What a suite must hold, and the verdict on whether it does.

use std::collections::HashMap;
use std::time::Duration;

use orch_core::router::Label;

use crate::baseline::Changes;
use crate::dataset::Case;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::statistics::{corrected_sight, holm};

mod figure;
mod paired;
mod ruling;

pub use paired::Paired;
pub use ruling::{Judgement, Ruling};

use figure::{Figure, shown};

/// A level a test is held to: one false alarm in twenty.
const LEVEL: f64 = 0.05;

/// A condition on a suite's results.
///
/// ```
/// use orch_eval::Gate;
///
/// let gates: [Gate; 3] =
///     [Gate::no_regression().into(), Gate::no_label_regression().tolerate(0.05), Gate::accuracy().at_least(0.9)];
/// ```
///
/// A figure without its bound is no gate, so that none can be forgotten and pass for ever:
///
/// ```compile_fail,E0277
/// # use orch_core::router::Keyword;
/// # use orch_eval::{Gate, Suite};
/// let suite = Suite::new("support").gate(Gate::accuracy());
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `Suite::gate`"]
pub struct Gate {
    kind: GateKind,
    bound: f64,
}

#[derive(Clone, Debug)]
enum GateKind {
    NoRegression,
    EachLabel,
    EachSlice,
    Pinned,
    Instructions,
    AtLeast(Figure),
    AtMost(Figure),
}

/// A figure that a gate wants to be at least so high: without [`at_least`](GatedMetric::at_least) it is no [`Gate`] yet.
#[derive(Clone, Debug)]
#[must_use = "a figure gates nothing until `at_least` says how high it must be"]
pub struct GatedMetric(Figure);

impl GatedMetric {
    /// The least value that passes, from 0 to 1.
    pub fn at_least(self, value: f64) -> Gate {
        Gate { kind: GateKind::AtLeast(self.0), bound: value }
    }
}

/// A gate that compares with the baseline. It is a [`Gate`] as it is, and then tolerates no net loss.
#[derive(Clone, Debug)]
#[must_use = "give it to `Suite::gate`"]
pub struct NoRegression {
    kind: GateKind,
}

impl NoRegression {
    /// The largest net loss of accuracy that passes, from 0 to 1.
    pub fn tolerate(self, loss: f64) -> Gate {
        Gate { kind: self.kind, bound: loss }
    }
}

impl From<NoRegression> for Gate {
    fn from(gate: NoRegression) -> Self {
        gate.tolerate(0.0)
    }
}

impl Gate {
    /// Accuracy is not worse than the baseline's. Without [`tolerate`](NoRegression::tolerate), not by any net loss.
    pub fn no_regression() -> NoRegression {
        NoRegression { kind: GateKind::NoRegression }
    }

    /// No label's recall is worse than in the baseline: a test for each, corrected for their number by Holm's method.
    /// Follow with [`tolerate`](NoRegression::tolerate) to allow a loss.
    pub fn no_label_regression() -> NoRegression {
        NoRegression { kind: GateKind::EachLabel }
    }

    /// No tag's accuracy is worse than in the baseline: a test for each, corrected for their number by Holm's method.
    /// Follow with [`tolerate`](NoRegression::tolerate) to allow a loss.
    pub fn no_slice_regression() -> NoRegression {
        NoRegression { kind: GateKind::EachSlice }
    }

    /// Every pinned case is right.
    pub fn pinned() -> Self {
        Self { kind: GateKind::Pinned, bound: 0.0 }
    }

    /// Accuracy over all cases.
    pub fn accuracy() -> GatedMetric {
        GatedMetric(Figure::Accuracy)
    }

    /// Accuracy of the likeliest label on in-scope cases.
    pub fn in_scope_accuracy() -> GatedMetric {
        GatedMetric(Figure::InScopeAccuracy)
    }

    /// The share of out-of-scope cases recognised.
    pub fn out_of_scope_recall() -> GatedMetric {
        GatedMetric(Figure::OutOfScopeRecall)
    }

    /// The share of a label's cases that were given it.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a route is `Copy`, and `recall_of(Intent::Billing)` reads best"
    )]
    pub fn recall_of<R: Label>(route: R) -> GatedMetric {
        GatedMetric(Figure::Recall(route.label().to_owned()))
    }

    /// The share of cases given a label that expect it.
    #[allow(clippy::needless_pass_by_value, reason = "as for `recall_of`")]
    pub fn precision_of<R: Label>(route: R) -> GatedMetric {
        GatedMetric(Figure::Precision(route.label().to_owned()))
    }

    /// Accuracy over the cases with a tag.
    pub fn accuracy_of_slice(tag: impl Into<String>) -> GatedMetric {
        GatedMetric(Figure::Slice(tag.into()))
    }

    /// The expected calibration error on in-scope cases is at most this, from 0 to 1.
    pub fn calibration_error_at_most(error: f64) -> Self {
        Self { kind: GateKind::AtMost(Figure::CalibrationError), bound: error }
    }

    /// The median time of a decision is at most this. A machine that is busy is slow, so leave room.
    pub fn median_time_at_most(time: Duration) -> Self {
        Self { kind: GateKind::AtMost(Figure::MedianTime), bound: time.as_secs_f64() * 1e6 }
    }

    /// A decision takes at most so many instructions, on average over the first hundred cases: a bound on time that a
    /// busy machine does not move. They are counted by running this program again under valgrind, which must be
    /// installed, and are those of this build: a debug build has many more.
    pub fn instructions_at_most(count: u64) -> Self {
        Self { kind: GateKind::Instructions, bound: count as f64 }
    }

    /// Whether instructions have to be counted for it.
    pub(crate) fn counts_instructions(&self) -> bool {
        matches!(self.kind, GateKind::Instructions)
    }

    /// The mean cost of a decision is at most this, in dollars, at the prices that
    /// [`Replay::priced`](crate::Replay::priced) was told. Where no decision cost anything it is inconclusive: the same is
    /// seen where nobody told a price.
    pub fn mean_cost_at_most(dollars: f64) -> Self {
        Self { kind: GateKind::AtMost(Figure::MeanCost), bound: dollars }
    }

    /// Whether its bound is a value that what it bounds can have. A share of 95 is a slip for one of 0.95: such a gate would
    /// fail, or pass, whatever happens.
    pub(crate) fn has_possible_bound(&self) -> bool {
        match &self.kind {
            GateKind::Pinned | GateKind::Instructions => true,
            GateKind::AtMost(Figure::MedianTime) => self.bound >= 0.0,
            GateKind::AtMost(Figure::MeanCost) => self.bound > 0.0 && self.bound.is_finite(),
            _ => is_share(self.bound),
        }
    }

    /// What the gate asks, in words.
    pub(crate) fn name(&self) -> String {
        let bound = self.bound;
        match &self.kind {
            GateKind::NoRegression => format!("no regression beyond {bound:.3}"),
            GateKind::EachLabel => format!("no label's regression beyond {bound:.3}"),
            GateKind::EachSlice => format!("no slice's regression beyond {bound:.3}"),
            GateKind::Pinned => "pinned cases".to_owned(),
            GateKind::Instructions => format!("instructions of a decision at most {bound:.0}"),
            GateKind::AtLeast(figure) => format!("{} at least {}", figure.name(), shown(bound)),
            GateKind::AtMost(figure) => format!("{} at most {}", figure.name(), shown(bound)),
        }
    }

    pub(crate) fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let (ruling, reason) = match &self.kind {
            GateKind::NoRegression => evidence.no_regression(self.bound),
            GateKind::EachLabel => evidence.no_regression_in(self.bound, "label", label_of),
            GateKind::EachSlice => evidence.no_regression_in(self.bound, "slice", |case| case.tags.clone()),
            GateKind::Pinned => evidence.pinned(),
            GateKind::Instructions => evidence.instructions(self.bound),
            GateKind::AtLeast(figure) => reach(figure.of(evidence.metrics), |value| value >= self.bound),
            GateKind::AtMost(Figure::MeanCost) if evidence.nothing_cost_anything() => {
                let reason = "no decision cost anything; tell what the models cost with `Replay::priced`";
                (Ruling::Inconclusive, reason.to_owned())
            }
            GateKind::AtMost(figure) => reach(figure.of(evidence.metrics), |value| value <= self.bound),
        };
        Judgement { gate: self.name(), ruling, reason }
    }
}

/// Whether it lies from 0 to 1.
pub(crate) fn is_share(bound: f64) -> bool {
    (0.0..=1.0).contains(&bound)
}

fn reach(value: Option<f64>, holds: impl Fn(f64) -> bool) -> (Ruling, String) {
    match value {
        None => (Ruling::NoVerdict, "no case can tell".to_owned()),
        Some(value) if holds(value) => (Ruling::Pass, format!("it is {}", shown(value))),
        Some(value) => (Ruling::Fail, format!("it is {}", shown(value))),
    }
}

/// The label a case counts for.
fn label_of(case: &Case) -> Vec<String> {
    vec![case.expected.first().unwrap_or("out of scope").to_owned()]
}

/// What a gate judges by.
pub(crate) struct Evidence<'a> {
    pub(crate) cases: &'a [&'a Case],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) metrics: &'a Metrics,
    /// `None` when there is no baseline.
    pub(crate) changes: Option<&'a Changes>,
    /// The clusters of the cases that are in one, by id.
    pub(crate) clusters: &'a HashMap<String, String>,
    /// Instructions of a decision, or why they could not be counted; `None` when no gate asks.
    pub(crate) instructions: Option<&'a Result<f64, String>>,
    /// Whether every replay gave the same answers.
    pub(crate) deterministic: bool,
}

impl Evidence<'_> {
    /// Whether every decision was free, which is also what is seen where no model has a price.
    fn nothing_cost_anything(&self) -> bool {
        self.metrics.n > 0 && self.metrics.cost_usd == 0.0
    }

    fn pinned(&self) -> (Ruling, String) {
        let pinned = self.cases.iter().zip(self.outcomes).filter(|(case, _)| case.pin);
        let (mut count, mut unanswered, mut broken) = (0, Vec::new(), Vec::new());
        for (_, outcome) in pinned {
            count += 1;
            if outcome.error.is_some() {
                unanswered.push(outcome.id.as_str());
            } else if !outcome.right {
                broken.push(outcome.id.as_str());
            }
        }
        if count == 0 {
            return (Ruling::Inconclusive, "no case is pinned; give one `\"pin\": true`".to_owned());
        }
        if !broken.is_empty() {
            (Ruling::PinnedBroke, format!("broken: {}", broken.join(", ")))
        } else if !unanswered.is_empty() {
            (Ruling::NoVerdict, format!("without an answer: {}", unanswered.join(", ")))
        } else {
            (Ruling::Pass, format!("all {count} are right"))
        }
    }

    fn instructions(&self, most: f64) -> (Ruling, String) {
        match self.instructions {
            Some(Ok(count)) if *count <= most => (Ruling::Pass, format!("it takes {count:.0}")),
            Some(Ok(count)) => (Ruling::Fail, format!("it takes {count:.0}")),
            Some(Err(why)) => (Ruling::NoVerdict, why.clone()),
            None => (Ruling::NoVerdict, "nobody counted".to_owned()),
        }
    }

    fn no_regression(&self, tolerated: f64) -> (Ruling, String) {
        let Some(changes) = self.changes else { return without_baseline() };
        let Paired { net, p, detectable, needed } = Paired::of(changes, self.clusters, tolerated);
        let (fixed, broken) = (changes.fixed.len(), changes.broken.len());
        let flips = format!("{fixed} fixed, {broken} broken");
        if self.deterministic {
            // The same input always gives the same answer, so each flip is real and none is luck.
            let ruling = if -net > tolerated { Ruling::Fail } else { Ruling::Pass };
            return (ruling, format!("{flips}, net {net:+.3}"));
        }
        if net < 0.0 && p <= LEVEL && -net > tolerated {
            return (Ruling::Fail, format!("{flips}, net {net:+.3}, {}", p_value(p)));
        }
        if detectable > tolerated.max(f64::EPSILON) {
            let more = if needed > 0 { format!(", about {needed} would do") } else { String::new() };
            let why = format!(
                "{flips}, net {net:+.3}, {}; on {} cases a loss below {detectable:.3} goes unseen{more}",
                p_value(p),
                changes.compared
            );
            return (Ruling::Inconclusive, why);
        }
        (Ruling::Pass, format!("{flips}, net {net:+.3}, {}", p_value(p)))
    }

    /// A test for each group of cases. A case may be in several, or in none.
    fn no_regression_in(
        &self,
        tolerated: f64,
        kind: &str,
        groups_of: impl Fn(&Case) -> Vec<String>,
    ) -> (Ruling, String) {
        let Some(changes) = self.changes else { return without_baseline() };
        let differences: HashMap<&str, f64> =
            changes.differences.iter().map(|(id, difference)| (id.as_str(), *difference)).collect();
        let mut groups: HashMap<String, Changes> = HashMap::new();
        for case in self.cases {
            let Some(difference) = differences.get(case.id.as_str()) else { continue };
            for group in groups_of(case) {
                groups.entry(group).or_default().count(&case.id, *difference);
            }
        }
        let mut groups: Vec<(String, Paired)> = groups
            .into_iter()
            .map(|(group, changes)| (group, Paired::of(&changes, self.clusters, tolerated)))
            .collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        if groups.is_empty() {
            return (Ruling::NoVerdict, format!("no case of the baseline has a {kind}"));
        }
        let adjusted = holm(&groups.iter().map(|(_, paired)| paired.p).collect::<Vec<_>>());
        let worse: Vec<String> = groups
            .iter()
            .zip(&adjusted)
            .filter(|((_, paired), p)| -paired.net > tolerated && (self.deterministic || **p <= LEVEL))
            .map(|((group, paired), p)| {
                let chance = if self.deterministic { String::new() } else { format!(", {}", p_value(*p)) };
                format!("{group} {:+.3}{chance}", paired.net)
            })
            .collect();
        if !worse.is_empty() {
            return (Ruling::Fail, worse.join("; "));
        }
        // So many tests at once see less than one alone.
        let sight = corrected_sight(groups.len());
        let worst = groups.iter().max_by(|a, b| a.1.detectable.total_cmp(&b.1.detectable));
        match worst.map(|(group, paired)| (group, (paired.detectable * sight).min(1.0))) {
            Some((group, unseen)) if !self.deterministic && unseen > tolerated.max(f64::EPSILON) => {
                (Ruling::Inconclusive, format!("in {group} a loss below {unseen:.3} goes unseen"))
            }
            _ => (Ruling::Pass, format!("none of {} is worse", groups.len())),
        }
    }
}

fn without_baseline() -> (Ruling, String) {
    (Ruling::Inconclusive, "there is no baseline; make one with ORCH_BLESS=1".to_owned())
}

/// A p value as it is written: a very small one is not nothing.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: usize = 4_000;

    /// How often the gate fails, and how often it is content, over runs in which each case gets better or worse with
    /// these chances.
    fn rulings(random: &mut fastrand::Rng, cases: usize, better: f64, worse: f64, noisy: bool) -> (f64, f64) {
        let metrics = Metrics::of(&[], &[], None);
        let clusters = HashMap::new();
        let (mut failed, mut passed) = (0, 0);
        for _ in 0..RUNS {
            let mut changes = Changes::default();
            for _ in 0..cases {
                let drawn = random.f64();
                let difference =
                    if drawn < better { 1.0 } else { -f64::from(u8::from(drawn < better + worse)) };
                changes.count("case", difference);
            }
            let evidence = Evidence {
                cases: &[],
                outcomes: &[],
                metrics: &metrics,
                changes: Some(&changes),
                clusters: &clusters,
                instructions: None,
                deterministic: !noisy,
            };
            match Gate::from(Gate::no_regression()).judge(&evidence).ruling {
                Ruling::Fail => failed += 1,
                Ruling::Pass => passed += 1,
                _ => {}
            }
        }
        (f64::from(failed) / RUNS as f64, f64::from(passed) / RUNS as f64)
    }

    /// The power of each is that of the mid-p test over every way the flips can fall, by `SciPy`: `power` of
    /// `tests/reference/statistics.py`.
    #[test]
    fn the_gate_rarely_cries_wolf_and_sees_what_it_should() {
        let mut random = fastrand::Rng::with_seed(1);
        for (cases, flips) in [(500, 0.01), (500, 0.03), (1_000, 0.01), (200, 0.2)] {
            let (failed, passed) = rulings(&mut random, cases, flips / 2.0, flips / 2.0, true);
            assert!(failed <= 0.05, "{cases} cases, {flips} flip: {failed} false alarms");
            assert!(passed <= 0.0, "nothing is tolerated, so nothing can be said to be fine");
        }
        for (cases, loss, flips, power) in
            [(783, 0.02, 0.04, 0.811), (312, 0.05, 0.1, 0.810), (1_175, 0.02, 0.06, 0.807)]
        {
            let worse = f64::midpoint(flips, loss);
            let (found, _) = rulings(&mut random, cases, flips - worse, worse, true);
            assert!((found - power).abs() <= 0.03, "{cases} cases: {found}, not {power}");
        }
    }

    /// Where the same input always gives the same answer there is no luck: half of the changes that are none on average
    /// are a loss on these cases, and the gate says so.
    #[test]
    fn without_noise_each_loss_is_real() {
        let mut random = fastrand::Rng::with_seed(2);
        let (failed, passed) = rulings(&mut random, 500, 0.01, 0.01, false);
        assert!((0.35..0.5).contains(&failed) && (failed + passed - 1.0).abs() < 1e-12, "{failed}");
    }
}
