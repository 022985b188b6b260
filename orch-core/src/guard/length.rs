//! How long a text may be.

use super::{Checked, Guard};
use crate::error::Result;

/// Refuses texts that are too long or too short, in characters.
///
/// ```
/// use orch_core::guard::{Guard, Length};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert!(Length::at_most(5).at_least(1).enforce(String::new()).await.is_err());
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    at_least: usize,
    at_most: usize,
}

impl Length {
    /// At most so many characters.
    #[must_use]
    pub fn at_most(characters: usize) -> Self {
        Self { at_least: 0, at_most: characters }
    }

    /// And at least so many.
    #[must_use]
    pub fn at_least(self, characters: usize) -> Self {
        Self { at_least: characters, ..self }
    }
}

impl Guard for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        // A hostile text is counted no further than it has to be.
        let count = text.chars().take(self.at_most.saturating_add(1)).count();
        Ok(if count > self.at_most {
            Checked::Refused { reason: format!("it has more than {} characters", self.at_most) }
        } else if count < self.at_least {
            Checked::Refused {
                reason: format!("it has {count} characters, and {} are needed", self.at_least),
            }
        } else {
            Checked::Passed
        })
    }

    /// They are no answer: only how long they may be counts.
    async fn check_arguments(&self, arguments: &str) -> Result<Checked> {
        Self { at_least: 0, ..*self }.check(arguments).await
    }
}
