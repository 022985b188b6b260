//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(document_analysis::suite::routing(), document_analysis::suite::answers());
