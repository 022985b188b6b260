//! The law of `workflow!`: whatever the program, its expansion gives the result of the sequential program, in the
//! time of the critical path, with its effects in order, and leaves nothing running.
//!
//! [`model::Program::random`] draws a program from a seed, [`print`](print::source) writes it as a `workflow!`,
//! [`interpret::expect`] says what must come of it, and [`run::paused`] runs it and compares. `cargo xtask law` compiles and
//! checks as many as asked for.

pub mod interpret;
pub mod model;
pub mod print;
pub mod run;
pub mod value;
