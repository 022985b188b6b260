//! Datasets, suites and the command line, from the outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "tests"
)]

mod command;
mod datasets;
#[cfg(feature = "embed")]
mod encoders;
mod improve;
#[cfg(feature = "embed")]
mod kinds;
mod page;
mod replay;
mod runs;
#[cfg(feature = "serve")]
mod serve;
mod statistics;
mod suites;

use std::path::PathBuf;

/// Writes a file into a fresh folder, which lives as long as the guard.
fn file(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// Tickets of two routes and out of scope, split into train and test.
fn tickets() -> String {
    let rows = [
        ("I was charged twice", Some("billing")),
        ("refund the second charge please", Some("billing")),
        ("there is an error on my invoice", Some("billing")),
        ("my card was charged again", Some("billing")),
        ("the invoice shows the wrong amount", Some("billing")),
        ("the app crashes on start", Some("technical")),
        ("the screen of the app stays black", Some("technical")),
        ("it crashes every day", Some("technical")),
        ("the app shows an error and closes", Some("technical")),
        ("the app freezes on the first screen", Some("technical")),
        ("nice weather today", None),
        ("tell me a joke", None),
        ("who won the game last night", None),
        ("hello, how are you", None),
    ];
    let tests = [
        ("why was my card charged twice", Some("billing")),
        ("wrong amount on the invoice", Some("billing")),
        ("the app crashes again", Some("technical")),
        ("black screen in the app", Some("technical")),
        ("tell me about the weather", None),
    ];
    let mut text = String::new();
    for (split, rows) in [("train", &rows[..]), ("test", &tests[..])] {
        for (index, (input, label)) in rows.iter().enumerate() {
            let row = serde_json::json!({"id": format!("{split}-{index}"), "input": input, "label": label, "split": split});
            text.push_str(&format!("{row}\n"));
        }
    }
    text
}
