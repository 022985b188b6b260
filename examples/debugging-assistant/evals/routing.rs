//! The router's accuracy as a test.

orch_eval::eval_main!(debugging_assistant::suite::routing());
