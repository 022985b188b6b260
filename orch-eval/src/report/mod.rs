//! Ways to read a report.

pub(crate) mod terminal;
