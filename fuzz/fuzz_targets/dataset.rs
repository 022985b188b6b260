//! A dataset that is wrong is an error with its lines; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orch_eval::Dataset;

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    let ending = [".jsonl", ".csv", ".yml"][usize::from(*kind) % 3];
    let Ok(file) = tempfile::Builder::new().suffix(ending).tempfile() else { return };
    if std::fs::write(file.path(), text).is_err() {
        return;
    }
    match Dataset::load(file.path()) {
        Ok(dataset) => drop(dataset.lint()),
        Err(error) => drop(error.to_string()),
    }
});
