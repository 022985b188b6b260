//! Everything expansions name. Not for people: no promise is made about any of it.

#[cfg(feature = "agents")]
pub use {schemars, serde};

pub use orch_macros::{fan_out, pipeline, route, workflow};

pub use crate::event::handler as event_handler;
pub use crate::fan_out::{Both, Branch, FanOut, FanOutMap, Fill, FillWith, all};
pub use crate::observe::streamed;
pub use crate::one_of::{OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8};
pub use crate::pipeline::Pipeline;
pub use crate::policy::{
    AskAfter, AskAny, Asked, Attempts, Retry, bounded, collected, hedged, timed_out, timeout,
};
pub use crate::route::{ChosenAny, Scrutinee};
pub use crate::strands::{Handover, Loans, Progress, Slot, strands};
pub use crate::workflow::{
    Cx, DescribeAny, DescribeDisplay, Description, Fallible, Fault, Leave, LocateAny, ObserverRef, Rounds,
    as_is, fault, observed, write_plan,
};

/// The future of anything that can be awaited.
pub fn future<F: std::future::IntoFuture>(awaited: F) -> F::IntoFuture {
    awaited.into_future()
}

/// A value that is never `Copy`, so that an `async` block that takes it owns it, while it borrows all else.
#[derive(Debug)]
pub struct Held<T>(T);

impl<T> Held<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn into_value(self) -> T {
        self.0
    }
}

/// Two handlers of an event at the same time.
pub async fn both_events(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    futures_util::future::join(first, second).await;
}

/// Calls a stage. The value comes first, so that the closure's argument has its type.
pub fn call<I, T>(value: I, stage: impl FnOnce(I) -> T) -> T {
    stage(value)
}

/// Whether an error is worth another attempt.
pub fn decide<E>(error: &E, when: impl FnOnce(&E) -> bool) -> bool {
    when(error)
}
