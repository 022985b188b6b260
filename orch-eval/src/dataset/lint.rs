//! What is wrong with data that can be read: duplicates, leakage, conflicts, and the ceiling they imply.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{Case, Dataset, Expected, Split, near};

/// What a look at the data found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lint {
    /// Rows in all.
    pub rows: usize,
    /// Groups of rows with the same text, case and spacing aside: their lines.
    pub duplicates: Vec<Vec<u64>>,
    /// Pairs of rows whose texts are nearly the same: their lines, and how much of their letters, three at a time, they
    /// share, from 0.8 to 1.
    pub near_duplicates: Vec<(u64, u64, f64)>,
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
    /// Rows to measure on whose text also stands in a row to fit on: `(test line, train line)`.
    fn leakage(&self) -> Vec<(u64, u64)> {
        let fitted: HashMap<String, u64> = self
            .cases
            .iter()
            // Of several the first is named.
            .rev()
            .filter(|case| matches!(case.split, Some(Split::Train | Split::Val)))
            .map(|case| (fold(&case.input), case.line))
            .collect();
        let measured = self.cases.iter().filter(|case| case.split == Some(Split::Test));
        measured.filter_map(|case| Some((case.line, *fitted.get(&fold(&case.input))?))).collect()
    }

    /// Looks for what is wrong with the data.
    #[must_use]
    pub fn lint(&self) -> Lint {
        let mut lint = self.lint_exact();
        let (texts, lines): (Vec<String>, Vec<u64>) = self
            .cases
            .iter()
            // Of several the first is named.
            .rev()
            .map(|case| (fold(&case.input), case.line))
            .collect::<BTreeMap<String, u64>>()
            .into_iter()
            .unzip();
        lint.near_duplicates = near::pairs(&texts)
            .into_iter()
            .map(|(a, b, alike)| (lines[a].min(lines[b]), lines[a].max(lines[b]), alike))
            .collect();
        lint.near_duplicates.sort_by_key(|(first, second, _)| (*first, *second));
        lint
    }

    /// What is wrong with the data but for what is only nearly the same, which takes longer to find.
    pub(crate) fn lint_exact(&self) -> Lint {
        let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        for case in &self.cases {
            groups.entry(fold(&case.input)).or_default().push(case);
        }
        let mut lint = Lint { rows: self.cases.len(), leakage: self.leakage(), ..Lint::default() };
        for group in groups.values().filter(|group| group.len() > 1) {
            lint.duplicates.push(group.iter().map(|case| case.line).collect());
            // They contradict each other where no one answer is right for all.
            if most_satisfied(group) < group.len() {
                let labels = group.iter().map(|case| (names(case), case.line)).collect();
                lint.conflicts.push(Conflict { input: group[0].input.clone(), labels });
            }
        }
        lint.duplicates.sort();
        lint.conflicts.sort_by_key(|conflict| conflict.labels[0].1);

        let measured = self.to_measure();
        let mut support: BTreeMap<&str, usize> = BTreeMap::new();
        let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        for case in &measured {
            if let Expected::AnyOf(labels) = &case.expected {
                *support.entry(labels[0].as_str()).or_default() += 1;
            }
            groups.entry(fold(&case.input)).or_default().push(case);
        }
        lint.thin = support
            .into_iter()
            .filter(|(_, count)| *count < THIN)
            .map(|(label, count)| (label.to_owned(), count))
            .collect();
        // A router gives one answer a text, so of contradicting rows it can satisfy only some.
        let best: usize = groups.values().map(|group| most_satisfied(group)).sum();
        lint.ceiling = if measured.is_empty() { 1.0 } else { best as f64 / measured.len() as f64 };
        lint
    }
}

/// A text without case and with single spaces.
fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many of some rows with one text the best answer is right for.
fn most_satisfied(group: &[&Case]) -> usize {
    let mut right: HashMap<Option<&str>, usize> = HashMap::new();
    for case in group {
        match &case.expected {
            Expected::OutOfScope => *right.entry(None).or_default() += 1,
            Expected::AnyOf(labels) => {
                let labels: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
                labels.into_iter().for_each(|label| *right.entry(Some(label)).or_default() += 1);
            }
        }
    }
    right.into_values().max().unwrap_or(0)
}

fn names(case: &Case) -> String {
    match &case.expected {
        Expected::AnyOf(labels) => labels.join("|"),
        Expected::OutOfScope => "null".to_owned(),
    }
}
