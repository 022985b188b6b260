//! The macros and their runtime, from the outside.
#![allow(clippy::unwrap_used, missing_docs)]

mod completion;
mod smoke;
mod ui;
