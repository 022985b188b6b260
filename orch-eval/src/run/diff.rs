//! What changed from one run to another.

use std::path::Path;

use serde::Serialize;

use super::log::{Answers, Log};
use super::{LOG, RunError};
use crate::baseline::Changes;
use crate::gate::Paired;

/// What changed from one run to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDiff {
    /// The suite.
    pub suite: String,
    /// Cases that got better and worse.
    pub changes: Changes,
    /// The paired comparison.
    pub paired: Paired,
    /// Cases with another answer, right or not, sorted by id.
    pub moved: Vec<Moved>,
}

/// A case with another answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The case.
    pub id: String,
    /// The answer of the first run; `None` when it abstained.
    pub before: Option<String>,
    /// The answer of the second.
    pub after: Option<String>,
    /// Whether the first was right, and the second.
    pub right: (bool, bool),
}

impl RunDiff {
    /// Compares two runs, by their folders or logs. Of each case the first epoch counts.
    ///
    /// # Errors
    ///
    /// When a log cannot be read, a line of it is no answer, or the runs have no case in common.
    pub fn of(before: &Path, after: &Path) -> Result<Self, RunError> {
        let (suite_before, before_answers) = answers(before)?;
        let (suite, after_answers) = answers(after)?;
        if suite != suite_before {
            let what = format!("is of the suite {suite}, and {} of {suite_before}", before.display());
            return Err(RunError::new(after, what));
        }
        let (mut changes, mut moved) = (Changes::default(), Vec::new());
        for (id, (got, right)) in &after_answers {
            let Some((got_before, right_before)) = before_answers.get(id) else {
                changes.new += 1;
                continue;
            };
            let share = |right: &bool| f64::from(u8::from(*right));
            let before = (got_before.as_deref(), share(right_before));
            changes.compare(id, before, (got.as_deref(), share(right)));
            if got != got_before {
                moved.push(Moved {
                    id: id.clone(),
                    before: got_before.clone(),
                    after: got.clone(),
                    right: (*right_before, *right),
                });
            }
        }
        changes.gone = before_answers.len() - changes.compared - changes.relabelled;
        if changes.compared + changes.relabelled == 0 {
            return Err(RunError::new(after, format!("has no case in common with {}", before.display())));
        }
        let paired = Paired::of_flips(changes.fixed.len(), changes.broken.len(), changes.compared, 0.0);
        Ok(Self { suite, changes, paired, moved })
    }
}

fn answers(run: &Path) -> Result<(String, Answers), RunError> {
    let path = if run.is_dir() { run.join(LOG) } else { run.to_owned() };
    Log::answers(&path)
}
