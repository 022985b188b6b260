//! Tokens to syntax. Total: whatever the input, there is a result and a list of errors.

pub(crate) mod doc;
pub(crate) mod fan_out;
pub(crate) mod input;
pub(crate) mod jumps;
pub(crate) mod policy;
pub(crate) mod repair;
pub(crate) mod tool;
