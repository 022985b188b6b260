//! What can go wrong with a model.

use std::fmt;
use std::path::PathBuf;

/// Why a model could not be loaded or used.
#[derive(Debug)]
pub struct EmbedError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub what: String,
}

impl EmbedError {
    pub(crate) fn new(path: impl Into<PathBuf>, what: impl fmt::Display) -> Self {
        Self { path: path.into(), what: what.to_string() }
    }
}

impl fmt::Display for EmbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for EmbedError {}
