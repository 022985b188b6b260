//! How good the router must be.

use orch_eval::{Gate, Perturbation, Suite, eval_main};

eval_main!(
    Suite::new("routing")
        .data("evals/data/routing.jsonl")
        .try_router({crate}::router)
        .attribution()
        // To compare with what it does now: take the next line out and the gate after it in, then run `cargo orch bless`.
        .without_snapshot()
        // .gate(Gate::no_regression().tolerate(0.01))
        .gate(Gate::accuracy().at_least(0.8))
        .gate(Gate::pinned())
        .robust_to(Perturbation::Capitals, 0.02)
);
