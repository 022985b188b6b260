//! Policies at run time: the state a step keeps between its attempts, and what several steps share.

mod budget;
mod cache;
mod deadline;
mod hedge;
mod limit;
mod retry;
mod stream;

pub use budget::{Budget, BudgetExceeded, BudgetLimit, Limits, Reservation, Spending};
pub use cache::Cache;
pub(crate) use deadline::ByDeadline;
pub use deadline::bounded;
pub use hedge::hedged;
pub use limit::{Limiter, Permit};
pub use retry::{AskAfter, AskAny, Asked, Attempts, Retry, RetryAfter, timed_out, timeout};
pub use stream::{Token, collected};
