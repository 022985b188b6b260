//! No input makes the macro panic or hang.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orch_fuzz::Macro::FanOut.try_damaged(data));
