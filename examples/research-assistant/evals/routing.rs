//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(research_assistant::suite::routing(), research_assistant::suite::answers());
