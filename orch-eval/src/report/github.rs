//! What GitHub's runner is told: a summary of the step, and annotations on lines of the data.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::cut;
use crate::gate::Ruling;
use crate::run::RunError;
use crate::suite::Report;

/// Annotations of one step that GitHub shows.
const ANNOTATIONS: usize = 10;
/// Bytes of a summary that GitHub takes, with room for other steps' words.
const SUMMARY: usize = 1_000_000;

/// Appends the summary and prints the annotations, where the environment says that a runner listens.
pub(super) fn tell(report: &Report) -> Result<(), RunError> {
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        let path = Path::new(&path);
        let wrong = |error: std::io::Error| RunError::new(path, format!("cannot be written: {error}"));
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(wrong)?;
        let text = report.markdown();
        let text = &text[..text.floor_char_boundary(SUMMARY)];
        file.write_all(text.as_bytes()).map_err(wrong)?;
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // On standard error: the runner reads both, and standard output may be a document.
        let _ = std::io::stderr().write_all(report.annotations().as_bytes());
    }
    Ok(())
}

impl Report {
    /// Workflow commands for GitHub's runner: what each gate that does not hold says, and each case that broke, on its
    /// line of the data; ten at most.
    #[must_use]
    pub fn annotations(&self) -> String {
        let gates = self.judgements.iter().filter(|it| it.ruling != Ruling::Pass).map(|judgement| {
            let level = if judgement.ruling == Ruling::Inconclusive { "warning" } else { "error" };
            let words = format!("{}: {}: {}", self.suite, judgement.gate, judgement.reason);
            format!("::{level}::{}\n", data(&words))
        });
        let broken = self.changes.iter().flat_map(|changes| &changes.broken);
        let cases = broken.filter_map(|id| {
            let index = self.cases.iter().position(|case| case.id == *id)?;
            let (case, outcome) = (&self.cases[index], &self.outcomes[index]);
            let words = format!(
                "broken: {:?} is {}, and got {}",
                cut(&case.input, 80),
                case.expected.first().unwrap_or("out of scope"),
                outcome.got.as_deref().unwrap_or("nothing")
            );
            let file = property(&in_repository(&self.data.path).display().to_string());
            Some(format!("::error file={file},line={}::{}\n", case.line, data(&words)))
        });
        gates.chain(cases).take(ANNOTATIONS).collect()
    }
}

/// A path as the runner knows it: from the repository's root.
fn in_repository(path: &Path) -> PathBuf {
    let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let inside = root.zip(std::path::absolute(path).ok());
    let inside = inside.and_then(|(root, path)| Some(path.strip_prefix(root).ok()?.to_owned()));
    inside.unwrap_or_else(|| path.to_owned())
}

/// A command's message, as the runner wants it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
