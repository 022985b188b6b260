//! Workflows by name, for servers and queues.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::plan::Plan;

/// Workflows that can be run by name, with JSON in and out.
///
/// What the workflows borrow outlives the registry; what they take comes as JSON. Several inputs are a tuple, which
/// JSON writes as an array. This is the one place where a workflow is looked up and boxed: at the edge, where the
/// name comes from outside.
///
/// ```
/// use orch_core::{Result, RunError, Workflows, workflow};
///
/// async fn look_up(shelf: &[&str], index: usize) -> Result<String> {
///     Ok(shelf.get(index).copied().unwrap_or("nothing").to_owned())
/// }
///
/// workflow!(
///     async fn fetch(shelf: &[&str], index: usize) -> Result<String> {
///         let found = look_up(shelf, index).await?;
///         Ok(found)
///     }
/// );
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let shelf = ["tea", "salt"];
/// let shelf = &shelf[..];
/// let workflows = Workflows::new().add(fetch::PLAN, |index| fetch(shelf, index))?;
///
/// let run = workflows.run("fetch", "1").await?;
/// assert_eq!(run.output.unwrap(), r#""salt""#);
///
/// let unknown = workflows.run("fetsh", "1").await.unwrap_err();
/// assert_eq!(unknown.to_string(), "there is no workflow `fetsh`; there is `fetch`");
/// assert_eq!(workflows.plans().map(|plan| plan.name).collect::<Vec<_>>(), ["fetch"]);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Default)]
pub struct Workflows<'a> {
    entries: BTreeMap<&'static str, Entry<'a>>,
}

struct Entry<'a> {
    plan: &'static Plan,
    start: Box<Start<'a>>,
}

/// Reads the input and gives the run; the error is the input's.
type Start<'a> = dyn Fn(&str) -> Result<Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>, serde_json::Error>
    + Send
    + Sync
    + 'a;

/// The output as JSON, or why there is none.
type Outcome = Result<Result<String, Error>, serde_json::Error>;

impl fmt::Debug for Workflows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    /// The workflow's name.
    pub workflow: &'static str,
    /// When the run was asked for.
    pub created_at: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What it gave, as JSON, or why it failed.
    pub output: Result<String, Error>,
}

impl Run {
    /// Whether the workflow gave a value.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.output.is_ok()
    }
}

/// Why a workflow was not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// No workflow has the name.
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// Two workflows have the name.
    Duplicate {
        /// The name.
        name: &'static str,
    },
    /// The input is not what the workflow takes.
    Input {
        /// The workflow.
        workflow: &'static str,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// The output cannot be written as JSON.
    Output {
        /// The workflow.
        workflow: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, known } if known.is_empty() => {
                write!(f, "there is no workflow `{}`; there are none", name.escape_debug())
            }
            Self::Unknown { name, known } => {
                let are = if known.len() == 1 { "is" } else { "are" };
                let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                write!(f, "there is no workflow `{shown}`; there {are} `{}`", known.join("`, `"))
            }
            Self::Duplicate { name } => write!(f, "there are two workflows `{name}`"),
            Self::Input { workflow, source } => write!(f, "the input of `{workflow}`: {source}"),
            Self::Output { workflow, source } => write!(f, "the output of `{workflow}`: {source}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input { source, .. } | Self::Output { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl<'a> Workflows<'a> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a workflow by the name in its plan.
    ///
    /// # Errors
    ///
    /// When there is one of that name.
    pub fn add<I, T, E, F, R>(mut self, plan: &'static Plan, run: R) -> Result<Self, RunError>
    where
        I: DeserializeOwned,
        T: Serialize,
        Error: From<E>,
        F: Future<Output = Result<T, E>> + Send + 'a,
        R: Fn(I) -> F + Send + Sync + 'a,
    {
        let start = move |input: &str| {
            let ended = run(serde_json::from_str(input)?);
            let run: Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> = Box::pin(async move {
                match ended.await {
                    Ok(value) => serde_json::to_string(&value).map(Ok),
                    Err(error) => Ok(Err(error.into())),
                }
            });
            Ok(run)
        };
        let entry = Entry { plan, start: Box::new(start) };
        match self.entries.insert(plan.name, entry) {
            None => Ok(self),
            Some(_) => Err(RunError::Duplicate { name: plan.name }),
        }
    }

    /// Runs the workflow `name` on `input`. A workflow that fails is a run all the same: its
    /// [`output`](Run::output) says why.
    ///
    /// # Errors
    ///
    /// When no workflow has the name, or the input is not what it takes, or the output cannot be written as JSON.
    pub async fn run(&self, name: &str, input: &str) -> Result<Run, RunError> {
        let (created_at, began) = (SystemTime::now(), Instant::now());
        let Some(Entry { plan, start }) = self.entries.get(name) else {
            return Err(RunError::Unknown { name: name.to_owned(), known: self.names().collect() });
        };
        let workflow = plan.name;
        let run = start(input).map_err(|source| RunError::Input { workflow, source })?;
        let output = run.await.map_err(|source| RunError::Output { workflow, source })?;
        Ok(Run { workflow, created_at, duration: began.elapsed(), output })
    }

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.keys().copied()
    }

    /// The plans, in the order of their names.
    pub fn plans(&self) -> impl Iterator<Item = &'static Plan> {
        self.entries.values().map(|entry| entry.plan)
    }
}
