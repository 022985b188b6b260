//! How good the routers are on labelled data, beside a leading one from PyPI on the same splits.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Failure, cargo, models, root, run, say, tools};

/// The peer, and what it needs to embed.
const PEER: [&str; 3] = ["semantic-router==1.1.1", "onnxruntime", "tokenizers"];

/// Fits and scores every `.jsonl` file with a `split` in a folder, and prints a table.
pub(crate) fn bench(folder: &Path) -> Result<(), Failure> {
    models::install()?;
    let [minilm, table] = ["minilm", "static"].map(|name| models::folder().join(name));
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--package", "orch-eval", "--features", "embed,serve"]);
    run(&mut build)?;
    let work = root().join("target/bench-routers");
    std::fs::create_dir_all(&work).map_err(|error| error.to_string())?;
    let python = tools::python("routers", &PEER)?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let mut missed = 0;
    for data in files {
        let text = std::fs::read_to_string(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        if text.lines().next().is_some_and(|line| line.contains("\"quality\"")) {
            say(&format!("\n{}", data.display()));
            run(Command::new(orch()).args(["orch", "cost"]).arg(&data))?;
        } else if text.contains("\"split\"") {
            say(&format!("\n{}", data.display()));
            say(&line(
                ["", "in scope", "AUROC", "ECE", "p50, µs", "fit, CPU-s", "file, kB"].map(str::to_owned),
            ));
            let [no_model, with_minilm] = bars(&data);
            missed += ours("ours, no model", &data, &work, "learned", &[], no_model)?;
            robustness(&data, &work, "learned")?;
            ours("ours, vectors alone, MiniLM", &data, &work, "dense", &[&minilm], None)?;
            missed +=
                ours("ours, words and vectors, MiniLM", &data, &work, "fused", &[&minilm], with_minilm)?;
            robustness(&data, &work, "fused")?;
            // The dear encoder comes first each time, so that its vectors are in the same file and made once.
            ours("ours, cascade of static and MiniLM", &data, &work, "cascade", &[&minilm, &table], None)?;
            theirs(&python, &data, &minilm, &work.join("peer.npz"))?;
        }
    }
    say(&format!("\n{missed} figures miss their bar (marked *)"));
    say("\ndecisions once a text is embedded, and an exact search beside reading its memory");
    run(cargo().args(["bench", "--quiet", "--package", "bench", "--bench", "routers"]))
}

/// What a router is to reach on a file: accuracy in scope and AUROC at least, ECE at most.
#[derive(Clone, Copy)]
struct Bar {
    accuracy: f64,
    auroc: Option<f64>,
    ece: Option<f64>,
}

/// A bar for accuracy alone.
const fn accuracy(accuracy: f64) -> Bar {
    Bar { accuracy, auroc: None, ece: None }
}

/// Without a model, and with `MiniLM`: beyond a linear head over the same vectors, by file.
const BARS: [(&str, [Bar; 2]); 4] = [
    ("banking77", [accuracy(0.920), accuracy(0.947)]),
    ("banking77-10shot", [accuracy(0.765), accuracy(0.880)]),
    (
        "clinc150",
        [
            Bar { accuracy: 0.940, auroc: Some(0.955), ece: Some(0.02) },
            Bar { accuracy: 0.965, auroc: Some(0.978), ece: Some(0.02) },
        ],
    ),
    ("clinc150-10shot", [accuracy(0.825), accuracy(0.915)]),
];

/// The bars of a file, which are printed.
fn bars(data: &Path) -> [Option<Bar>; 2] {
    let stem = data.file_stem().unwrap_or_default();
    let Some((_, bars)) = BARS.iter().find(|(name, _)| stem == *name) else { return [None; 2] };
    for (name, Bar { accuracy, auroc, ece }) in ["bar, no model", "bar, MiniLM"].into_iter().zip(bars) {
        let cell = |bar: Option<f64>| bar.map_or_else(|| "-".to_owned(), |bar| format!("{bar:.4}"));
        let [accuracy, auroc, ece] = [Some(*accuracy), *auroc, *ece].map(cell);
        say(&line([name.to_owned(), accuracy, auroc, ece, cell(None), cell(None), cell(None)]));
    }
    bars.map(Some)
}

fn orch() -> PathBuf {
    root().join("target/release/cargo-orch")
}

/// Fits and scores, and prints a row. Gives how many figures miss the bar.
fn ours(
    name: &str,
    data: &Path,
    work: &Path,
    router: &str,
    encoders: &[&Path],
    bar: Option<Bar>,
) -> Result<usize, Failure> {
    let file = work.join(format!("{router}.orch"));
    let vectors = work.join("vectors");
    let mut fit = Command::new("bash");
    // The shell's own clock counts the CPU seconds of what it runs.
    fit.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null 2>&1 && exit 0 || exit 1", "fit"]);
    fit.arg(orch()).args(["orch", "fit"]).arg(data).arg("-o").arg(&file).args(["--router", router]);
    for folder in encoders {
        fit.arg("--encoder").arg(folder);
    }
    if !encoders.is_empty() {
        fit.arg("--embeddings").arg(&vectors);
    }
    let output = fit.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("`cargo orch fit --router {router}` failed on {}", data.display()));
    }
    let clock = String::from_utf8_lossy(&output.stderr).into_owned();
    let seconds: f64 = clock.split_whitespace().filter_map(|part| part.parse::<f64>().ok()).sum();
    let scored = Command::new(orch())
        .args(["orch", "score", "--json"])
        .arg(&file)
        .arg(data)
        .output()
        .map_err(|error| error.to_string())?;
    let scores: Value = serde_json::from_slice(&scored.stdout)
        .map_err(|_| String::from_utf8_lossy(&scored.stderr).into_owned())?;
    let size = std::fs::metadata(&file).map_or(0, |file| file.len() / 1_000);
    let (row, missed) = row(name, &scores, seconds, size.to_string(), bar);
    say(&row);
    Ok(missed)
}

/// How many points of accuracy a router that was just fitted loses on the test rows written in other ways.
fn robustness(data: &Path, work: &Path, router: &str) -> Result<(), Failure> {
    let scored = Command::new(orch())
        .args(["orch", "score", "--json", "--robustness"])
        .arg(work.join(format!("{router}.orch")))
        .arg(data)
        .output()
        .map_err(|error| error.to_string())?;
    let scores: Value = serde_json::from_slice(&scored.stdout).map_err(|error| error.to_string())?;
    let clean = scores["in_scope_accuracy"].as_f64().unwrap_or(0.0);
    let lost = scores["robustness"].as_object().into_iter().flatten().map(|(name, scores)| {
        let accuracy = scores["in_scope_accuracy"].as_f64().unwrap_or(0.0);
        format!("{name} {:.1}", (clean - accuracy) * 100.0)
    });
    say(&format!("  points it loses: {}", lost.collect::<Vec<_>>().join(", ")));
    Ok(())
}

fn theirs(python: &Path, data: &Path, minilm: &Path, cache: &Path) -> Result<(), Failure> {
    let output = Command::new(python)
        .arg(root().join("xtask/routers/peer.py"))
        .args([data, minilm, cache])
        .output()
        .map_err(|error| error.to_string())?;
    let all: Vec<Value> = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let accuracy = |scores: &Value| scores["in_scope_accuracy"].as_f64().unwrap_or(0.0);
    let seconds = |scores: &Value| scores["fit_s"].as_f64().unwrap_or(0.0);
    if let Some(default) = all.first() {
        say(&row("peer, MiniLM, default", default, seconds(default), "-".to_owned(), None).0);
    }
    // Its best on the test rows themselves: more than its users could choose.
    if let Some(best) = all.iter().max_by(|a, b| accuracy(a).total_cmp(&accuracy(b))) {
        say(&row(&format!("peer, {}", best["settings"]), best, seconds(best), "-".to_owned(), None).0);
    }
    Ok(())
}

/// A row, and how many of its figures miss the bar.
fn row(name: &str, scores: &Value, seconds: f64, size: String, bar: Option<Bar>) -> (String, usize) {
    let number = |key: &str, digits: usize| match scores[key].as_f64() {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    // What is not there, or no number, reaches no bar.
    let at_least = |key: &str, bar: Option<f64>| {
        bar.is_some_and(|bar| scores[key].as_f64().is_none_or(|value| value < bar))
    };
    let at_most = |key: &str, bar: Option<f64>| {
        bar.is_some_and(|bar| scores[key].as_f64().is_none_or(|value| value > bar))
    };
    let misses = [
        at_least("in_scope_accuracy", bar.map(|bar| bar.accuracy)),
        at_least("oos_auroc", bar.and_then(|bar| bar.auroc)),
        at_most("ece", bar.and_then(|bar| bar.ece)),
    ];
    let marked = |key: &str, misses: bool| number(key, 4) + if misses { "*" } else { "" };
    let row = line([
        name.to_owned(),
        marked("in_scope_accuracy", misses[0]),
        marked("oos_auroc", misses[1]),
        marked("ece", misses[2]),
        number("p50_us", 0),
        format!("{seconds:.1}"),
        size,
    ]);
    (row, misses.into_iter().filter(|misses| *misses).count())
}

fn line(cells: [String; 7]) -> String {
    let [name, rest @ ..] = cells;
    rest.iter().fold(format!("{name:<44}"), |line, cell| format!("{line} {cell:>11}"))
}
