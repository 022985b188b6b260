//! Labelled data: what goes in, and which routes are right.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Example, Label};

mod csv;
mod fields;
mod jsonl;
pub(crate) mod lint;
mod near;
#[cfg(feature = "parquet")]
mod parquet;
mod rasa;
mod rows;
mod stream;

/// One labelled input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What tells the case from others, in baselines and reports. Where the data gives none, a hash of the input.
    pub id: String,
    /// The text to route.
    pub input: String,
    /// What is right.
    pub expected: Expected,
    /// Free words to slice the results by.
    pub tags: Vec<String>,
    /// Whether this case must never break.
    pub pin: bool,
    /// `train`, `val` or `test`.
    pub split: Option<Split>,
    /// Cases of one cluster are not independent: paraphrases, or turns of one conversation.
    pub cluster: Option<String>,
    /// The line in the file, from 1.
    pub line: u64,
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any of these labels is right. There is at least one.
    AnyOf(Vec<String>),
    /// No route is right: abstaining, or taking the default route, is.
    OutOfScope,
}

impl Expected {
    /// The first right label; `None` when it is out of scope.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        match self {
            Self::AnyOf(labels) => labels.first().map(String::as_str),
            Self::OutOfScope => None,
        }
    }
}

/// What a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// To fit on.
    Train,
    /// To calibrate and choose on.
    Val,
    /// To measure on, and for nothing else.
    Test,
}

/// A file of labelled data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// Why a file of labelled data was refused: every bad row of it.
#[derive(Debug)]
pub struct DataError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, by line.
    pub problems: Vec<Problem>,
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 is the file as a whole.
    pub line: u64,
    /// The column, from 1, in bytes.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Problems that are written out.
const SHOWN: usize = 100;

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, column, what }) in self.problems.iter().take(SHOWN).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.path.display())?;
            if *line > 0 {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {what}")?;
        }
        match self.problems.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, "\nand {more} problems more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for DataError {}

use rows::Row;
pub(crate) use stream::Stream;

/// The longest line that is read, in bytes: a longer one is a mistake or an attack.
const MAX_LINE: usize = 1 << 20;

impl Dataset {
    /// Reads a file: `.csv` with a header, `.yml` and `.yaml` as Rasa's training data, `.parquet` with the
    /// feature of that name, anything else as JSON lines.
    ///
    /// # Errors
    ///
    /// Every bad row at once, with its line and column. Nothing of a file with a bad row is used.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let whole = |what: String| DataError {
            path: path.to_owned(),
            problems: vec![Problem { line: 0, column: 0, what }],
        };
        let mut problems = Vec::new();
        let read = || std::fs::read(path).map_err(|error| whole(format!("cannot be read: {error}")));
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let rows = match extension.as_str() {
            #[cfg(feature = "parquet")]
            "parquet" => parquet::rows(path, &mut problems),
            #[cfg(not(feature = "parquet"))]
            "parquet" => {
                return Err(whole(
                    "needs the feature `parquet` of orch-eval, which this build lacks".to_owned(),
                ));
            }
            "csv" => csv::rows(&read()?, &mut problems),
            "yml" | "yaml" => rasa::rows(&read()?, &mut problems),
            _ => jsonl::rows(&read()?, &mut problems),
        };
        let cases = rows::cases(rows, &mut problems);
        if cases.is_empty() && problems.is_empty() {
            return Err(whole(
                "has no rows; write one JSON object a line: {\"input\": \"..\", \"label\": \"..\"}"
                    .to_owned(),
            ));
        }
        if problems.is_empty() {
            Ok(Self { path: path.to_owned(), cases })
        } else {
            problems.sort_by_key(|problem| (problem.line, problem.column));
            Err(DataError { path: path.to_owned(), problems })
        }
    }

    /// The cases to measure on: the test split, or all where the data is not split.
    #[must_use]
    pub fn to_measure(&self) -> Vec<&Case> {
        let split = self.cases.iter().any(|case| case.split.is_some());
        self.cases.iter().filter(|case| !split || case.split == Some(Split::Test)).collect()
    }

    /// The cases to fit on: those of train and val, or all where the data is not split.
    #[must_use]
    pub fn to_fit(&self) -> Vec<&Case> {
        let split = self.cases.iter().any(|case| case.split.is_some());
        self.cases
            .iter()
            .filter(|case| !split || matches!(case.split, Some(Split::Train | Split::Val)))
            .collect()
    }

    /// The cases [to fit on](Dataset::to_fit), as `cargo orch fit` fits a router on them: those for validation are
    /// [held out](Example::held_out). Of several right labels the first counts.
    ///
    /// # Errors
    ///
    /// When a label is none of the routes; each such case is named.
    ///
    /// ```
    /// use orch_core::Route;
    /// use orch_core::router::Learned;
    /// use orch_eval::Dataset;
    ///
    /// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
    /// enum Intent {
    ///     Billing,
    ///     #[route(default)]
    ///     Other,
    /// }
    /// # let folder = std::env::temp_dir().join(format!("orch-examples-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let file = folder.join("data.jsonl");
    /// # std::fs::write(&file, "{\"input\": \"where is my refund\", \"label\": \"billing\"}\n")?;
    /// let examples = Dataset::load(&file)?.examples::<Intent>()?;
    /// assert_eq!(examples[0].route, Some(Intent::Billing));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn examples<R: Label>(&self) -> Result<Vec<Example<R>>, DataError> {
        let mut problems = Vec::new();
        let mut examples = Vec::new();
        for case in self.to_fit() {
            let route = match &case.expected {
                Expected::OutOfScope => None,
                Expected::AnyOf(labels) => {
                    let route = R::from_label(&labels[0]);
                    if route.is_none() {
                        let what = format!("`{}` is no route", labels[0]);
                        problems.push(Problem { line: case.line, column: 1, what });
                    }
                    route
                }
            };
            let held_out = case.split == Some(Split::Val);
            examples.push(Example { held_out, ..Example::new(case.input.clone(), route) });
        }
        if problems.is_empty() { Ok(examples) } else { Err(DataError { path: self.path.clone(), problems }) }
    }

    /// What tells the data from other data: a hash of its rows' ids, inputs and labels.
    #[must_use]
    pub fn hash(&self) -> String {
        hash_of(&self.cases)
    }

    /// The labels in the data, sorted.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<&str> {
        labels_of(self.cases.iter())
    }
}

/// What tells these cases from others.
pub(crate) fn hash_of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> String {
    let mut hash = 0;
    for case in cases {
        let row = format!("{hash:016x}\0{}\0{}\0{:?}", case.id, case.input, case.expected);
        hash = fnv(row.as_bytes());
    }
    format!("{hash:016x}")
}

/// The labels some cases expect, sorted.
pub(crate) fn labels_of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> BTreeSet<&'a str> {
    cases
        .into_iter()
        .flat_map(|case| match &case.expected {
            Expected::AnyOf(labels) => labels.as_slice(),
            Expected::OutOfScope => &[],
        })
        .map(String::as_str)
        .collect()
}

/// 64-bit FNV-1a (Fowler, Noll, Vo).
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
