//! The router's accuracy, and that of the answers, as tests.

orch_eval::eval_main!(support_desk::suite::support(), support_desk::suite::answers());
