//! What handlers work with: the router, what is known so far, and what is stored.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::facts::Facts;
use crate::paper::{Paper, PaperRouter};

/// The archive.
pub struct Archive {
    pub(crate) router: PaperRouter,
    /// What is known of files that are on their way.
    known: Mutex<HashMap<String, Known>>,
    stored: Mutex<Vec<Stored>>,
    log: Mutex<Vec<String>>,
}

/// What is known of a file. Which of the two comes first, nobody can say.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) paper: Option<Paper>,
    pub(crate) facts: Option<Facts>,
}

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// What it is.
    pub paper: Paper,
    /// What there is to say of it, in a line.
    pub summary: String,
}

impl Archive {
    /// An empty archive with a router.
    #[must_use]
    pub fn new(router: PaperRouter) -> Self {
        Self { router, known: Mutex::default(), stored: Mutex::default(), log: Mutex::default() }
    }

    /// What is stored, in the order in which it was.
    #[must_use]
    pub fn stored(&self) -> Vec<Stored> {
        lock(&self.stored).clone()
    }

    /// What was reported, in order.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }

    /// Keeps what a handler found out. Gives both halves as soon as both are there, and forgets them.
    pub(crate) fn learn(&self, name: &str, change: impl FnOnce(&mut Known)) -> Option<(Paper, Facts)> {
        let mut known = lock(&self.known);
        let mut file = known.remove(name).unwrap_or_default();
        change(&mut file);
        match file {
            Known { paper: Some(paper), facts: Some(facts) } => Some((paper, facts)),
            half => {
                known.insert(name.to_owned(), half);
                None
            }
        }
    }

    pub(crate) fn store(&self, file: Stored) {
        lock(&self.stored).push(file);
    }

    pub(crate) fn note(&self, line: String) {
        lock(&self.log).push(line);
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("stored", &self.stored).finish_non_exhaustive()
    }
}

/// Whoever panicked while holding it left whole entries.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
