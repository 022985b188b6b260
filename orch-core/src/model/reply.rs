//! What a model answers, and what that costs.

use super::ToolCall;

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatReply {
    /// The answer; empty when the model only asks for tools.
    pub text: String,
    /// The tools the model asks for.
    pub calls: Vec<ToolCall>,
    /// Why the model stopped.
    pub finish: Finish,
    /// Tokens read and written, as far as the provider says.
    pub usage: Usage,
    /// The model that answered; empty where the model that was asked did.
    pub model: String,
}

impl ChatReply {
    /// An answer in words.
    pub fn new(text: impl Into<String>, usage: Usage) -> Self {
        Self { text: text.into(), usage, ..Self::default() }
    }

    /// An answer that asks for tools.
    #[must_use]
    pub fn asking(calls: Vec<ToolCall>, usage: Usage) -> Self {
        Self { calls, finish: Finish::ToolCalls, usage, ..Self::default() }
    }

    /// The same where the model stopped for this reason.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        Self { finish, ..self }
    }

    /// The same with tools the model asks for.
    #[must_use]
    pub fn calls(self, calls: Vec<ToolCall>) -> Self {
        Self { calls, ..self }
    }

    /// The same, answered by this model.
    #[must_use]
    pub fn by(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finish {
    /// It had said all.
    #[default]
    Stop,
    /// It reached the most tokens it may write: the answer is cut.
    Length,
    /// It waits for the tools it asked for.
    ToolCalls,
    /// The provider held back what it had to say.
    Filtered,
    /// Something else, or the provider does not say.
    Other,
}

/// Tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}

impl Usage {
    /// Tokens of both.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// What a model costs, in dollars for a million tokens.
///
/// ```
/// use orch_core::model::{Price, Usage};
///
/// let price = Price { input: 0.5, output: 2.0 };
/// assert_eq!(price.of(Usage { input_tokens: 2_000_000, output_tokens: 500_000 }), 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Of the request.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl Price {
    /// What a call cost, in dollars.
    #[must_use]
    pub fn of(self, usage: Usage) -> f64 {
        (usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output) / 1e6
    }
}
