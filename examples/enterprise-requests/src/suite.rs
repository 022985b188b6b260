//! How good the router must be.

use std::path::Path;

use orch_eval::{Gate, Suite};

use crate::category::{learn, requests};

/// The routing suite: the requests' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("requests")
        .folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("evals"))
        .data(requests())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.55))
}
