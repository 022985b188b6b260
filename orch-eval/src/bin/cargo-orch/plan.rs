//! `plan`: asks each workflow for its graph.
//!
//! A workflow is known to the compiler alone, so the compiler is asked: every `workflow!` brings an ignored test
//! that writes its plan, and this runs them.

use std::path::Path;

use serde_json::{Value, json};

use crate::eval::{cargo, in_a_package};
use crate::{Failure, plan_diff, show, show_json};

pub(crate) fn run(
    package: Option<&str>,
    svg: Option<&Path>,
    diff: Option<&Path>,
    as_json: bool,
) -> Result<u8, Failure> {
    in_a_package()?;
    // What is wrong with the file is said before the long build.
    let old = diff.map(read_documents).transpose()?;
    let folder = tempfile::tempdir().map_err(Failure::blocked)?;
    let mut command = cargo();
    command.args(["test", "--quiet", "--tests"]);
    match package {
        Some(package) => command.args(["--package", package]),
        None => command.arg("--workspace"),
    };
    command.args(["--", "--ignored", "orch_plan_"]).env("ORCH_PLAN_DIR", folder.path());
    let output =
        command.output().map_err(|error| Failure::blocked(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::blocked(String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let mut plans: Vec<(String, Value)> = Vec::new();
    for entry in std::fs::read_dir(folder.path()).map_err(Failure::blocked)? {
        let path = entry.map_err(Failure::blocked)?.path();
        let text = std::fs::read_to_string(&path).map_err(Failure::blocked)?;
        let plan: Value = serde_json::from_str(&text).map_err(Failure::blocked)?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        plans.push((name, plan));
    }
    if plans.is_empty() {
        return Err(Failure::usage("there is no `workflow!` here"));
    }
    plans.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(folder) = svg {
        std::fs::create_dir_all(folder).map_err(|error| in_file(folder, &error))?;
        for (name, plan) in &plans {
            let file = folder.join(format!("{name}.svg"));
            let picture = plan.get("svg").and_then(Value::as_str).unwrap_or_default();
            std::fs::write(&file, picture).map_err(|error| in_file(&file, &error))?;
        }
    }
    let documents: Vec<Value> =
        plans.iter().map(|(_, found)| json!({"module": found["module"], "plan": found["plan"]})).collect();
    if let Some(old) = old {
        let new: Vec<plan_diff::Document> =
            serde_json::from_value(Value::Array(documents)).map_err(Failure::blocked)?;
        let changes = plan_diff::changes(&old, &new);
        show(&changes);
        return Ok(u8::from(!changes.is_empty()));
    }
    if as_json {
        show_json(&documents)?;
    } else {
        for (_, plan) in &plans {
            show(&format!("%% {}\n", plan["module"].as_str().unwrap_or_default()));
            show(plan.get("mermaid").and_then(Value::as_str).unwrap_or_default());
            show("\n");
        }
    }
    Ok(0)
}

fn in_file(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {error}", file.display()))
}

fn read_documents(file: &Path) -> Result<Vec<plan_diff::Document>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| in_file(file, &error))?;
    serde_json::from_str(&text).map_err(|error| in_file(file, &error))
}
