//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(enterprise_requests::suite::routing(), enterprise_requests::suite::answers());
