//! The router's accuracy as a test.

orch_eval::eval_main!(enterprise_requests::suite::routing());
