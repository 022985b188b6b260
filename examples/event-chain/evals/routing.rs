//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(event_chain::suite::routing(), event_chain::suite::answers());
