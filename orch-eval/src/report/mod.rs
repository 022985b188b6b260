//! What a run found, for people and for programs.

mod github;
mod html;
mod junit;
mod markdown;
pub(crate) mod terminal;

use std::path::Path;

use crate::baseline::write_whole;
use crate::run::RunError;
use crate::secrets::Secrets;
use crate::suite::Report;

impl Report {
    /// Writes the reports into the run's folder, each whole or not at all, and tells GitHub where it asks to be told.
    pub(crate) fn write_files(&self) -> Result<(), RunError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        write(&folder.join("report.json"), &json)?;
        write(&folder.join("report.html"), &self.html())?;
        write(&folder.join("junit.xml"), &self.junit())?;
        write(&folder.join("summary.md"), &self.markdown())?;
        github::tell(self)
    }
}

fn write(path: &Path, text: &str) -> Result<(), RunError> {
    write_whole(path, text.as_bytes())
        .map_err(|error| RunError::new(path, format!("cannot be written: {error}")))
}

/// The first `most` characters of a text without its secrets, and a sign where there are more.
fn cut(text: &str, most: usize) -> String {
    let text = &Secrets::known().redacted(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
