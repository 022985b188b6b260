//! The router's accuracy as a test.

orch_eval::eval_main!(support_desk::suite::support());
