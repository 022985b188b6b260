//! `diff` and `report`: what runs left.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use orch_eval::{RunDiff, latest_finished};
use serde_json::Value;

use crate::{Failure, say, show, show_json};

/// Cases that are listed.
const SHOWN: usize = 20;

pub(crate) fn diff(before: &Path, after: &Path, json: bool) -> Result<u8, Failure> {
    let diff = RunDiff::of(before, after).map_err(Failure::usage)?;
    if json {
        return show_json(&diff).map(|()| 0);
    }
    let RunDiff { suite, changes, paired, moved } = &diff;
    let mut out = format!(
        "{suite}: {} cases compared, {} fixed, {} broken, net {:+.3}, p = {:.3}; a change below {:.3} goes unseen\n",
        changes.compared,
        changes.fixed.len(),
        changes.broken.len(),
        paired.net,
        paired.p,
        paired.detectable
    );
    let name = |label: &Option<String>| label.clone().unwrap_or_else(|| "abstained".to_owned());
    for it in moved.iter().take(SHOWN) {
        let turn = match it.right {
            (false, true) => "fixed",
            (true, false) => "broken",
            (true, true) => "right both times",
            (false, false) => "wrong both times",
        };
        let _ = writeln!(out, "  {}: {} -> {} ({turn})", it.id, name(&it.before), name(&it.after));
    }
    if moved.len() > SHOWN {
        let _ = writeln!(out, "  and {} more with another answer", moved.len() - SHOWN);
    }
    if changes.new + changes.gone + changes.relabelled > 0 {
        let _ = writeln!(
            out,
            "{} cases are new, {} are gone or without an answer, {} have another label",
            changes.new, changes.gone, changes.relabelled
        );
    }
    show(&out);
    Ok(0)
}

/// Says where the latest report of each suite is, and what it says.
pub(crate) fn report(suite: Option<&str>, json: bool) -> Result<u8, Failure> {
    let runs = crate::eval::target_folder()?.join("orch");
    let mut found: Vec<(String, PathBuf, Value)> = Vec::new();
    for entry in std::fs::read_dir(&runs).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if suite.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let Some(latest) = latest_finished(&entry.path()) else { continue };
        let file = latest.join("report.json");
        match std::fs::read_to_string(&file).map(|text| serde_json::from_str(&text)) {
            Ok(Ok(report)) => found.push((name, latest.join("report.html"), report)),
            _ => say(&format!("{}: cannot be read as a report", file.display())),
        }
    }
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "no run has left a report in {}; run `cargo orch eval`",
            runs.display()
        )));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    if json {
        let reports: Vec<&Value> = found.iter().map(|(_, _, report)| report).collect();
        return show_json(&reports).map(|()| 0);
    }
    for (name, page, report) in found {
        let verdict = report["verdict"].as_str().unwrap_or_default().replace('_', " ");
        let accuracy = report["metrics"]["accuracy"]["value"].as_f64().unwrap_or(0.0);
        show(&format!("{name}: {verdict}, accuracy {accuracy:.3}, {}\n", page.display()));
    }
    Ok(0)
}
