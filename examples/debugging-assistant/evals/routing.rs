//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(debugging_assistant::suite::routing(), debugging_assistant::suite::answers());
