//! Why a suite could not be run.

use std::fmt;
use std::path::PathBuf;

use crate::baseline::BaselineError;
use crate::dataset::DataError;
use crate::run::RunError;

/// Why a suite could not be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum SuiteError {
    /// The data is bad.
    Data(DataError),
    /// The baseline is bad.
    Baseline(BaselineError),
    /// The run's own files cannot be written or read.
    Run(RunError),
    /// The time was up.
    Late {
        /// Cases that were answered, of all epochs.
        answered: usize,
        /// The run's folder.
        folder: PathBuf,
    },
    /// The router could not be made.
    Router(String),
    /// The data names labels that the router does not have.
    UnknownLabels {
        /// The data.
        path: PathBuf,
        /// The labels, and the first line that names each.
        labels: Vec<(String, u64)>,
        /// The router's labels.
        known: Vec<String>,
    },
    /// The data has rows, and none is to measure on.
    NothingToMeasure(PathBuf),
    /// The suite has no data or no router.
    Incomplete(&'static str),
    /// A gate, in words, whose bound is no value that it could meet.
    Bound(String),
    /// A runtime could not be started.
    Runtime(std::io::Error),
    /// Blessing is refused under CI.
    BlessInCi,
    /// Cases without an answer cannot be blessed; so many have none.
    BlessErrors(usize),
    /// This process only had its decisions counted, for [`Gate::instructions_at_most`](crate::Gate::instructions_at_most).
    Counted,
    /// A setting in the environment is wrong.
    Setting {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Baseline(error) => error.fmt(f),
            Self::Run(error) => error.fmt(f),
            Self::Late { answered, folder } => write!(
                f,
                "the time was up after {answered} answers; they are in {}, go on with ORCH_RESUME=1",
                folder.display()
            ),
            Self::Router(error) => write!(f, "what the suite asks could not be made: {error}"),
            Self::UnknownLabels { path, labels, known } => {
                for (label, line) in labels {
                    writeln!(f, "{}:{line}: no route has the label `{label}`", path.display())?;
                }
                write!(
                    f,
                    "the routes are {}; rename the labels, write `null` for what is out of scope, or have routes for them",
                    known.join(", ")
                )
            }
            Self::NothingToMeasure(path) => {
                write!(f, "{}: has no rows to score on: `split` is `test` in none", path.display())
            }
            Self::Incomplete(missing) => write!(f, "the suite has no {missing}; add it with `.{missing}(..)`"),
            Self::Bound(gate) => write!(
                f,
                "the gate `{gate}` says nothing: a share lies from 0 to 1, so write 0.95 for 95 %, and a cost is a number above 0"
            ),
            Self::Runtime(error) => write!(f, "the runtime could not be started: {error}"),
            Self::BlessInCi => {
                f.write_str("ORCH_BLESS is refused under CI: a baseline is a decision, so bless on your own machine and commit it")
            }
            Self::BlessErrors(count) => {
                write!(f, "{count} answers are errors, and a baseline is of answers; see to them, then bless")
            }
            Self::Counted => f.write_str("the decisions were made to be counted, and nothing else was done"),
            Self::Setting { name, value, wanted } => write!(f, "{name} is `{value}`; write {wanted}"),
        }
    }
}

impl std::error::Error for SuiteError {}

impl From<DataError> for SuiteError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<BaselineError> for SuiteError {
    fn from(error: BaselineError) -> Self {
        Self::Baseline(error)
    }
}

impl From<RunError> for SuiteError {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl SuiteError {
    /// The exit code of `cargo orch eval`: 2 where the data or the command line is at fault, 4 where something else
    /// stood in the way.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(_) | Self::Late { .. } | Self::Runtime(_) => 4,
            _ => 2,
        }
    }
}
