//! What a baseline was made of: hashes of the data and of the recordings, in a small file beside the suite.

use std::path::Path;

use crate::baseline::BaselineError;
use crate::files::write_whole;
use crate::replay::hash;

/// What a suite measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    data: String,
    cassettes: String,
}

impl Lock {
    /// Of data with this hash, and the recordings in a folder.
    pub(crate) fn of(data: &str, cassettes: &Path) -> Result<Self, BaselineError> {
        let hash = hash(cassettes).map_err(|error| BaselineError {
            path: cassettes.to_owned(),
            line: 0,
            what: error.to_string(),
        })?;
        let cassettes = hash.map_or_else(|| "none".to_owned(), |hash| format!("{hash:016x}"));
        Ok(Self { data: data.to_owned(), cassettes })
    }

    /// Reads a lock; `None` when there is no file.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, BaselineError> {
        let wrong = |what: String| BaselineError { path: path.to_owned(), line: 0, what };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.map(str::to_owned).ok_or_else(|| wrong(format!("has no `{name}`; bless the suite again")))
        };
        Ok(Some(Self { data: field("data")?, cassettes: field("cassettes")? }))
    }

    /// Writes the lock: whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> Result<(), BaselineError> {
        let Self { data, cassettes } = self;
        let text = format!("# What the baseline was made of.\ndata {data}\ncassettes {cassettes}\n");
        write_whole(path, text.as_bytes()).map_err(|error| BaselineError {
            path: path.to_owned(),
            line: 0,
            what: format!("cannot be written: {error}"),
        })
    }

    /// What is no longer what the baseline was made of, in words.
    pub(crate) fn differs_from(&self, blessed: &Self) -> Option<&'static str> {
        match (self.data == blessed.data, self.cassettes == blessed.cassettes) {
            (true, true) => None,
            (false, true) => Some("the data has changed since the baseline was blessed"),
            (true, false) => Some("the recordings have changed since the baseline was blessed"),
            (false, false) => Some("data and recordings have changed since the baseline was blessed"),
        }
    }
}
