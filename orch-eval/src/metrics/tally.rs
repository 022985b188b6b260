//! Counting, one outcome after the other, so that a million cases need little more room than a thousand.

use std::collections::BTreeMap;

use super::{Confusion, LabelMetrics, Metrics, SliceMetrics, StageMetrics};
use crate::dataset::{Case, Expected};
use crate::outcome::Outcome;
use crate::statistics::{CalibrationError, Proportion, auroc_of_sorted};

/// What has been counted so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    default: Option<String>,
    errors: usize,
    right: usize,
    recognised: usize,
    taken_for_outside: usize,
    in_top_three: usize,
    false_outside: usize,
    cost_usd: f64,
    calibration: CalibrationError,
    answers: Vec<Answer>,
    labels: BTreeMap<String, Count>,
    confusions: BTreeMap<(Option<String>, Option<String>), usize>,
    stages: BTreeMap<String, Stage>,
    tags: BTreeMap<String, (usize, usize)>,
    /// How often each label was expected and given; the empty one stands for none.
    margins: BTreeMap<String, (f64, f64)>,
}

/// What is kept of each case.
#[derive(Clone, Copy, Debug)]
struct Answer {
    confidence: f32,
    us: f32,
    inside: bool,
    /// Whether the likeliest label is right.
    right: bool,
}

#[derive(Debug, Default)]
struct Count {
    support: usize,
    given: usize,
    right: usize,
}

#[derive(Debug, Default)]
struct Stage {
    decided: usize,
    right: usize,
    us: f64,
    usd: f64,
}

/// The entry of a name, which is copied only when it is new.
fn entry<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str) -> &'a mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.get_mut(name).unwrap_or_else(|| unreachable!("it was just put in"))
}

impl Tally {
    /// Nothing yet. `default` is the label that also stands for out of scope.
    pub(crate) fn new(default: Option<&str>) -> Self {
        Self { default: default.map(str::to_owned), ..Self::default() }
    }

    /// Counts one case.
    pub(crate) fn add(&mut self, case: &Case, outcome: &Outcome) {
        if outcome.error.is_some() {
            self.errors += 1;
            return;
        }
        let got = outcome.got.as_deref();
        // Recognised as out of scope: abstaining, or the default label.
        let abstained = got.is_none_or(|label| self.default.as_deref() == Some(label));
        let us = outcome.took.as_secs_f64() * 1e6;
        let mut answer =
            Answer { confidence: outcome.confidence as f32, us: us as f32, inside: false, right: false };
        self.right += usize::from(outcome.right);
        self.taken_for_outside += usize::from(abstained);
        match &case.expected {
            Expected::OutOfScope => self.recognised += usize::from(abstained),
            Expected::AnyOf(labels) => {
                answer.inside = true;
                answer.right = outcome.best.as_ref().is_some_and(|best| labels.contains(best));
                self.in_top_three += usize::from(outcome.rank.is_some_and(|rank| rank <= 3));
                self.false_outside += usize::from(abstained);
                self.calibration.add(outcome.confidence, answer.right);
            }
        }
        self.answers.push(answer);
        self.count_labels(case, outcome);
        let stage = entry(&mut self.stages, &outcome.stage);
        stage.decided += 1;
        stage.right += usize::from(outcome.right);
        stage.us += us;
        stage.usd += outcome.cost_usd;
        self.cost_usd += outcome.cost_usd;
        for tag in &case.tags {
            let tag = entry(&mut self.tags, tag);
            tag.0 += usize::from(outcome.right);
            tag.1 += 1;
        }
    }

    fn count_labels(&mut self, case: &Case, outcome: &Outcome) {
        let got = outcome.got.as_deref();
        // Of several right labels a case counts for the one it was given, else for the first.
        let expected = match &case.expected {
            Expected::AnyOf(labels) if got.is_some_and(|got| labels.iter().any(|it| it == got)) => got,
            expected => expected.first(),
        };
        if let Some(label) = expected {
            let count = entry(&mut self.labels, label);
            count.support += 1;
            count.right += usize::from(got == Some(label));
        }
        if let Some(label) = got {
            // The default is no mistake on a case that is out of scope.
            let excused = case.expected == Expected::OutOfScope && outcome.right;
            entry(&mut self.labels, label).given += usize::from(!excused);
        }
        // A right answer agrees, whatever it is called.
        let agreed = if outcome.right { got } else { expected };
        entry(&mut self.margins, agreed.unwrap_or_default()).0 += 1.0;
        entry(&mut self.margins, got.unwrap_or_default()).1 += 1.0;
        if !outcome.right {
            let pair = (case.expected.first().map(str::to_owned), outcome.got.clone());
            *self.confusions.entry(pair).or_default() += 1;
        }
    }

    /// The scores.
    pub(crate) fn finish(mut self) -> Metrics {
        let n = self.answers.len();
        let inside = self.answers.iter().filter(|answer| answer.inside).count();
        let outside = n - inside;
        let best_right = self.answers.iter().filter(|answer| answer.right).count();
        let of_inside = |count: usize| (inside > 0).then(|| Proportion::new(count, inside));
        let per_label = self.per_label();
        let scored: Vec<&LabelMetrics> = per_label.iter().filter(|label| label.support > 0).collect();
        let mean = |weight: fn(&LabelMetrics) -> f64| {
            let sum: f64 = scored.iter().map(|label| label.f1 * weight(label)).sum();
            (!scored.is_empty()).then(|| sum / scored.iter().map(|label| weight(label)).sum::<f64>())
        };
        let (macro_f1, weighted_f1) = (mean(|_| 1.0), mean(|label| label.support as f64));
        let kappa = self.kappa();
        self.answers.sort_by(|a, b| a.us.total_cmp(&b.us));
        let at = |share| percentile_us(&self.answers, share, |answer| answer.us);
        let (p50_us, p99_us) = (at(0.50), at(0.99));
        self.answers.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut confusions: Vec<Confusion> = self
            .confusions
            .into_iter()
            .map(|((expected, got), count)| Confusion { expected, got, count })
            .collect();
        confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
        let mut per_stage: Vec<StageMetrics> = self
            .stages
            .into_iter()
            .map(|(stage, Stage { decided, right, us, usd })| StageMetrics {
                stage,
                decided,
                right: Proportion::new(right, decided),
                mean_us: us / decided as f64,
                mean_usd: usd / decided as f64,
            })
            .collect();
        per_stage.sort_by_key(|stage| std::cmp::Reverse(stage.decided));
        let tags = self.tags.into_iter();
        Metrics {
            n,
            errors: self.errors,
            accuracy: Proportion::new(self.right, n),
            in_scope_accuracy: of_inside(best_right),
            top3_accuracy: of_inside(self.in_top_three),
            macro_f1,
            weighted_f1,
            kappa,
            false_oos: of_inside(self.false_outside),
            oos_recall: (outside > 0).then(|| Proportion::new(self.recognised, outside)),
            oos_precision: (self.taken_for_outside > 0)
                .then(|| Proportion::new(self.recognised, self.taken_for_outside)),
            oos_auroc: auroc_of_sorted(
                self.answers.iter().map(|answer| (f64::from(answer.confidence), answer.inside)),
            ),
            ece: (inside > 0).then(|| self.calibration.value()),
            aurc: area_under_risk_coverage(&self.answers),
            p50_us,
            p99_us,
            cost_usd: self.cost_usd,
            per_label,
            confusions,
            per_stage,
            per_tag: tags
                .map(|(tag, (right, all))| SliceMetrics { tag, accuracy: Proportion::new(right, all) })
                .collect(),
        }
    }

    fn per_label(&self) -> Vec<LabelMetrics> {
        let labels = self.labels.iter();
        labels
            .map(|(label, Count { support, given, right })| {
                let all = support + given;
                let f1 = if all == 0 { 0.0 } else { 2.0 * *right as f64 / all as f64 };
                LabelMetrics {
                    label: label.clone(),
                    support: *support,
                    precision: Proportion::new(*right, *given),
                    recall: Proportion::new(*right, *support),
                    f1,
                }
            })
            .collect()
    }

    fn kappa(&self) -> Option<f64> {
        let all = self.answers.len() as f64;
        let chance: f64 = self.margins.values().map(|(expected, got)| expected * got / (all * all)).sum();
        let agreed = self.right as f64 / all;
        Some((agreed - chance) / (1.0 - chance)).filter(|kappa| chance < 1.0 && kappa.is_finite())
    }
}

/// The nearest-rank percentile of what is sorted by rising time, in microseconds, to a tenth of one.
pub(crate) fn percentile_us<T>(sorted: &[T], share: f64, us: impl Fn(&T) -> f32) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |timed| (f64::from(us(timed)) * 10.0).round() / 10.0)
}

/// The mean over all shares of the surest in-scope answers, by falling confidence, of how many of them are wrong.
#[allow(clippy::float_cmp, reason = "confidences are tied when they are the same, not when they are close")]
fn area_under_risk_coverage(sorted: &[Answer]) -> Option<f64> {
    let (mut count, mut wrong, mut sum) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        let inside = tied.iter().filter(|answer| answer.inside).count();
        let mistakes = tied.iter().filter(|answer| answer.inside && !answer.right).count() as f64;
        // Of those that are tied each may come first, so the mistakes among them are spread evenly.
        for _ in 0..inside {
            count += 1.0;
            wrong += mistakes / inside as f64;
            sum += wrong / count;
        }
    }
    (count > 0.0).then(|| sum / count)
}
