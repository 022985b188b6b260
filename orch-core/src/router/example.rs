//! Labelled inputs.

/// An input and the route it should take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example<R> {
    /// The text.
    pub input: String,
    /// The route; `None` is out of scope.
    pub route: Option<R>,
    /// Kept for calibration: the router is first trained without it.
    pub held_out: bool,
}

impl<R> Example<R> {
    /// An example to train on.
    pub fn new(input: impl Into<String>, route: Option<R>) -> Self {
        Self { input: input.into(), route, held_out: false }
    }
}

/// So many examples are not few: routers learn otherwise from few.
pub(super) const MANY_EXAMPLES: usize = 3_000;
