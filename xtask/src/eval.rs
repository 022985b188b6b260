//! What an evaluation costs: ours and other harnesses on the same cases, each in a process of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::tools::python;
use crate::{Failure, cargo, root, run, say, tools_folder};

/// Cases of the comparison, and of the run that shows that memory does not grow.
const CASES: usize = 10_000;
const MANY: usize = 1_000_000;

/// Words that are labels, and words around them.
const LABELS: [&str; 20] = [
    "account", "address", "billing", "color", "contract", "coupon", "delivery", "gift", "invoice", "login",
    "password", "payment", "pickup", "refund", "repair", "shipping", "size", "stock", "upgrade", "warranty",
];
const AROUND: [&str; 16] = [
    "please", "can", "you", "tell", "me", "about", "the", "status", "of", "my", "and", "i", "need", "help",
    "since", "week",
];

/// Runs each on the same cases and prints CPU seconds and memory side by side. Peers that cannot be installed are named.
pub(crate) fn bench() -> Result<(), Failure> {
    let work = tools_folder().join("bench-eval");
    std::fs::create_dir_all(&work).map_err(|error| error.to_string())?;
    let cases = work.join("cases.jsonl");
    write(&cases, CASES)?;
    run(cargo().args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "orch-eval",
        "--example",
        "replay_local",
    ]))?;
    run(cargo().args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "orch-eval",
        "--all-features",
        "--bins",
    ]))?;
    say(&format!("{CASES} cases, each harness with its usual reports:"));
    say(&format!("{:28} {:>8} {:>8} {:>10} {:>9}", "", "CPU-s", "MiB", "kB written", "accuracy"));
    let ours = root().join("target/release/examples/replay_local");
    row("orch-eval", Command::new(ours).arg(&cases), &work.join("orch"))?;
    let peers = root().join("xtask/eval-peers");
    for (name, script) in [
        ("pydantic-evals", "pydantic_evals_peer.py"),
        ("deepeval", "deepeval_peer.py"),
        ("inspect-ai", "inspect_ai_peer.py"),
    ] {
        let pinned = std::fs::read_to_string(peers.join(format!("requirements-{name}.txt")));
        let pinned = pinned.map_err(|error| error.to_string())?;
        let packages: Vec<&str> = pinned.split_whitespace().collect();
        match python(name, &packages) {
            Ok(python) => {
                row(name, Command::new(python).arg(peers.join(script)).arg(&cases), &work.join(name))?;
            }
            Err(failure) => say(&format!("{name}: cannot be installed: {failure}")),
        }
    }
    match promptfoo(&peers) {
        Ok(folder) => {
            let mut command = Command::new("node");
            command.arg(peers.join("promptfoo/run.mjs")).arg(&cases).env("PROMPTFOO", folder);
            row("promptfoo", &mut command, &work.join("promptfoo"))?;
        }
        Err(failure) => say(&format!("promptfoo: cannot be installed: {failure}")),
    }
    many(&work)
}

/// A million cases, scored row by row.
fn many(work: &Path) -> Result<(), Failure> {
    let (cases, router) = (work.join("many.jsonl"), work.join("words.rules"));
    write(&cases, MANY)?;
    let rules: Vec<String> = LABELS.iter().map(|label| format!("[{label}]\n{label}\n")).collect();
    std::fs::write(&router, rules.concat()).map_err(|error| error.to_string())?;
    let orch = root().join("target/release/cargo-orch");
    let mut command = Command::new(orch);
    command.args(["orch", "score", "--json"]).args([&router, &cases]);
    let Usage { seconds, mebibytes, .. } = measured(&mut command)?;
    say(&format!("{MANY} cases through `cargo orch score`: {seconds:.1} CPU-s, {mebibytes:.0} MiB"));
    std::fs::remove_file(&cases).map_err(|error| error.to_string())
}

fn promptfoo(peers: &Path) -> Result<PathBuf, Failure> {
    let folder = tools_folder().join("promptfoo");
    if !folder.join("node_modules/promptfoo/package.json").exists() {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        std::fs::copy(peers.join("promptfoo/package.json"), folder.join("package.json"))
            .map_err(|error| error.to_string())?;
        run(Command::new("npm").current_dir(&folder).args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
        ]))?;
    }
    Ok(folder)
}

/// Cases of which nine in ten hold their label, always the same ones.
fn write(path: &Path, count: usize) -> Result<(), Failure> {
    let mut text = String::new();
    let mut state = 7_usize;
    let mut draw = |below: usize| {
        // Knuth's multiplier for 64 bits (MMIX); the high bits are the random ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for number in 0..count {
        let label = LABELS[draw(LABELS.len())];
        let mut words: Vec<&str> = (0..4 + draw(7)).map(|_| AROUND[draw(AROUND.len())]).collect();
        if draw(10) > 0 {
            words.insert(draw(words.len()), label);
        }
        let input = words.join(" ");
        let _ = writeln!(text, "{{\"id\":\"case-{number}\",\"input\":\"{input}\",\"label\":\"{label}\"}}");
    }
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What a process used.
struct Usage {
    seconds: f64,
    mebibytes: f64,
    said: String,
}

/// Runs a program and has the system say what it used.
fn measured(command: &mut Command) -> Result<Usage, Failure> {
    const SCRIPT: &str = "import json, resource, subprocess, sys\n\
        done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.stdout, done.returncode, done.stderr[-2000:]]))";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            python.env(name, value);
        }
    }
    let output = python.output().map_err(|error| error.to_string())?;
    let used: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    if used[3] != 0 {
        return Err(used[4].as_str().unwrap_or_default().to_owned());
    }
    let number = |index: usize| used[index].as_f64().unwrap_or(0.0);
    let said = used[2].as_str().unwrap_or_default().lines().last().unwrap_or_default().to_owned();
    Ok(Usage { seconds: number(0), mebibytes: number(1), said })
}

fn row(name: &str, command: &mut Command, folder: &Path) -> Result<(), Failure> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let Usage { seconds, mebibytes, said } = measured(command.arg(folder))?;
    let said: Value = serde_json::from_str(&said).map_err(|error| format!("{name}: {error}"))?;
    let version = said["version"].as_str().unwrap_or_default();
    let (kilobytes, accuracy) = (size(folder) / 1_000, said["accuracy"].as_f64().unwrap_or(0.0));
    say(&format!(
        "{:28} {seconds:8.2} {mebibytes:8.0} {kilobytes:10} {accuracy:9.4}",
        format!("{name} {version}")
    ));
    Ok(())
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
