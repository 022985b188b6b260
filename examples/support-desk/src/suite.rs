//! How good the router must be.

use std::path::Path;

use orch_eval::{Gate, Suite};

use crate::intent::{Intent, learn, tickets};

/// The routing suite: the tickets' test split, and what must hold on it.
pub fn support() -> Suite {
    Suite::new("support")
        .folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("evals"))
        .data(tickets())
        .try_router(learn)
        .gate(Gate::pinned())
        .gate(Gate::no_regression().tolerate(0.01))
        .gate(Gate::accuracy().at_least(0.80))
        .gate(Gate::recall_of(Intent::Billing).at_least(0.85))
}
