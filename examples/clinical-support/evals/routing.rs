//! The router's accuracy as a test.

orch_eval::eval_main!(clinical_support::suite::routing());
