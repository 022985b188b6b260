//! Policies at run time: the state a step keeps between its attempts.

mod retry;

pub use retry::Retry;
