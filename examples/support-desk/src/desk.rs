//! What the workflow works on, and what it works with.

use crate::articles::Articles;
use crate::intent::Intent;

/// A message from a customer.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// What the customer wrote.
    pub text: String,
}

/// What the customer gets back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The answer.
    pub text: String,
    /// The help article it stands on, by its title.
    pub source: Option<&'static str>,
    /// Where the ticket went.
    pub intent: Intent,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// Whether a person should read the answer before it is sent.
    pub needs_review: bool,
}

/// The tone of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Nothing out of the ordinary.
    Calm,
    /// Complaints, capitals, exclamation marks.
    Upset,
}

/// The desk, with whatever router and model it uses.
#[derive(Debug)]
pub struct Desk<R, M> {
    /// Decides where a ticket goes.
    pub router: R,
    /// Writes answers from help articles.
    pub model: M,
    /// Help articles.
    pub articles: Articles,
}
