//! The outcomes a suite is compared with: a tab-separated file that diffs well.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;

/// What each case got when the baseline was blessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    got: Option<String>,
    stage: String,
    right: bool,
}

/// Why a baseline cannot be used.
#[derive(Debug)]
pub struct BaselineError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for BaselineError {}

const HEADER: &str = "id\tgot\tstage\tok";
/// What stands for abstaining. A label cannot be it: one that is written so has its backslash doubled.
const ABSTAINED: &str = "\\N";

/// What changed against a baseline, by case id.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Changes {
    /// Cases in both.
    pub compared: usize,
    /// Wrong then, right now.
    pub fixed: Vec<String>,
    /// Right then, wrong now.
    pub broken: Vec<String>,
    /// Cases the baseline does not have.
    pub new: usize,
}

impl Baseline {
    /// What `outcomes` would be as a baseline. Cases that got an error are left out.
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let entries = outcomes
            .iter()
            .filter(|outcome| outcome.error.is_none())
            .map(|outcome| {
                let entry =
                    Entry { got: outcome.got.clone(), stage: outcome.stage.clone(), right: outcome.right };
                (outcome.id.clone(), entry)
            })
            .collect();
        Self { entries }
    }

    /// Reads a baseline; `None` when there is no file.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, BaselineError> {
        let error = |line: usize, what: String| BaselineError { path: path.to_owned(), line, what };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(other) => return Err(error(0, format!("cannot be read: {other}"))),
        };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(error(
                1,
                "is not a baseline: its first line is not `id got stage ok`; bless the suite again"
                    .to_owned(),
            ));
        }
        let mut entries = BTreeMap::new();
        for (index, line) in lines.enumerate() {
            let fields: Vec<String> = line.split('\t').map(unescape).collect();
            let [id, got, stage, ok] = fields.as_slice() else {
                return Err(error(
                    index + 2,
                    format!("has {} fields instead of 4; bless the suite again", fields.len()),
                ));
            };
            let right = match ok.as_str() {
                "1" => true,
                "0" => false,
                other => {
                    return Err(error(
                        index + 2,
                        format!("`ok` is `{other}` instead of 0 or 1; bless the suite again"),
                    ));
                }
            };
            let abstained = line.split('\t').nth(1) == Some(ABSTAINED);
            let entry = Entry { got: (!abstained).then(|| got.clone()), stage: stage.clone(), right };
            if entries.insert(id.clone(), entry).is_some() {
                return Err(error(index + 2, format!("the id `{id}` stands twice; bless the suite again")));
            }
        }
        Ok(Some(Self { entries }))
    }

    /// Writes the baseline: whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> Result<(), BaselineError> {
        let mut text = format!("{HEADER}\n");
        for (id, entry) in &self.entries {
            let got = entry.got.as_deref().map_or_else(|| ABSTAINED.to_owned(), escape);
            let line = [escape(id), got, escape(&entry.stage), u8::from(entry.right).to_string()].join("\t");
            text.push_str(&line);
            text.push('\n');
        }
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| write_whole(path, text.as_bytes()));
        written.map_err(|error| BaselineError {
            path: path.to_owned(),
            line: 0,
            what: format!("cannot be written: {error}"),
        })
    }

    /// What changed since. Cases that got an error are not compared.
    pub(crate) fn compare(&self, outcomes: &[Outcome]) -> Changes {
        let mut changes = Changes::default();
        for outcome in outcomes.iter().filter(|outcome| outcome.error.is_none()) {
            match self.entries.get(&outcome.id) {
                None => changes.new += 1,
                Some(entry) => {
                    changes.compared += 1;
                    match (entry.right, outcome.right) {
                        (false, true) => changes.fixed.push(outcome.id.clone()),
                        (true, false) => changes.broken.push(outcome.id.clone()),
                        _ => {}
                    }
                }
            }
        }
        changes
    }

    /// How many of its cases were right.
    pub(crate) fn right(&self) -> (usize, usize) {
        (self.entries.values().filter(|entry| entry.right).count(), self.entries.len())
    }
}

/// Writes a file so that a reader, or a crash, sees the old one or the new one and nothing between.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any other new file: the umask decides, not the fact that it was a temporary one for a moment.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some(other) => plain.push(other),
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["plain", "a\tb", "line\nbreak\r", "\\N", "\\\\t", ""] {
            assert_eq!(unescape(&escape(text)), text);
            assert!(!escape(text).contains(['\t', '\n']));
        }
    }
}
