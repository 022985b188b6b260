//! What a router said of each case.

use std::borrow::Cow;
use std::time::Duration;

use crate::dataset::{Case, Expected};
use crate::run::Reply;
use crate::target::Answer;
use orch_core::guard::Secrets;

/// What a router said of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The case's id.
    pub id: String,
    /// The label it gave; `None` when it abstained.
    pub got: Option<String>,
    /// The likeliest label, abstaining or not.
    pub best: Option<String>,
    /// The confidence in `best`, from 0 to 1.
    pub confidence: f64,
    /// The place of the first right label in the ranking, from 1; `None` when none is in it.
    pub rank: Option<u32>,
    /// The stage that decided.
    pub stage: Cow<'static, str>,
    /// What the stages asked before it said, and why they did not decide; `None` where there were none.
    pub passed: Option<String>,
    /// Whether it was right.
    pub right: bool,
    /// How often it was right, from 0 to 1, over all epochs.
    pub share_right: f64,
    /// How long the decision took.
    pub took: Duration,
    /// What it cost, in dollars, at the prices that [`Replay::priced`](crate::Replay::priced) was told.
    pub cost_usd: f64,
    /// Why there was no decision at all.
    pub error: Option<String>,
}

impl Outcome {
    /// Whether another answer to the same case says the same.
    pub(crate) fn same_answer(&self, other: &Self) -> bool {
        self.error.is_none()
            && other.error.is_none()
            && self.got == other.got
            && self.best == other.best
            && self.rank == other.rank
            && self.stage == other.stage
            && (self.confidence - other.confidence).abs() < f64::EPSILON
    }
}

/// What an answer is worth. `default` is the label that also stands for out of scope.
pub(crate) fn outcome(case: &Case, reply: Reply, default: Option<&str>) -> Outcome {
    let Reply { answer, took, cost } = reply;
    let cost_usd = cost as f64 / 1e6;
    // Kept to a tenth of a microsecond, as in the log.
    let took = Duration::from_nanos((took.as_nanos() as u64 + 50) / 100 * 100);
    match answer {
        Ok(Answer { got, best, confidence, rank, stage, passed, scored }) => {
            let right = scored.unwrap_or_else(|| is_right(&case.expected, got.as_deref(), default));
            let (id, share_right) = (case.id.clone(), f64::from(u8::from(right)));
            Outcome {
                id,
                got,
                best,
                confidence,
                rank,
                stage,
                passed,
                right,
                share_right,
                took,
                cost_usd,
                error: None,
            }
        }
        Err(error) => Outcome {
            id: case.id.clone(),
            got: None,
            best: None,
            confidence: 0.0,
            rank: None,
            stage: Cow::Borrowed(""),
            passed: None,
            right: false,
            share_right: 0.0,
            took,
            cost_usd,
            // Whoever failed may have put a key into its words.
            error: Some(Secrets::known().redacted(&error.to_string())),
        },
    }
}

/// Whether a label is right: for what is out of scope, none or the default.
pub(crate) fn is_right(expected: &Expected, got: Option<&str>, default: Option<&str>) -> bool {
    match (expected, got) {
        (Expected::OutOfScope, None) => true,
        (Expected::OutOfScope, Some(label)) => default == Some(label),
        (Expected::AnyOf(labels), Some(label)) => labels.iter().any(|expected| expected == label),
        (Expected::AnyOf(_), None) => false,
    }
}
