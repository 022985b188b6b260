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

/// Whether examples are few: routers learn otherwise from few. It is asked once, of all examples: what is trained without
/// some of them to calibrate a router is to learn as the router does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    Few,
    Many,
}

/// So many examples are not few.
const MANY: usize = 3_000;

impl Supply {
    /// That of so many examples.
    pub(super) fn of(examples: usize) -> Self {
        if examples < MANY { Self::Few } else { Self::Many }
    }
}
