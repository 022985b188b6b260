//! The outcomes a suite is compared with: a tab-separated file that diffs well.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::files::write_whole;
use crate::outcome::Outcome;

/// What each case got when the baseline was blessed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Baseline {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    got: Option<String>,
    stage: String,
    /// How often it was right, from 0 to 1.
    right: f64,
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
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Changes {
    /// Cases in both.
    pub compared: usize,
    /// Wrong then, right now; of a noisy target, right more often than not.
    pub fixed: Vec<String>,
    /// Right then, wrong now.
    pub broken: Vec<String>,
    /// Cases the baseline does not have.
    pub new: usize,
    /// Cases that only the baseline has.
    pub gone: usize,
    /// Cases with the same answer as before that is now right, or wrong: their labels have changed, and not the target.
    /// They are not compared.
    pub relabelled: usize,
    /// By how much each case compared is right more often, from -1 to 1.
    #[serde(skip)]
    pub differences: Vec<(String, f64)>,
}

impl Changes {
    /// Counts a case with what it got before and now, and how often that was right.
    pub(crate) fn compare(&mut self, id: &str, before: (Option<&str>, f64), now: (Option<&str>, f64)) {
        let difference = now.1 - before.1;
        // Certain both times, and only the label can have turned it around.
        if difference.abs() >= 1.0 && now.0 == before.0 {
            self.relabelled += 1;
        } else {
            self.count(id, difference);
        }
    }

    /// Counts a case.
    pub(crate) fn count(&mut self, id: &str, difference: f64) {
        self.compared += 1;
        if difference >= 0.5 {
            self.fixed.push(id.to_owned());
        } else if difference <= -0.5 {
            self.broken.push(id.to_owned());
        }
        self.differences.push((id.to_owned(), difference));
    }
}

impl Baseline {
    /// What `outcomes` would be as a baseline. Cases that got an error are left out.
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let entries = outcomes
            .iter()
            .filter(|outcome| outcome.error.is_none())
            .map(|outcome| {
                let (got, stage) = (outcome.got.clone(), outcome.stage.to_string());
                (outcome.id.clone(), Entry { got, stage, right: outcome.share_right })
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
            let right = ok.parse().ok().filter(|right| (0.0..=1.0).contains(right)).ok_or_else(|| {
                error(index + 2, format!("`ok` is `{ok}` instead of 0, 1 or between; bless the suite again"))
            })?;
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
            let line = [escape(id), got, escape(&entry.stage), entry.right.to_string()].join("\t");
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
                    let before = (entry.got.as_deref(), entry.right);
                    changes.compare(&outcome.id, before, (outcome.got.as_deref(), outcome.share_right));
                }
            }
        }
        let known = outcomes.iter().filter(|outcome| self.entries.contains_key(&outcome.id)).count();
        changes.gone = self.entries.len() - known;
        changes
    }

    /// How many cases it has.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The share of right answers.
    pub(crate) fn accuracy(&self) -> f64 {
        let right: f64 = self.entries.values().map(|entry| entry.right).sum();
        right / self.entries.len().max(1) as f64
    }

    /// The error for a baseline that was asked for and is not there.
    pub(crate) fn missing(path: &Path) -> BaselineError {
        let what = "is not there; ORCH_BASELINE names it".to_owned();
        BaselineError { path: path.to_owned(), line: 0, what }
    }

    /// The error for a baseline that has none of the cases.
    pub(crate) fn of_other_data(path: &Path) -> BaselineError {
        let what = "has none of these cases, so it is of other data; bless the suite again".to_owned();
        BaselineError { path: path.to_owned(), line: 0, what }
    }
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
