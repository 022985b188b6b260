//! Routers from data alone: their routes are the labels found in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orch_core::router::{Example, Learned};

use crate::baseline::write_whole;
use crate::dataset::{Case, Dataset, Expected, Split};
use crate::metrics::Metrics;
use crate::outcome::{LearnedTarget, Outcome};
use crate::suite::{SuiteError, ask, routes_without_a_case};

/// Why a router could not be fitted, written or read.
#[derive(Debug)]
pub struct FileError {
    /// The data, or the router's file.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for FileError {}

/// Fits a learned router on the train and val rows of `data`, or on all where it is not split. The val rows, if
/// there are any, calibrate it.
///
/// A row with several labels teaches the first.
///
/// # Errors
///
/// When there is nothing to fit on, or fewer than two labels.
pub fn fit(data: &Dataset) -> Result<Learned<Arc<str>>, FileError> {
    let error = |what: String| FileError { path: data.path.clone(), what };
    let cases = data.to_fit();
    if cases.is_empty() {
        return Err(error("has no rows to fit on: `split` is `test` in all of them".to_owned()));
    }
    let examples: Vec<Example<Arc<str>>> = cases.into_iter().map(example).collect();
    Learned::fit(&examples).map_err(|problem| error(problem.to_string()))
}

fn example(case: &Case) -> Example<Arc<str>> {
    let route = match &case.expected {
        Expected::AnyOf(labels) => labels.first().map(|label| label.as_str().into()),
        Expected::OutOfScope => None,
    };
    Example { input: case.input.clone(), route, held_out: case.split == Some(Split::Val) }
}

/// Scores a router on the test rows of `data`, or on all where it is not split. Also gives the routes no case
/// expects.
///
/// # Errors
///
/// When the data names labels that the router does not have: nothing is scored then.
pub fn score(
    router: &Learned<Arc<str>>,
    data: &Dataset,
) -> Result<(Metrics, Vec<Outcome>, Vec<String>), SuiteError> {
    let cases = data.to_measure();
    let (outcomes, default) = ask(&LearnedTarget(router), data)?;
    let known: Vec<String> = router.routes().iter().map(ToString::to_string).collect();
    let metrics = Metrics::of(&cases, &outcomes, default.as_deref());
    Ok((metrics, outcomes, routes_without_a_case(&cases, &known)))
}

/// Writes a router's file: whole or not at all.
///
/// # Errors
///
/// When it cannot be written.
pub fn save_router(router: &Learned<Arc<str>>, path: &Path) -> Result<(), FileError> {
    write_whole(path, &router.to_bytes())
        .map_err(|error| FileError { path: path.to_owned(), what: format!("cannot be written: {error}") })
}

/// Reads a router's file.
///
/// # Errors
///
/// When it cannot be read, is no router, or is damaged.
pub fn load_router(path: &Path) -> Result<Learned<Arc<str>>, FileError> {
    let error = |what: String| FileError { path: path.to_owned(), what };
    let bytes = std::fs::read(path).map_err(|problem| error(format!("cannot be read: {problem}")))?;
    Learned::from_bytes(&bytes).map_err(|problem| error(problem.to_string()))
}
