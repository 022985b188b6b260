//! That the data and the router speak of the same routes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::SuiteError;
use crate::dataset::{Case, labels_of};

/// The labels that cases expect, and the first line of each that is not known.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    expected: BTreeSet<String>,
    unknown: BTreeMap<String, u64>,
}

impl Labels {
    /// Notes what a case expects, against the labels that are known.
    pub(crate) fn add(&mut self, case: &Case, known: &[String]) {
        let labels = labels_of([case]);
        let is_known =
            labels.is_empty() || labels.iter().any(|label| known.iter().any(|known| known == label));
        for label in labels {
            if !self.expected.contains(label) {
                self.expected.insert(label.to_owned());
            }
            if !is_known {
                self.unknown.entry(label.to_owned()).or_insert(case.line);
            }
        }
    }

    /// Gives the known labels that no case expects.
    ///
    /// # Errors
    ///
    /// When a case expects only labels that are not known.
    pub(crate) fn check(self, path: &Path, known: &[String]) -> Result<Vec<String>, SuiteError> {
        if self.unknown.is_empty() {
            return Ok(known.iter().filter(|route| !self.expected.contains(*route)).cloned().collect());
        }
        let labels = self.unknown.into_iter().collect();
        Err(SuiteError::UnknownLabels { path: path.to_owned(), labels, known: known.to_vec() })
    }
}
