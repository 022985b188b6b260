//! How good the router must be.

use orch_eval::{Gate, Perturbation, Suite, eval_main};

eval_main!(
    Suite::new("routing")
        .data("evals/data/routing.jsonl")
        .try_router({crate}::router)
        .attribution()
        // With a baseline and a snapshot, made by `cargo orch bless`, take this line out and the next gate in.
        .without_snapshot()
        // .gate(Gate::no_regression().tolerate(0.01))
        .gate(Gate::accuracy().at_least(0.8))
        .gate(Gate::pinned())
        .robust_to(Perturbation::Capitals, 0.02)
);
