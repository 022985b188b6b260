//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(clinical_support::suite::routing(), clinical_support::suite::answers());
