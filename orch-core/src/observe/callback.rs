//! A function called as each step ends.

use std::fmt::{self, Display};

use super::Observer;
use crate::plan::{Plan, Step};

/// How a step ended, as a callback sees it.
#[derive(Clone, Copy)]
pub enum StepEnd<'a> {
    /// It gave its value.
    Completed,
    /// It failed for good.
    Failed(&'a dyn Display),
    /// Its `#[when]` was false.
    Skipped,
}

impl fmt::Debug for StepEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("Completed"),
            Self::Failed(error) => write!(f, "Failed({error})"),
            Self::Skipped => f.write_str("Skipped"),
        }
    }
}

/// An [`Observer`] that calls a function as each step ends.
///
/// ```
/// # use std::sync::Mutex;
/// # use orch_core::{OnStepEnd, Result, workflow};
/// # async fn double(n: u32) -> Result<u32> { Ok(2 * n) }
/// workflow!(
///     async fn twice(n: u32) -> Result<u32> {
///         let once = double(n).await?;
///         let twice = double(once).await?;
///         Ok(twice)
///     }
/// );
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let log = Mutex::new(Vec::new());
/// let observer = OnStepEnd::new(|step, end| log.lock().unwrap().push(format!("{} {end:?}", step.name)));
/// twice::observed(&observer, 3).await?;
/// assert_eq!(*log.lock().unwrap(), ["double Completed", "double Completed"]);
/// # orch_core::Ok(()) }).unwrap();
/// ```
pub struct OnStepEnd<F>(F);

impl<F: Fn(&'static Step, StepEnd<'_>) + Sync> OnStepEnd<F> {
    /// Calls `function` with the step and how it ended.
    pub fn new(function: F) -> Self {
        Self(function)
    }
}

impl<F> fmt::Debug for OnStepEnd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnStepEnd")
    }
}

impl<F: Fn(&'static Step, StepEnd<'_>) + Sync> Observer for OnStepEnd<F> {
    /// The step itself; the run has none.
    type Span = Option<&'static Step>;

    fn begin(&self, _: &'static Plan) -> Self::Span {
        None
    }

    fn enter(&self, _: Self::Span, step: &'static Step) -> Self::Span {
        Some(step)
    }

    fn done(&self, span: Self::Span) {
        if let Some(step) = span {
            (self.0)(step, StepEnd::Completed);
        }
    }

    fn failed(&self, span: Self::Span, error: &dyn Display) {
        if let Some(step) = span {
            (self.0)(step, StepEnd::Failed(error));
        }
    }

    fn skipped(&self, _: Self::Span, step: &'static Step) {
        (self.0)(step, StepEnd::Skipped);
    }
}
