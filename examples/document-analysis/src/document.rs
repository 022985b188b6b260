//! What the workflow is given, and what it gives back.

use crate::entities::Entities;
use crate::kind::Kind;
use crate::validate::Verdict;

/// A document as it came, with its lines and page numbers.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name, for messages.
    pub name: String,
    /// What is written in it.
    pub text: String,
}

/// What is known of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// What it is.
    pub kind: Kind,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// Who and what it names.
    pub entities: Entities,
    /// What it says, in a sentence.
    pub summary: String,
    /// Whether the summary stands on the document.
    pub verdict: Verdict,
    /// How the document begins, in its own words.
    pub opening: String,
}

impl Analysis {
    /// What may be shown in place of the document: the summary, or where that does not hold its beginning.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self.verdict {
            Verdict::Sound => &self.summary,
            Verdict::Unsound { .. } => &self.opening,
        }
    }
}
