//! The report's page, in a real browser.

use std::path::Path;
use std::process::Command;

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::{Gate, Suite};

use crate::tickets;

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Desk {
    Billing,
    Technical,
    #[route(default)]
    Other,
}

/// Words first, then what was learned; wrong here and there.
fn desk() -> Result<impl Router<Route = Desk>> {
    let words = Keyword::new([(Desk::Technical, "error")])?;
    let examples = [
        ("charged twice", Desk::Billing),
        ("refund please", Desk::Billing),
        ("the app crashes", Desk::Technical),
        ("the screen stays black", Desk::Technical),
    ]
    .map(|(input, route)| orch_core::router::Example::new(input, Some(route)));
    let learned = Learned::fit(&examples)?;
    Ok(Cascade::first("words", words, 0.0).then("learned", learned, 0.5).otherwise(Desk::Other))
}

/// Every ticket as a test, with words in it that must stay words.
fn data() -> String {
    let mut text = tickets().replace("\"train\"", "\"test\"");
    for n in 0..150 {
        let row = serde_json::json!({
            "id": format!("x{n}"), "label": if n % 3 == 0 { "billing" } else { "technical" },
            "input": format!("<img src=x onerror=alert({n})> </script> \u{202e}charged {n}\u{202c} 🧾 error {}", "long ".repeat(n)),
            "split": "test", "tags": ["hostile", if n % 2 == 0 { "even" } else { "odd" }],
        });
        text.push_str(&format!("{row}\n"));
    }
    text
}

#[test]
fn a_browser_reads_filters_and_explores_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.jsonl");
    std::fs::write(&path, data()).unwrap();
    let suite = || {
        Suite::new("desk")
            .folder(folder.path().join("evals"))
            .runs(folder.path().join("runs"))
            .data(&path)
            .without_snapshot()
            .attribution()
            .try_router(desk)
            .gate(Gate::accuracy().at_least(0.5))
            .gate(Gate::no_regression().tolerate(0.01))
    };
    let report = suite().run().unwrap();
    let without: Vec<_> = report.attribution.iter().map(|worth| worth.accuracy_without).collect();
    assert!(without.len() > 1 && without.iter().any(Option::is_some), "{:?}", report.attribution);
    let told = report.outcomes.iter().find(|outcome| outcome.stage == "learned").unwrap();
    assert_eq!(told.passed.as_deref(), Some("words: abstained"));
    let page = report.folder.unwrap().join("report.html");
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/page");
    if !tools.join("node_modules/playwright-core").exists()
        || Command::new("chromium").arg("--version").output().is_err()
    {
        assert!(std::env::var_os("CI").is_none(), "no browser is installed; run `cargo xtask tools`");
        eprintln!("skipped: no browser is installed; run `cargo xtask tools`");
        return;
    }
    let output = Command::new("node").arg(tools.join("check.mjs")).arg(&page).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
