//! The router's accuracy as a test.

orch_eval::eval_main!(document_analysis::suite::routing());
