//! The router's accuracy as a test.

orch_eval::eval_main!(event_chain::suite::routing());
