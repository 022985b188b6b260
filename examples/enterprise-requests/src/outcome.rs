//! What comes of a request.

use crate::category::Category;
use crate::tiers::Ruling;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it was about.
    pub category: Category,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// What was done.
    pub done: Done,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Code did it.
    Automated {
        /// What it did, for whoever asked.
        reply: String,
    },
    /// A person decided.
    Reviewed {
        /// Their tier.
        by: String,
        /// What they decided.
        ruling: Ruling,
    },
    /// Nobody has decided yet.
    Open {
        /// The tiers that were asked, and why each has not answered.
        asked: Vec<String>,
    },
}
