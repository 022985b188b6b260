//! What a run found, for people and for programs.

mod github;
mod html;
mod junit;
mod markdown;
pub(crate) mod terminal;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::dataset::Expected;
use crate::files::write_whole;
use crate::run::{REPORT, RunError};
use crate::suite::Report;
use orch_core::guard::Secrets;

impl Report {
    /// Writes the reports into the run's folder, each whole or not at all, and tells GitHub where it asks to be told.
    pub(crate) fn write_files(&self) -> Result<(), RunError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        write(&folder.join("report.html"), &self.html())?;
        write(&folder.join("junit.xml"), &self.junit())?;
        write(&folder.join("summary.md"), &self.markdown())?;
        if !self.robustness.is_empty() {
            write(&folder.join("counterexamples.jsonl"), &self.counterexamples())?;
        }
        github::tell(self)?;
        // Its being there says that the run is finished.
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        write(&folder.join(REPORT), &json)
    }

    /// Cases that are wrong when they are written otherwise, as rows for the data.
    fn counterexamples(&self) -> String {
        let expected: HashMap<&str, &Expected> =
            self.cases.iter().map(|case| (case.id.as_str(), &case.expected)).collect();
        let mut rows = String::new();
        // Written otherwise, a secret is no longer known as one.
        let secret: HashSet<&str> = self
            .cases
            .iter()
            .filter(|case| Secrets::known().find(&case.input).is_some())
            .map(|case| case.id.as_str())
            .collect();
        for it in &self.robustness {
            for broken in it.broken.iter().filter(|broken| !secret.contains(broken.id.as_str())) {
                let label = match expected.get(broken.id.as_str()) {
                    Some(Expected::AnyOf(labels)) => serde_json::json!(labels),
                    _ => serde_json::Value::Null,
                };
                let row =
                    serde_json::json!({ "input": broken.input, "label": label, "tags": [it.perturbation] });
                rows.push_str(&row.to_string());
                rows.push('\n');
            }
        }
        rows
    }
}

fn write(path: &Path, text: &str) -> Result<(), RunError> {
    write_whole(path, text.as_bytes())
        .map_err(|error| RunError::new(path, format!("cannot be written: {error}")))
}

/// The first `most` characters of a text without its secrets, and a sign where there are more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = &Secrets::known().redacted(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
