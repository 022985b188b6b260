//! How good the router must be.

use std::path::Path;

use orch_eval::{Gate, Suite};

use crate::effort::{learn, questions};

/// The routing suite: the questions' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("questions")
        .folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("evals"))
        .data(questions())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.55))
}
