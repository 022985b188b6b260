//! What is asked, and what is answered.

use orch_core::Result;

use crate::effort::Effort;

/// A question in a conversation.
#[derive(Clone, Debug)]
pub struct Question {
    /// The conversation's name.
    pub conversation: String,
    /// The question.
    pub text: String,
}

/// What one way to answer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The answer.
    pub text: String,
    /// The documents it stands on.
    pub sources: Vec<String>,
}

impl Found {
    /// An answer that stands on no document.
    pub fn nothing(text: impl Into<String>) -> Self {
        Self { text: text.into(), sources: Vec::new() }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How much the question needed.
    pub effort: Effort,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// What was found.
    pub found: Found,
}

/// What is said to all that is no question for a library.
///
/// # Errors
///
/// None today.
pub async fn out_of_scope() -> Result<Found> {
    Ok(Found::nothing("I look things up, compare them, and investigate. Ask me about something to know."))
}
