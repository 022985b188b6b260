//! A value is found in what a model wrote, or there is an error; a value that is printed with words around it is found again.
//! Templates and chunks hold what they promise for the same texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orch_core::prompt::Template;
use orch_core::retrieve::{Chunker, estimated_tokens};
use orch_core::structured::extract;
use serde_json::Value;

fuzz_target!(|text: &str| {
    if let Ok(found) = extract::<Value>(text) {
        if found.value.is_object() {
            let again = extract::<Value>(&format!("Here: {} there.", found.value))
                .expect("what was printed is found");
            assert_eq!(again.value, found.value);
        }
    }
    if let Ok(template) = Template::parse(text, ["a"]) {
        let _ = template.fill(["{a}"]);
    }
    for chunk in Chunker::markdown(16, 4).chunks(text) {
        assert!(estimated_tokens(&text[chunk.range]) <= 16);
    }
});
