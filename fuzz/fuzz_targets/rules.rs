//! Rules written by hand are an error by line, or a router that is the same after it was written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orch_core::router::Keyword;

fuzz_target!(|text: &str| {
    let Ok(router) = Keyword::<String>::from_text(text) else { return };
    let written = router.to_text();
    let again = Keyword::<String>::from_text(&written).expect("what was written can be read");
    assert_eq!(again.to_text(), written);
    assert_eq!(router.find(text), again.find(text));
});
