//! `eval`: builds the suites' test targets and runs them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Failure, show};

/// A test target under `evals/`.
struct Target {
    package: String,
    name: String,
    folder: PathBuf,
}

/// How suites are run.
pub(crate) struct How {
    /// Inconclusive fails.
    pub(crate) strict: bool,
    /// One JSON document on standard output.
    pub(crate) json: bool,
    /// What is found becomes the baseline.
    pub(crate) bless: bool,
}

pub(crate) fn run(suite: Option<&str>, package: Option<&str>, how: &How) -> Result<u8, Failure> {
    let How { strict, json, bless } = *how;
    let targets = targets(package)?;
    if targets.is_empty() {
        return Err(Failure::usage(
            "there is no suite here: add a `[[test]]` with `path = \"evals/..\"` and `harness = false` to Cargo.toml",
        ));
    }
    let mut worst = 0;
    let mut documents = Vec::new();
    let mut found = suite.is_none();
    for target in targets {
        let executable = build(&target)?;
        let mut command = Command::new(&executable);
        command.current_dir(&target.folder).env("ORCH_EVAL", "1");
        // Progress goes to the terminal as it is made.
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        // What Cargo sets for a test; snapshots are found by it.
        command.env("CARGO_MANIFEST_DIR", &target.folder);
        for (name, wanted) in [("ORCH_JSON", json), ("ORCH_STRICT", strict), ("ORCH_BLESS", bless)] {
            if wanted {
                command.env(name, "1");
            }
        }
        if let Some(suite) = suite {
            command.env("ORCH_SUITE", suite);
        }
        let output = command
            .output()
            .map_err(|error| Failure::blocked(format!("{}: {error}", executable.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if json {
            if let Ok(Value::Array(reports)) = serde_json::from_str(&text) {
                found |= !reports.is_empty();
                documents.extend(reports);
            }
        } else {
            found |= !text.trim().is_empty();
            show(&text);
        }
        let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(4);
        found |= code != 0;
        worst = weightier(worst, code);
    }
    if !found {
        return Err(Failure::usage(format!("there is no suite called `{}`", suite.unwrap_or_default())));
    }
    if json {
        crate::show_json(&documents)?;
    }
    Ok(worst)
}

/// The exit code that says more: a broken pin, then bad data, a failed gate, no verdict, inconclusive.
fn weightier(a: u8, b: u8) -> u8 {
    let weight = |code: u8| match code {
        0 => 0,
        5 => 1,
        1 => 3,
        2 => 4,
        3 => 5,
        _ => 2,
    };
    if weight(b) > weight(a) { b } else { a }
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Whether there is a package here at all; if not, the user stands in the wrong folder.
pub(crate) fn in_a_package() -> Result<(), Failure> {
    metadata().map(drop)
}

/// Cargo's target folder.
pub(crate) fn target_folder() -> Result<PathBuf, Failure> {
    metadata().map(|metadata| PathBuf::from(text(&metadata, "target_directory")))
}

fn metadata() -> Result<Value, Failure> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| Failure::blocked(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::usage(String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::blocked)
}

fn targets(package: Option<&str>) -> Result<Vec<Target>, Failure> {
    let metadata = metadata()?;
    let mut targets = Vec::new();
    for found in list(&metadata, "packages") {
        let name = text(found, "name");
        if package.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let folder =
            PathBuf::from(text(found, "manifest_path")).parent().map(PathBuf::from).unwrap_or_default();
        for target in list(found, "targets") {
            let is_test = list(target, "kind").iter().any(|kind| kind == "test");
            let source = PathBuf::from(text(target, "src_path"));
            if is_test && source.parent().is_some_and(|parent| parent.ends_with("evals")) {
                targets.push(Target {
                    package: name.clone(),
                    name: text(target, "name"),
                    folder: folder.clone(),
                });
            }
        }
    }
    Ok(targets)
}

/// Builds a test target and gives its executable.
fn build(target: &Target) -> Result<PathBuf, Failure> {
    let output = cargo()
        .args(["test", "--quiet", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(["--package", &target.package, "--test", &target.name])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::blocked(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::blocked(format!("the suite `{}` does not build", target.name)));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| text(message, "reason") == "compiler-artifact")
        .filter(|message| message.get("target").is_some_and(|found| text(found, "name") == target.name))
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .next_back()
        .ok_or_else(|| Failure::blocked(format!("cargo built no executable for `{}`", target.name)))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
