//! How good the router must be.

use std::path::Path;

use orch_eval::{Gate, Suite};

use crate::fault::{errors, learn};

/// The routing suite: the errors' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("errors")
        .folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("evals"))
        .data(errors())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.72))
}
