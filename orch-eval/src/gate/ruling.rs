//! What can come of a gate.

use serde::Serialize;

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The gate, in words.
    pub gate: String,
    /// What it rules.
    pub ruling: Ruling,
    /// Why.
    pub reason: String,
}

/// What can come of a gate, or of a suite. Later ones outweigh earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It holds.
    Pass,
    /// The data cannot tell.
    Inconclusive,
    /// Something other than the target's answers stood in the way.
    NoVerdict,
    /// It does not hold.
    Fail,
    /// A case that must never break did.
    PinnedBroke,
}

impl Ruling {
    /// The exit code of `cargo orch eval`. With `strict`, inconclusive is a failure too.
    #[must_use]
    pub fn exit_code(self, strict: bool) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Inconclusive => {
                if strict {
                    5
                } else {
                    0
                }
            }
            Self::Fail => 1,
            Self::PinnedBroke => 3,
            Self::NoVerdict => 4,
        }
    }

    /// The ruling in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::NoVerdict => "no verdict",
            Self::Fail => "fail",
            Self::PinnedBroke => "pinned case broke",
        }
    }
}
