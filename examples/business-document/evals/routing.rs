//! The router's accuracy as a test.

orch_eval::eval_main!(business_document::suite::routing());
