//! The runtime half of `pipeline!`.

use std::fmt;
use std::future::Future;

use crate::plan::Plan;

/// A chain of stages: the output of each is the input of the next, and the first error ends it.
///
/// Made by [`pipeline!`](crate::pipeline).
#[derive(Clone, Copy)]
pub struct Pipeline<F> {
    chain: F,
    plan: &'static Plan,
}

impl<F> Pipeline<F> {
    #[doc(hidden)]
    pub fn new<I, T>(chain: F, plan: &'static Plan) -> Self
    where
        F: Fn(I) -> T,
        T: Future,
    {
        Self { chain, plan }
    }

    /// Runs the chain on `input`.
    pub fn run<I, T>(&self, input: I) -> T
    where
        F: Fn(I) -> T,
        T: Future,
    {
        (self.chain)(input)
    }

    /// The chain's graph.
    #[must_use]
    pub fn plan(&self) -> &'static Plan {
        self.plan
    }
}

impl<F> fmt::Debug for Pipeline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("plan", self.plan).finish_non_exhaustive()
    }
}
