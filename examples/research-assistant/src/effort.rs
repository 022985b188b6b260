//! How much a question needs, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// How much a question needs.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effort {
    /// One fact, which stands somewhere.
    #[route(keywords("in which year", "how many", "capital of", "when was"))]
    Lookup,
    /// Two things or more, side by side.
    #[route(keywords("difference between", "compare", "versus", "pros and cons"))]
    Comparison,
    /// Causes, arguments and what follows from them, from several sources.
    #[route(keywords("why have", "what would it take", "investigate", "how have"))]
    Investigation,
    /// No question to look into.
    #[route(default)]
    Other,
}

/// The file of labelled questions.
#[must_use]
pub fn questions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/questions.jsonl")
}

/// The router: what the questions' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the questions cannot be read, or name an effort that is not an [`Effort`].
pub fn learn() -> Result<impl Router<Route = Effort>> {
    let learned = Learned::fit(&Dataset::load(questions())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Effort::Other))
}
