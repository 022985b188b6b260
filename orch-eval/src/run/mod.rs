//! A run of a suite: where its files are, and asking the target about each case.

use std::fmt;
use std::path::{Path, PathBuf};

mod ask;
mod diff;
mod log;
mod progress;

pub(crate) use ask::{Asking, Reply, Stopped, answer, case_and_epoch, replay, spend};
pub use diff::{Moved, RunDiff};
pub(crate) use log::{Header, Log};
pub(crate) use progress::Progress;

/// The name of a run's log in its folder.
pub(crate) const LOG: &str = "results.jsonl";
/// The name of the report that is written last.
pub(crate) const REPORT: &str = "report.json";

/// Why a run's files could not be written or read.
#[derive(Debug)]
pub struct RunError {
    /// The file or folder.
    pub path: PathBuf,
    /// The line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl RunError {
    pub(crate) fn new(path: &Path, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, what: what.into() }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for RunError {}

/// Where runs of a suite are: under `orch` in Cargo's target folder.
pub(crate) fn runs_folder(suite: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).or_else(|| {
        let program = std::env::current_exe().ok()?;
        program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).map(Path::to_path_buf)
    });
    target.unwrap_or_else(|| PathBuf::from("target")).join("orch").join(suite)
}

/// Makes the next run's folder. Two processes that do so at once get one each.
pub(crate) fn begin(runs: &Path) -> Result<PathBuf, RunError> {
    let wrong = |error: std::io::Error| RunError::new(runs, format!("cannot be made: {error}"));
    std::fs::create_dir_all(runs).map_err(wrong)?;
    let mut number = numbered(runs).map(|(number, _)| number).max().unwrap_or(0);
    loop {
        number += 1;
        let folder = runs.join(format!("{number:04}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(RunError::new(&folder, format!("cannot be made: {error}"))),
        }
    }
}

/// The program that asks, by its size and time: answers of another are not gone on with.
pub(crate) fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let changed = file.as_ref().ok().and_then(|file| file.modified().ok());
    let changed = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}-{}", file.map_or(0, |file| file.len()), changed.map_or(0, |time| time.as_micros()))
}

/// The latest run's folder, if that run was not finished: its report is written last.
pub(crate) fn unfinished(runs: &Path) -> Option<PathBuf> {
    numbered(runs).max().map(|(_, folder)| folder).filter(|folder| !folder.join(REPORT).exists())
}

/// The folder of the latest finished run of a suite, in the folder that has one for each of its runs.
#[must_use]
pub fn latest_finished(runs: &Path) -> Option<PathBuf> {
    numbered(runs).filter(|(_, folder)| folder.join(REPORT).exists()).max().map(|(_, folder)| folder)
}

/// The number and the folder of each run.
fn numbered(runs: &Path) -> impl Iterator<Item = (u64, PathBuf)> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}
