//! Whoever is on call: the person who decides where code must not.

use std::time::Duration;

use orch_core::Result;
use orch_core::agent::escalation::Desk;

use crate::referral::{Referral, Release};
use crate::tables::Background;
use crate::validation::Validation;

/// What the person on call is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The patient's number.
    pub patient: String,
    /// What speaks against sending the note.
    pub reasons: Vec<String>,
    /// The note.
    pub note: String,
}

/// What they decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The note may be sent.
    Send,
    /// It may not.
    Stop {
        /// Why.
        why: String,
    },
}

/// Where the person on call is asked, and how long they have.
#[derive(Clone, Debug)]
pub struct OnCall {
    /// Where they are asked.
    pub desk: Desk<Question, Ruling>,
    /// How long they have.
    pub limit: Duration,
}

/// Whether nothing speaks against sending a note.
#[must_use]
pub fn is_clear(background: &Background, validation: &Validation) -> bool {
    background.contraindications.is_empty() && *validation == Validation::Sound
}

/// Sends the note without asking anybody.
///
/// # Errors
///
/// None today.
pub async fn clear() -> Result<Release> {
    Ok(Release::Cleared)
}

/// Asks the person on call. That nobody answers in time is an outcome, and sends nothing.
///
/// # Errors
///
/// None today.
pub async fn ask(
    on_call: &OnCall,
    referral: &Referral,
    background: &Background,
    validation: &Validation,
    note: &str,
) -> Result<Release> {
    let mut reasons: Vec<String> = background.contraindications.iter().map(ToString::to_string).collect();
    if let Validation::Unsound { why } = validation {
        reasons.push(format!("the note does not hold: {why}"));
    }
    let question = Question { patient: referral.patient.clone(), reasons, note: note.to_owned() };
    Ok(match on_call.desk.ask(question, on_call.limit).await {
        Ok(Ruling::Send) => Release::Approved,
        Ok(Ruling::Stop { why }) => Release::Stopped { why },
        Err(unanswered) => Release::Waiting { why: unanswered.to_string() },
    })
}
