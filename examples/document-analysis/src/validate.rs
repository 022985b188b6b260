//! Whether a summary stands on its document.

use orch_core::Result;
use orch_core::guard::{Grounded, Guard as _, Length, Refusal};

/// Characters of a summary, at least and at most.
const LENGTH: (usize, usize) = (15, 400);

/// What the guards say of a summary. A summary that does not hold is an outcome: the rest of the analysis does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stands on the document.
    Sound,
    /// A guard refused it.
    Unsound {
        /// The guard.
        guard: String,
        /// Why.
        reason: String,
    },
}

/// Checks that a summary has a sensible length, and that its words and numbers are the document's.
///
/// # Errors
///
/// When a guard cannot tell. That it refuses is no error.
pub async fn validate(text: &str, summary: &str) -> Result<Verdict> {
    let guards = (Length::at_most(LENGTH.1).at_least(LENGTH.0), Grounded::in_sources([text]));
    let Err(error) = guards.enforce(summary.to_owned()).await else { return Ok(Verdict::Sound) };
    match error.downcast_ref::<Refusal>() {
        Some(Refusal { guard, reason }) => {
            Ok(Verdict::Unsound { guard: guard.clone(), reason: reason.clone() })
        }
        None => Err(error),
    }
}
