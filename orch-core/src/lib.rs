//! Typed AI workflows the compiler checks.
//!
//! Four macros and a derive compile an orchestration into the async Rust an expert would have written:
//! [`pipeline!`], [`route!`], [`fan_out!`], [`workflow!`] and [`derive@Route`].

pub mod fan_out;
pub mod pipeline;
pub mod plan;
pub mod route;
pub mod router;
#[doc(hidden)]
pub mod workflow;

mod error;
mod macros;
mod observe;
mod one_of;
mod policy;

#[doc(hidden)]
pub mod __private;

pub use error::{Error, Kind, Ok, Result};
pub use observe::{Decided, Observer, Record, Recorder, Status};
pub use orch_macros::Route;
pub use router::Route;
