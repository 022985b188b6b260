//! Policies at run time: the state a step keeps between its attempts, and what several steps share.

mod cache;
mod deadline;
mod hedge;
mod limit;
mod retry;

pub use cache::Cache;
pub(crate) use deadline::ByDeadline;
pub use hedge::hedged;
pub use limit::{Limiter, Permit};
pub use retry::{Attempts, Retry, timed_out, timeout};
