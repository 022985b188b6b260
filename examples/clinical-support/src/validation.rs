//! The last look at a note: plain code, then guards.

use orch_core::Result;
use orch_core::guard::{Checked, Grounded, Guard as _, Length};

use crate::referral::Referral;
use crate::tables::Background;

/// Characters of a note, at least and at most.
const LENGTH: (usize, usize) = (20, 600);
/// Units that give a dose away.
const UNITS: [&str; 4] = ["mg", "µg", "mcg", "ml"];

/// Whether a note holds. One that does not is an outcome: a person decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    /// It holds.
    Sound,
    /// It does not.
    Unsound {
        /// Why.
        why: String,
    },
}

/// Checks that a note names no dose, and has nothing its sources have not.
///
/// # Errors
///
/// When a guard cannot tell. That it refuses is no error.
pub async fn validate(referral: &Referral, background: &Background, note: &str) -> Result<Validation> {
    if names_a_dose(note) {
        return Ok(Validation::Unsound { why: "it names a dose".to_owned() });
    }
    let Background { history, labs, contraindications } = background;
    let warnings = contraindications.iter().map(ToString::to_string);
    let sources: Vec<String> =
        history.iter().chain(labs).chain([&referral.text]).cloned().chain(warnings).collect();
    let guards = (Length::at_most(LENGTH.1).at_least(LENGTH.0), Grounded::in_sources(sources));
    Ok(match guards.check(note).await? {
        Checked::Refused { reason } => Validation::Unsound { why: reason },
        Checked::Passed | Checked::Changed(_) => Validation::Sound,
    })
}

/// `5 mg` or `5mg`.
fn names_a_dose(note: &str) -> bool {
    note.split_whitespace().any(|word| {
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let unit = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        UNITS.contains(&unit)
    })
}
