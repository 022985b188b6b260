//! What went wrong in a workflow, and where.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The result of a step or a workflow.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a workflow failed: the kind, the step it happened in, and the error that step gave.
///
/// Any error of a step becomes one with `?`. Like other errors that accept all others, it does not itself
/// implement [`std::error::Error`]; turn it into one with [`Error::into_std`].
///
/// ```
/// use orch_core::{Error, Kind};
///
/// let error = Error::from("12 apples".parse::<u32>().unwrap_err());
/// assert_eq!(error.kind(), Kind::Step);
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    path: String,
    attempts: u32,
    elapsed: Option<Duration>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    message: Option<String>,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A step gave an error of its own; [`Error::source`] has it.
    Step,
    /// A step took longer than its `#[timeout]`.
    Timeout,
    /// A workflow, or one around it, had not ended by its `#[deadline]`.
    Deadline,
    /// A loop went past its `#[max]`.
    LoopBound,
    /// A router's file, examples or settings do not make sense.
    Router,
    /// A [`Budget`](crate::Budget) has not enough left.
    Budget,
    /// A guard refused an input or an output.
    Guard,
    /// Said with [`Error::message`].
    Message,
}

/// `Ok` of a [`Result`] with orch's error, where nothing else says which error is meant.
///
/// ```
/// # use orch_core::pipeline;
/// let chain = pipeline!(|n: u32| async move { orch_core::Ok(n + 1) });
/// # let _ = chain.run(1);
/// ```
#[allow(non_snake_case, clippy::missing_errors_doc, reason = "it stands where the variant would")]
pub fn Ok<T>(value: T) -> Result<T> {
    Result::Ok(value)
}

impl Error {
    /// An error that is only a sentence.
    #[must_use]
    pub fn message(message: impl Into<String>) -> Self {
        Self::with(Kind::Message, message.into())
    }

    pub(crate) fn with(kind: Kind, message: String) -> Self {
        Self::new(kind, None, Some(message))
    }

    fn new(kind: Kind, source: Option<Box<dyn StdError + Send + Sync>>, message: Option<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            path: String::new(),
            attempts: 0,
            elapsed: None,
            retry_after: None,
            source,
            message,
        }))
    }

    /// An error of another kind than a step's own, with its source.
    pub(crate) fn of_kind(kind: Kind, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(kind, Some(Box::new(source)), None)
    }

    pub(crate) fn timeout(limit: Duration) -> Self {
        Self::with(Kind::Timeout, format!("timed out after {limit:?}"))
    }

    pub(crate) fn deadline() -> Self {
        Self::with(Kind::Deadline, "the deadline has passed".to_owned())
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether it is not of the model, tool or router it came through, but says that the run must end: a guard, a budget or a
    /// deadline refused.
    pub(crate) fn ends_a_run(&self) -> bool {
        matches!(self.kind(), Kind::Guard | Kind::Budget | Kind::Deadline)
    }

    /// The names of the steps that led to the one that failed, outermost first, joined by `/`. Empty when the
    /// error has not passed through a step.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// How often the failing step was tried; 0 when the error has not passed through a step.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time from the beginning of the failing step's first attempt to its failure, where the step has a policy
    /// that keeps time: a backoff or a `total`. A [`Recorder`](crate::Recorder) has it for every step.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// How long to wait before trying again, where whoever refused has said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The same error, with the advice to try again after `wait`. `#[retry]` takes it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use orch_core::Error;
    ///
    /// let error = Error::message("429 Too Many Requests").try_again_after(Duration::from_secs(2));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    /// ```
    #[must_use]
    pub fn try_again_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The step's own error.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The step's own error, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.source.as_deref().and_then(|source| source.downcast_ref())
    }

    /// The same error for code that asks for [`std::error::Error`].
    #[must_use]
    pub fn into_std(self) -> Box<dyn StdError + Send + Sync> {
        Box::new(Std(self))
    }

    /// Adds the step an error came through.
    pub(crate) fn at(mut self, name: &str, attempts: u32, elapsed: Option<Duration>) -> Self {
        if self.0.path.is_empty() {
            self.0.path.push_str(name);
        } else {
            self.0.path.insert(0, '/');
            self.0.path.insert_str(0, name);
        }
        if self.0.attempts == 0 {
            self.0.attempts = attempts;
            self.0.elapsed = elapsed;
        }
        self
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        let (kind, wait) = inherited(&source);
        let mut error = Self::new(kind, Some(Box::new(source)), None);
        error.0.retry_after = wait;
        error
    }
}

/// What an error that carries one of ours is besides a step's own: a refusal of a guard or a budget stays one.
#[cfg(feature = "agents")]
fn inherited(source: &(dyn StdError + 'static)) -> (Kind, Option<Duration>) {
    of_model(source).map_or((Kind::Step, None), |inner| (inner.kind(), inner.retry_after()))
}

/// What the model of an agent or a planner failed with.
#[cfg(feature = "agents")]
pub(crate) fn of_model<'a>(source: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    use crate::agent::{AgentError, AgentErrorKind, PlanError, PlanErrorKind};
    if let Some(AgentError { kind: AgentErrorKind::Model(inner), .. }) = source.downcast_ref() {
        return Some(inner);
    }
    match &source.downcast_ref::<PlanError>()?.kind {
        PlanErrorKind::Model(inner) | PlanErrorKind::Refused(inner) => Some(inner),
        _ => None,
    }
}

#[cfg(not(feature = "agents"))]
fn inherited(_: &(dyn StdError + 'static)) -> (Kind, Option<Duration>) {
    (Kind::Step, None)
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        error.into_std()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, attempts, source, message, .. } = &*self.0;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        match (message, source) {
            (Some(message), _) => f.write_str(message)?,
            (None, Some(source)) => write!(f, "{source}")?,
            (None, None) => f.write_str("failed")?,
        }
        if *attempts > 1 {
            write!(f, " ({attempts} attempts)")?;
        }
        fmt::Result::Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.0.source.as_deref().and_then(|source| source.source());
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        fmt::Result::Ok(())
    }
}

struct Std(Error);

impl fmt::Display for Std {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Std {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl StdError for Std {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.0.source.as_deref().map(|source| source as _)
    }
}
