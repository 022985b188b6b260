//! Everything expansions name. Not for people: no promise is made about any of it.

pub use orch_macros::{fan_out, pipeline, route, workflow};

pub use crate::fan_out::{Both, Branch, FanOut, FanOutMap, Fill, FillWith, all};
pub use crate::one_of::{OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8};
pub use crate::pipeline::Pipeline;
pub use crate::policy::Retry;
pub use crate::route::{ChosenAny, Scrutinee};
pub use crate::workflow::{
    Cx, DescribeAny, DescribeDisplay, Description, Fallible, Fault, Leave, LocateAny, ObserverRef, Progress, Rounds,
    Slot, strands, write_plan,
};

/// The future of anything that can be awaited.
pub fn future<F: std::future::IntoFuture>(awaited: F) -> F::IntoFuture {
    awaited.into_future()
}
