//! Replays a file of labelled cases against a router that looks for the labels' own words: what an evaluation costs
//! when the router costs nothing. `cargo xtask bench-eval` runs it beside other harnesses.

use std::path::PathBuf;

use orch_eval::{Dataset, Gate, Suite};

/// The first label, in alphabetical order, that stands in the input.
struct FirstLabel {
    labels: Vec<String>,
}

impl FirstLabel {
    fn label(&self, input: &str) -> Option<String> {
        let input = input.to_lowercase();
        self.labels.iter().find(|label| input.contains(label.as_str())).cloned()
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(data), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("give a file of cases and a folder for the run".into());
    };
    let labels = Dataset::load(&data)?.labels().into_iter().map(str::to_owned).collect();
    let router = std::sync::Arc::new(FirstLabel { labels });
    let report = Suite::new("local")
        .folder(&folder)
        .runs(folder.join("runs"))
        .data(data)
        .without_snapshot()
        .function(move |input: String| {
            let router = std::sync::Arc::clone(&router);
            async move { orch_core::Ok(Some(router.label(&input).unwrap_or_else(|| "other".to_owned()))) }
        })
        .gate(Gate::accuracy().at_least(0.5))
        .run()?;
    let folder = report.folder.clone().unwrap_or_default();
    let log = std::fs::metadata(folder.join("results.jsonl"))?.len();
    let page = std::fs::metadata(folder.join("report.html"))?.len();
    let (cases, accuracy) = (report.metrics.n, report.metrics.accuracy.value);
    let summary = serde_json::json!({
        "peer": "orch-eval", "version": env!("CARGO_PKG_VERSION"), "cases": cases, "accuracy": accuracy,
        "log_bytes_a_case": log as f64 / cases as f64, "page_bytes": page,
    });
    #[allow(clippy::print_stdout, reason = "it is a program")]
    {
        println!("{summary}");
    }
    Ok(())
}
