//! What kind of fault a message can be about, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// The kind of fault a message is about.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A compiler, type checker or parser refuses the program; nothing has run.
    #[route(keywords("parse error", "unexpected token", "unterminated", "missing semicolon"))]
    Syntax,
    /// The program ran and stopped, or something in it was refused while it ran.
    #[route(keywords("exception", "segmentation fault", "stack overflow", "panicked at"))]
    Runtime,
    /// The program runs to its end and does the wrong thing.
    #[route(keywords("off by one", "wrong result", "no error but", "instead of the"))]
    Logic,
    /// No fault in a program.
    #[route(default)]
    Other,
}

/// The file of labelled messages.
#[must_use]
pub fn errors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/errors.jsonl")
}

/// The router: what the messages' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the messages cannot be read, or name a kind that is not a [`Fault`].
pub fn learn() -> Result<impl Router<Route = Fault>> {
    let learned = Learned::fit(&Dataset::load(errors())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Fault::Other))
}
