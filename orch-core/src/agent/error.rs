//! Why an agent gave no answer.

use std::fmt;

use crate::error::Error;
use crate::model::{Message, Usage};
use crate::structured::ExtractError;

/// Why an agent gave no answer, and what had been said until then.
#[derive(Debug)]
pub struct AgentError {
    /// Why.
    pub kind: AgentErrorKind,
    /// How many times the model was asked.
    pub turns: u32,
    /// What was used.
    pub usage: Usage,
    /// The conversation, so that nothing of it is lost.
    pub messages: Vec<Message>,
}

/// Why an agent gave no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum AgentErrorKind {
    /// The model went on asking for tools until it had no turns left.
    Turns {
        /// How many it had.
        max: u32,
    },
    /// The model asked for the same thing again and again.
    Repeats {
        /// The tool it asked for.
        tool: String,
    },
    /// The provider held the answer back.
    Filtered,
    /// The answer is not of the type that was asked for.
    Answer(ExtractError),
    /// The model failed, or the budget had nothing left.
    Model(Error),
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            AgentErrorKind::Turns { max } => write!(f, "the agent had no answer after {max} turns"),
            AgentErrorKind::Repeats { tool } => {
                write!(f, "the agent asked for `{tool}` with the same arguments again and again")
            }
            AgentErrorKind::Filtered => f.write_str("the provider held the agent's answer back"),
            AgentErrorKind::Answer(error) => write!(f, "the agent's answer is not of its type: {error}"),
            AgentErrorKind::Model(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AgentError {
    /// What the model failed with had in turn as its source, where it had one.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            AgentErrorKind::Answer(error) => Some(error),
            AgentErrorKind::Model(error) => error.source().map(|source| source as _),
            _ => None,
        }
    }
}
