//! Typed AI workflows the compiler checks.
//!
//! Four macros and a derive compile an orchestration into the async Rust an expert would have written:
//!
//! | | pattern | gives |
//! |---|---|---|
//! | [`pipeline!`] | a chain of stages | a [`Pipeline`] you `run` |
//! | [`route!`] | one of several arms | a future |
//! | [`fan_out!`] | several futures at the same time | a [`FanOut`] or [`FanOutMap`] you await |
//! | [`workflow!`] | a named graph of steps | an `async fn` and its [`plan`] |
//! | [`derive@Route`] | the closed set of routes | labels, descriptions, keywords, examples |
//!
//! Which route an input takes is decided by a router: see [`router`].

#[cfg(feature = "agents")]
pub mod agent;
pub mod event;
pub mod guard;
pub mod memory;
pub mod model;
pub mod plan;
pub mod prompt;
pub mod retrieve;
pub mod router;
#[cfg(feature = "agents")]
pub mod structured;
#[cfg(feature = "agents")]
pub mod tool;
pub mod vote;

mod aligned;
mod error;
mod fan_out;
mod macros;
mod observe;
mod one_of;
mod pipeline;
mod policy;
#[cfg(feature = "json")]
mod registry;
mod route;
mod simd;
mod strands;
mod workflow;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, Kind, Ok, Result};
pub use event::Event;
pub use fan_out::{FanOut, FanOutMap, FirstOf, FirstSome, Kept, Partial, Quorum};
#[cfg(feature = "tracing")]
pub use observe::Tracing;
pub use observe::{
    Change, Decided, Ended, Events, Observer, OnStepEnd, Record, Recorder, Status, StepEnd, StepEvent,
    Streamed, WorkflowEvent,
};
#[cfg(feature = "agents")]
pub use orch_macros::tool;
pub use orch_macros::{Event, Route};
pub use pipeline::Pipeline;
pub use policy::{
    Budget, BudgetExceeded, BudgetLimit, Cache, Limiter, Limits, Permit, Reservation, RetryAfter, Spending,
    Token,
};
#[cfg(feature = "json")]
pub use registry::{Run, RunError, Workflows};
pub use router::Route;
