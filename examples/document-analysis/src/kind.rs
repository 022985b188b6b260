//! What a document can be, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// What a document is.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Asks for money for something that was delivered, or gives some back.
    #[route(keywords("invoice no", "credit note", "rechnung nr", "amount due"))]
    Invoice,
    /// Two parties promise each other something.
    #[route(keywords("hereby agree", "licensor", "either party"))]
    Contract,
    /// Says what was found, measured or done.
    #[route(keywords("findings", "measurements", "year in figures"))]
    Report,
    /// One person writes to another.
    #[route(keywords("dear sir", "best wishes", "kind regards", "yours sincerely"))]
    Letter,
    /// Says who met, what was talked about and what was decided.
    #[route(keywords("agenda", "apologies from", "participants", "the meeting closed"))]
    Minutes,
    /// Anything else.
    #[route(default)]
    Other,
}

/// The file of labelled documents.
#[must_use]
pub fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/documents.jsonl")
}

/// The router: what the documents' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the documents cannot be read, or name a kind that is not a [`Kind`].
pub fn learn() -> Result<impl Router<Route = Kind>> {
    let learned = Learned::fit(&Dataset::load(documents())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Kind::Other))
}
