//! The router's accuracy as a test.

orch_eval::eval_main!(research_assistant::suite::routing());
