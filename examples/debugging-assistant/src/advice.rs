//! What the assistant gives back.

use orch_core::Result;

use crate::fault::Fault;

/// Advice, and what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub text: String,
    /// Where that comes from: tables and past cases. Empty where it is the message itself.
    pub sources: Vec<String>,
}

impl Advice {
    /// Advice that stands on the message alone.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), sources: Vec::new() }
    }
}

/// The whole answer to a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What kind of fault it is about.
    pub fault: Fault,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// The advice.
    pub advice: Advice,
}

/// What the assistant can do: the answer to all that is no fault.
///
/// # Errors
///
/// None today.
pub async fn introduction() -> Result<Advice> {
    Ok(Advice::new(
        "I help with errors. Send what the compiler said, an exception, or what a program does wrong.",
    ))
}
