//! That the data and the router speak of the same routes.

use std::path::Path;

use super::SuiteError;
use crate::dataset::{Case, labels_of};

/// Checks that some label each case expects is known.
pub(super) fn check(path: &Path, cases: &[&Case], known: &[String]) -> Result<(), SuiteError> {
    let knows = |case: &Case| {
        labels_of([case]).is_empty()
            || labels_of([case]).iter().any(|label| known.iter().any(|known| known == label))
    };
    let mut unknown: Vec<(String, u64)> = Vec::new();
    for case in cases.iter().filter(|case| !knows(case)) {
        for label in labels_of([*case]) {
            if !unknown.iter().any(|(found, _)| found == label) {
                unknown.push((label.to_owned(), case.line));
            }
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort();
    Err(SuiteError::UnknownLabels { path: path.to_owned(), labels: unknown, known: known.to_vec() })
}
