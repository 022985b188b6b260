//! The macros and their runtime, from the outside.
#![allow(clippy::unwrap_used, missing_docs)]

mod smoke;
mod ui;
