//! Rows as formats give them, and the checks all formats share.

use std::collections::HashMap;

use super::{Case, Expected, Problem, Split, fnv};

/// A row as a format gives it, before the checks all formats share.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) id: Option<String>,
    pub(super) input: String,
    /// `None` is out of scope.
    pub(super) labels: Option<Vec<String>>,
    pub(super) tags: Vec<String>,
    pub(super) pin: bool,
    pub(super) split: Option<String>,
    pub(super) cluster: Option<String>,
    /// Where each field stands, for problems with it.
    pub(super) input_column: u64,
    pub(super) label_column: u64,
    pub(super) split_column: u64,
    pub(super) id_column: u64,
}

/// Rows to cases.
pub(super) fn cases(rows: Vec<Row>, problems: &mut Vec<Problem>) -> Vec<Case> {
    let is_split = rows.iter().any(Row::has_split);
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut hashed: HashMap<u64, u32> = HashMap::new();
    let mut cases = Vec::with_capacity(rows.len());
    for row in rows {
        if is_split && row.split.is_none() {
            problems.push(row.without_split());
        }
        if let Some(first) = row.id.as_ref().and_then(|id| lines.get(id)) {
            problems.push(row.doubled(*first));
        }
        let count = match row.id {
            Some(_) => 0,
            None => {
                let count = hashed.entry(fnv(row.input.as_bytes())).or_default();
                *count += 1;
                *count
            }
        };
        if let Some(case) = row.case(count, problems) {
            lines.insert(case.id.clone(), case.line);
            cases.push(case);
        }
    }
    cases
}

impl Row {
    /// Whether the row says what it is for.
    pub(super) fn has_split(&self) -> bool {
        self.split_of().is_some()
    }

    fn split_of(&self) -> Option<Split> {
        match self.split.as_deref()? {
            "train" => Some(Split::Train),
            "val" | "validation" | "dev" => Some(Split::Val),
            "test" => Some(Split::Test),
            _ => None,
        }
    }

    fn problem(&self, column: u64, what: impl Into<String>) -> Problem {
        Problem { line: self.line, column, what: what.into() }
    }

    /// The problem of a row that does not say what it is for where others do.
    pub(super) fn without_split(&self) -> Problem {
        self.problem(self.split_column, "other rows have a `split`, and this one has none")
    }

    /// The problem of a row whose id another one has.
    pub(super) fn doubled(&self, first: u64) -> Problem {
        let id = self.id.as_deref().unwrap_or_default();
        let what = format!("the id `{id}` already stands in line {first}; give each row its own");
        self.problem(self.id_column, what)
    }

    /// The case of a row. `count` is which of the rows without an id and with the same input this is, from 1.
    pub(super) fn case(mut self, count: u32, problems: &mut Vec<Problem>) -> Option<Case> {
        for label in self.labels.iter_mut().flatten() {
            *label = label.trim().to_owned();
        }
        let names = self.labels.iter().flatten().chain(&self.tags).chain(&self.id);
        if names.into_iter().any(|name| name.contains(char::is_control)) {
            let what = "a label, a tag or the id has a line break or another control character; take it out";
            problems.push(self.problem(self.label_column, what));
        }
        let split = self.split_of();
        if let (Some(other), None) = (self.split.as_deref(), split) {
            let what = format!("`split` is `{other}`; write `train`, `val` or `test`");
            problems.push(self.problem(self.split_column, what));
        }
        if self.input.trim().is_empty() {
            problems.push(self.problem(self.input_column, "`input` is empty; write the text to route"));
        }
        let expected = match self.labels {
            None => Expected::OutOfScope,
            Some(ref labels) if labels.is_empty() => {
                let what = "`label` is an empty list; write `null` for out of scope";
                problems.push(self.problem(self.label_column, what));
                return None;
            }
            Some(ref labels) => {
                if labels.iter().any(|label| label.trim().is_empty()) {
                    let what = "`label` is empty; write `null` for out of scope";
                    problems.push(self.problem(self.label_column, what));
                }
                Expected::AnyOf(labels.clone())
            }
        };
        let id = self.id.unwrap_or_else(|| {
            // Stable when rows are added or moved, so that a baseline keeps its meaning.
            let hash = fnv(self.input.as_bytes());
            if count == 1 { format!("{hash:016x}") } else { format!("{hash:016x}-{count}") }
        });
        Some(Case {
            id,
            input: self.input,
            expected,
            tags: self.tags,
            pin: self.pin,
            split,
            cluster: self.cluster,
            line: self.line,
        })
    }
}
