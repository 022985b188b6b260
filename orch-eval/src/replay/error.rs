//! What can go wrong with recordings.

use std::fmt;
use std::path::PathBuf;

/// Why there is no recorded answer, or why one could not be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum CassetteError {
    /// A file cannot be read or written, or a line of it is no recording.
    File {
        /// The file or folder.
        path: PathBuf,
        /// The line, from 1; 0 is the file as a whole.
        line: usize,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Nothing was recorded for the request, and asking is not allowed.
    Miss {
        /// The case that asked; empty outside a suite.
        case: String,
        /// The model or tool.
        kind: String,
        /// In what the request differs from the nearest recording, or that there is none.
        why: String,
    },
    /// The exchange holds a secret, so it was not kept.
    Secret {
        /// The case that asked; empty outside a suite.
        case: String,
        /// The model or tool.
        kind: String,
        /// Where it stands: `request`, `reply` or `error`, and the field.
        place: String,
        /// What kind of secret it looks like. Its text is not here.
        secret: &'static str,
    },
    /// The budget for asking is spent.
    Budget {
        /// What was spent of what was allowed, in words.
        what: String,
    },
    /// A setting in the environment is wrong.
    Setting(String),
}

impl fmt::Display for CassetteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |case: &str| if case.is_empty() { String::new() } else { format!("case {case}: ") };
        match self {
            Self::File { path, line: 0, what } => write!(f, "{}: {what}", path.display()),
            Self::File { path, line, what } => write!(f, "{}:{line}: {what}", path.display()),
            Self::Miss { case, kind, why } => write!(
                f,
                "{}nothing is recorded for this request to {kind}: {why}; record it with ORCH_RECORD=missing",
                of(case)
            ),
            Self::Secret { case, kind, place, secret } => write!(
                f,
                "{}the exchange with {kind} is not kept: its {place} holds what looks like a secret ({secret}); take it out of what is sent",
                of(case)
            ),
            Self::Budget { what } => write!(f, "the budget is spent: {what}"),
            Self::Setting(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for CassetteError {}
