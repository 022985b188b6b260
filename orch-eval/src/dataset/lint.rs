//! What is wrong with data that can be read: duplicates, leakage, conflicts, and the ceiling they imply.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{Case, Dataset, Expected, Split};

/// What a look at the data found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lint {
    /// Rows in all.
    pub rows: usize,
    /// Groups of rows with the same text, case and spacing aside: their lines.
    pub duplicates: Vec<Vec<u64>>,
    /// Rows to measure on whose text also stands in a row to fit on: `(test line, train line)`.
    pub leakage: Vec<(u64, u64)>,
    /// Texts with labels that contradict each other.
    pub conflicts: Vec<Conflict>,
    /// Labels with so few rows to measure on that one case moves their recall by more than a tenth.
    pub thin: Vec<(String, usize)>,
    /// The best accuracy any router can have on the rows to measure on, which conflicts bound.
    pub ceiling: f64,
}

/// One text with several labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The text.
    pub input: String,
    /// The labels and the lines that give them; `null` stands for out of scope.
    pub labels: Vec<(String, u64)>,
}

/// A label needs this many cases before one of them counts for less than a tenth.
const THIN: usize = 10;

impl Dataset {
    /// Looks for what is wrong with the data.
    #[must_use]
    pub fn lint(&self) -> Lint {
        let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        for case in &self.cases {
            groups.entry(fold(&case.input)).or_default().push(case);
        }
        let mut lint = Lint { rows: self.cases.len(), ..Lint::default() };
        let is_measured = |case: &Case| matches!(case.split, Some(Split::Test));
        for group in groups.values().filter(|group| group.len() > 1) {
            lint.duplicates.push(group.iter().map(|case| case.line).collect());
            if let Some(fitted) =
                group.iter().find(|case| matches!(case.split, Some(Split::Train | Split::Val)))
            {
                lint.leakage.extend(
                    group.iter().filter(|case| is_measured(case)).map(|case| (case.line, fitted.line)),
                );
            }
            let distinct: BTreeSet<Vec<String>> = group.iter().map(|case| names(case)).collect();
            if distinct.len() > 1 {
                let labels = group.iter().map(|case| (names(case).join("|"), case.line)).collect();
                lint.conflicts.push(Conflict { input: group[0].input.clone(), labels });
            }
        }
        lint.duplicates.sort();
        lint.leakage.sort_unstable();
        lint.conflicts.sort_by_key(|conflict| conflict.labels[0].1);

        let measured = self.to_measure();
        let mut support: BTreeMap<&str, usize> = BTreeMap::new();
        let mut votes: HashMap<String, HashMap<Vec<String>, usize>> = HashMap::new();
        for case in &measured {
            if let Expected::AnyOf(labels) = &case.expected {
                *support.entry(labels[0].as_str()).or_default() += 1;
            }
            *votes.entry(fold(&case.input)).or_default().entry(names(case)).or_default() += 1;
        }
        lint.thin = support
            .into_iter()
            .filter(|(_, count)| *count < THIN)
            .map(|(label, count)| (label.to_owned(), count))
            .collect();
        // A router gives one answer a text, so of contradicting rows it can satisfy the largest group.
        let best: usize = votes.values().map(|labels| labels.values().max().copied().unwrap_or(0)).sum();
        lint.ceiling = if measured.is_empty() { 1.0 } else { best as f64 / measured.len() as f64 };
        lint
    }
}

/// A text without case and with single spaces.
fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(case: &Case) -> Vec<String> {
    match &case.expected {
        Expected::AnyOf(labels) => {
            let mut labels = labels.clone();
            labels.sort();
            labels
        }
        Expected::OutOfScope => vec!["null".to_owned()],
    }
}
