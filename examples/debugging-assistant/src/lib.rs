//! An assistant for errors. A router says what kind of fault a message is about, and each kind has the means it needs:
//! plain code finds where a compiler stopped, an agent with a tool looks an exception up, past cases answer what runs
//! and is wrong. No model is asked where none is needed.

pub mod advice;
pub mod cases;
pub mod fault;
pub mod logic;
pub mod runtime;
pub mod suite;
pub mod syntax;
pub mod workflow;

pub use advice::{Advice, Answer};
pub use fault::Fault;
pub use logic::recall;
pub use workflow::assist;
