//! Data that is larger than memory: read twice, a row at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::rows::Row;
use super::{Case, DataError, Dataset, MAX_LINE, Problem, Split, fnv, jsonl};

/// Problems after which a file is read no further.
const PROBLEMS: usize = 10_000;

/// Cases to measure on, one after the other. The file was read whole once before: it holds no bad row.
#[derive(Debug)]
pub(crate) enum Stream {
    /// JSON lines.
    Lines(Lines),
    /// Other formats are read at once; the number is of those that were given.
    Whole(Vec<Case>, usize),
}

#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    is_split: bool,
    /// Inputs that rows without an id share, by hash, and how many of them have come.
    shared: HashMap<u64, u32>,
}

impl Stream {
    /// Checks the file, and begins to read it. Of JSON lines no more than one row is in memory.
    ///
    /// # Errors
    ///
    /// As for [`Dataset::load`].
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if matches!(extension.as_str(), "csv" | "yml" | "yaml" | "parquet") {
            let data = Dataset::load(path)?;
            let cases: Vec<Case> = data.to_measure().into_iter().cloned().collect();
            return Ok(Self::Whole(cases, 0));
        }
        if std::fs::metadata(path).is_ok_and(|file| !file.is_file()) {
            let what = "is no file, and has to be read twice; write it into one".to_owned();
            return Err(DataError {
                path: path.to_owned(),
                problems: vec![Problem { line: 0, column: 0, what }],
            });
        }
        let (is_split, shared) = check(path)?;
        let file = BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
        Ok(Self::Lines(Lines { path: path.to_owned(), file, line: 0, is_split, shared }))
    }

    /// The next case; `None` after the last.
    ///
    /// # Errors
    ///
    /// When the file was changed after it was checked.
    pub(crate) fn next(&mut self) -> Result<Option<Case>, DataError> {
        match self {
            Self::Whole(cases, given) => {
                *given += 1;
                Ok(cases.get(*given - 1).cloned())
            }
            Self::Lines(lines) => lines.next(),
        }
    }

    /// Begins again, without another check.
    ///
    /// # Errors
    ///
    /// When the file cannot be read from its beginning.
    pub(crate) fn restart(&mut self) -> Result<(), DataError> {
        match self {
            Self::Whole(_, given) => *given = 0,
            Self::Lines(Lines { path, file, line, shared, .. }) => {
                file.rewind().map_err(|error| unreadable(path, &error))?;
                *line = 0;
                shared.values_mut().for_each(|count| *count = 0);
            }
        }
        Ok(())
    }
}

impl Lines {
    fn next(&mut self) -> Result<Option<Case>, DataError> {
        let refused = |problems| DataError { path: self.path.clone(), problems };
        while let Some(bytes) = line(&mut self.file).map_err(|error| unreadable(&self.path, &error))? {
            self.line += 1;
            let Some(row) = jsonl::row(self.line, &bytes).map_err(refused)? else { continue };
            let count = match (&row.id, self.shared.get_mut(&fnv(row.input.as_bytes()))) {
                (None, Some(count)) => {
                    *count += 1;
                    *count
                }
                _ => 1,
            };
            let mut problems = Vec::new();
            let case = row.case(count, &mut problems);
            if !problems.is_empty() {
                return Err(refused(problems));
            }
            if let Some(case) = case.filter(|case| !self.is_split || case.split == Some(Split::Test)) {
                return Ok(Some(case));
            }
        }
        Ok(None)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> DataError {
    let what = format!("cannot be read: {error}");
    DataError { path: path.to_owned(), problems: vec![Problem { line: 0, column: 0, what }] }
}

/// A line; one that is too long is cut off behind what is allowed, so that it is refused.
fn line(file: &mut BufReader<File>) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_LINE as u64 + 2).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Some(bytes))
}

/// Whether rows say what they are for, and the inputs that rows without an id share. Ids are told apart by their 64-bit
/// hashes.
fn check(path: &Path) -> Result<(bool, HashMap<u64, u32>), DataError> {
    let mut file = BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
    let (mut problems, mut without_split, mut is_split) = (Vec::new(), Vec::new(), false);
    let (mut ids, mut inputs): (Vec<(u64, u64)>, Vec<u64>) = (Vec::new(), Vec::new());
    let (mut number, mut rows) = (0, 0_u64);
    while let Some(bytes) = line(&mut file).map_err(|error| unreadable(path, &error))? {
        number += 1;
        let row: Row = match jsonl::row(number, &bytes) {
            Ok(None) => continue,
            Ok(Some(row)) => row,
            Err(mut found) => {
                problems.append(&mut found);
                // What follows a line that is too long is no line; and so many problems are one.
                if bytes.len() > MAX_LINE || problems.len() > PROBLEMS {
                    break;
                }
                continue;
            }
        };
        rows += 1;
        is_split |= row.has_split();
        if row.split.is_none() && (is_split || rows <= 1_000) {
            without_split.push(row.without_split());
        }
        match &row.id {
            Some(id) => ids.push((fnv(id.as_bytes()), row.line)),
            None => inputs.push(fnv(row.input.as_bytes())),
        }
        let _ = row.case(1, &mut problems);
    }
    if is_split {
        problems.append(&mut without_split);
    }
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let what = format!("the id already stands in line {}; give each row its own", pair[0].1);
        problems.push(Problem { line: pair[1].1, column: 1, what });
    }
    if rows == 0 && problems.is_empty() {
        let what = "has no rows; write one JSON object a line: {\"input\": \"..\", \"label\": \"..\"}";
        problems.push(Problem { line: 0, column: 0, what: what.to_owned() });
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(DataError { path: path.to_owned(), problems });
    }
    inputs.sort_unstable();
    let shared = inputs.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| (pair[0], 0)).collect();
    Ok((is_split, shared))
}
