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

/// How the labels of data and the routes of a router that was fitted to other data meet.
#[derive(Debug, Default)]
pub(crate) struct Meeting {
    /// Known labels that no case expects.
    pub(crate) without_a_case: Vec<String>,
    /// Labels that are not known, and the first line of each.
    pub(crate) unknown: Vec<(String, u64)>,
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
        if self.unknown.is_empty() { Ok(self.without_a_case(known)) } else { Err(self.refused(path, known)) }
    }

    /// The same against the labels of a router that was fitted to data: what that had no row of, other data may have.
    ///
    /// # Errors
    ///
    /// When cases expect labels, and none of them is known: these are not the router's data.
    pub(crate) fn meet(self, path: &Path, known: &[String]) -> Result<Meeting, SuiteError> {
        let is_known = |label: &String| known.contains(label);
        if !self.expected.is_empty() && !self.expected.iter().any(is_known) {
            return Err(self.refused(path, known));
        }
        let without_a_case = self.without_a_case(known);
        Ok(Meeting { without_a_case, unknown: self.unknown.into_iter().collect() })
    }

    fn without_a_case(&self, known: &[String]) -> Vec<String> {
        known.iter().filter(|route| !self.expected.contains(*route)).cloned().collect()
    }

    fn refused(self, path: &Path, known: &[String]) -> SuiteError {
        let labels = self.unknown.into_iter().collect();
        SuiteError::UnknownLabels { path: path.to_owned(), labels, known: known.to_vec() }
    }
}
