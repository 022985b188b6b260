//! A run's files: its log, its reports, and going on after it was killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use orch_core::router::{Decision, Ranked, Router};
use orch_core::{Result, Route};
use orch_eval::{Gate, Suite, SuiteError};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Parity {
    Even,
    Odd,
    #[route(default)]
    Other,
}

/// Decides by the last digit of a number, wrongly for each seventh.
struct LastDigit {
    takes: Duration,
}

impl Router for LastDigit {
    type Route = Parity;

    async fn decide(&self, input: &str) -> Result<Decision<Parity>> {
        std::thread::sleep(self.takes);
        let number: u64 = input.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let even = number.is_multiple_of(2) != number.is_multiple_of(7);
        let route = if even { Parity::Even } else { Parity::Odd };
        let confidence = (1.0 / (number % 9 + 1) as f64).clamp(0.34, 0.99);
        let ranking = vec![Ranked { route, confidence }];
        Ok(Decision { confidence, ranking, ..Decision::new(route, confidence, "last digit") })
    }
}

fn suite(folder: &Path, cases: usize, takes: Duration) -> Suite {
    let mut rows = String::from("input,label,id,tags\n");
    for n in 0..cases {
        let label = if n % 2 == 0 { "even" } else { "odd" };
        rows.push_str(&format!("the number {n},{label},case-{n},t{}\n", n % 3));
    }
    let data = folder.join("numbers.csv");
    std::fs::write(&data, rows).unwrap();
    Suite::new("numbers")
        .folder(folder.join("evals"))
        .runs(folder.join("runs"))
        .data(data)
        .without_snapshot()
        .without_times()
        .router(move || LastDigit { takes })
        .gate(Gate::accuracy().at_least(0.8))
        .gate(Gate::no_slice_regression().tolerate(0.01))
}

const REPORTS: [&str; 4] = ["report.json", "report.html", "junit.xml", "summary.md"];

fn reports(run: &Path) -> Vec<String> {
    REPORTS.iter().map(|name| std::fs::read_to_string(run.join(name)).unwrap()).collect()
}

#[test]
fn each_run_has_a_folder_with_a_short_log_and_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite(folder.path(), 200, Duration::ZERO);
    let report = suite.run().unwrap();
    let run = report.folder.clone().unwrap();
    assert_eq!(run, folder.path().join("runs/0001"));
    assert_eq!(suite.run().unwrap().folder.unwrap(), folder.path().join("runs/0002"));
    let log = std::fs::read_to_string(run.join("results.jsonl")).unwrap();
    assert!(log.len() / 200 <= 150, "{} bytes a case:\n{log}", log.len() / 200);
    assert_eq!(log.lines().count(), 1 + 2 * 200);
    assert_eq!(reports(&run), reports(&folder.path().join("runs/0002")), "the same answers, the same bytes");
    let [json, html, junit, summary] = reports(&run).try_into().unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["metrics"]["n"], 200);
    assert_eq!(json["metrics"]["per_tag"].as_array().unwrap().len(), 3);
    assert!(html.contains("\"suite\":\"numbers\"") && !html.contains("/*DATA*/"));
    assert!(junit.contains("<testcase classname=\"numbers.labels\" name=\"even\">"));
    assert!(summary.starts_with("## numbers: inconclusive\n"), "{summary}");
}

/// What the test below kills.
#[test]
#[ignore = "a child process of another test"]
fn child() {
    let Some(folder) = std::env::var_os("ORCH_TEST_FOLDER") else { return };
    suite(Path::new(&folder), 300, Duration::from_micros(300)).run().unwrap();
}

fn start(folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["runs::child", "--exact", "--ignored"])
        .env("ORCH_TEST_FOLDER", folder)
        .env("ORCH_RESUME", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_killed_fifty_times_ends_as_one_that_was_not() {
    let (killed, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut random = fastrand::Rng::with_seed(5);
    let log = killed.path().join("runs/0001/results.jsonl");
    let (mut lines, mut kills) = (0, 0);
    // Once it is finished there is nothing more to kill.
    while kills < 50 && !killed.path().join("runs/0001/report.json").exists() {
        let mut child = start(killed.path());
        std::thread::sleep(Duration::from_millis(random.u64(1..60)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let now = std::fs::read_to_string(&log).unwrap_or_default().matches('\n').count();
        assert!(now >= lines, "{lines} lines were there, and {now} are");
        lines = now;
    }
    assert!(kills > 3, "killed only {kills} times");
    if !killed.path().join("runs/0001/report.json").exists() {
        assert!(start(killed.path()).wait().unwrap().success());
    }
    assert!(start(whole.path()).wait().unwrap().success());
    let whole_reports = reports(&whole.path().join("runs/0001")).join("\n");
    let there = |folder: &Path| folder.display().to_string();
    let killed_reports = reports(&killed.path().join("runs/0001")).join("\n");
    assert_eq!(
        killed_reports.replace(&there(killed.path()), ""),
        whole_reports.replace(&there(whole.path()), "")
    );
    assert!(!killed.path().join("runs/0002").exists());
}

#[test]
fn a_log_of_other_data_or_a_damaged_one_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    assert!(start(folder.path()).wait().unwrap().success());
    let log = folder.path().join("runs/0001/results.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    // As if it had been killed at the very end.
    std::fs::remove_file(folder.path().join("runs/0001/report.json")).unwrap();
    let error = |damaged: String| {
        std::fs::write(&log, damaged).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["runs::child", "--exact", "--ignored"])
            .env("ORCH_TEST_FOLDER", folder.path())
            .env("ORCH_RESUME", "1")
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let found = error(text.replacen("\"data\":\"", "\"data\":\"0", 1));
    assert!(found.contains("is of other data"), "{found}");
    let found = error(text.replacen("\"got\":", "\"got\"", 1));
    assert!(found.contains("line: 2") && found.contains("is no answer of a run"), "{found}");
    let found = error(text.replacen("\"program\":\"", "\"program\":\"0", 1));
    assert!(found.contains("another build of the suite"), "{found}");
    // A piece of a line at the end is what a killed process leaves.
    std::fs::write(&log, &text[..text.len() - 20]).unwrap();
    assert!(start(folder.path()).wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), text.lines().count());
}

#[test]
fn what_cannot_be_written_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    std::fs::write(&runs, "a file where a folder should be").unwrap();
    let error = suite(folder.path(), 10, Duration::ZERO).run().unwrap_err();
    assert!(matches!(&error, SuiteError::Run(error) if error.path == runs), "{error}");
    assert_eq!(error.exit_code(), 4);
}

/// A limit on the size of files is what a full disk is to the one who writes.
#[test]
fn a_disk_that_is_full_loses_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" runs::child --exact --ignored"])
        .arg(std::env::current_exe().unwrap())
        .env("ORCH_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("results.jsonl") && said.contains("go on with ORCH_RESUME=1"), "{said}");
    let log = folder.path().join("runs/0001/results.jsonl");
    let safe = std::fs::read_to_string(&log).unwrap().matches('\n').count();
    assert!(safe > 20, "{safe} lines");
    assert!(start(folder.path()).wait().unwrap().success());
    let whole = std::fs::read_to_string(&log).unwrap();
    assert!(whole.lines().count() == 1 + 2 * 300 && folder.path().join("runs/0001/report.html").exists());
}

#[test]
fn several_threads_find_what_one_finds() {
    let (one, four) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let alone = suite(one.path(), 203, Duration::ZERO).run().unwrap();
    let together = suite(four.path(), 203, Duration::ZERO).threads(4).concurrency(3).run().unwrap();
    assert_eq!(alone.outcomes, together.outcomes);
    let log = std::fs::read_to_string(together.folder.unwrap().join("results.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 1 + 2 * 203);
}
