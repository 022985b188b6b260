//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(business_document::suite::routing(), business_document::suite::answers());
