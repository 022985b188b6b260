//! What happens to an upload, and who does something about it.

use orch_core::Event;

use crate::archive::Archive;
use crate::facts::Facts;
use crate::handlers::{classified, classify, extract, found, report, search, store};
use crate::paper::Paper;

/// What has happened to an upload. One that nobody handled would not compile.
#[derive(Event, Debug)]
#[event(context = Archive)]
pub enum Step {
    /// A file came in.
    #[on(extract)]
    Uploaded {
        /// Its name.
        name: String,
        /// What is in it.
        file: String,
    },
    /// Its text is there; two handlers take it on at the same time.
    #[on(classify, search)]
    Extracted {
        /// The file's name.
        name: String,
        /// The text.
        text: String,
    },
    /// It is known what it is.
    #[on(classified)]
    Classified {
        /// The file's name.
        name: String,
        /// What it is.
        paper: Paper,
    },
    /// Its dates and sums are known.
    #[on(found)]
    Found {
        /// The file's name.
        name: String,
        /// Dates and sums.
        facts: Facts,
    },
    /// Both are known, and put in a line.
    #[on(store)]
    Summarised {
        /// The file's name.
        name: String,
        /// What it is.
        paper: Paper,
        /// The line.
        summary: String,
    },
    /// It is in the archive.
    #[on(report)]
    Stored {
        /// The file's name.
        name: String,
    },
}

impl Step {
    /// The name of the file it is about.
    #[must_use]
    pub fn file(&self) -> &str {
        match self {
            Self::Uploaded { name, .. }
            | Self::Extracted { name, .. }
            | Self::Classified { name, .. }
            | Self::Found { name, .. }
            | Self::Summarised { name, .. }
            | Self::Stored { name } => name,
        }
    }
}
