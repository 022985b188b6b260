//! Suites: what they measure, what they rule, and what they write.

use std::path::Path;

use orch_core::router::{Cascade, Classifier, Decision, Learned, Ranked, Router};
use orch_core::{Error, Result, Route};
use orch_eval::{Gate, Perturbation, Ruling, Suite, SuiteError};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    Technical,
    #[route(default)]
    Other,
}

/// Decides by the first word, and fails on `down`.
struct FirstWord {
    /// What it takes `billing` for: a change of this is a regression.
    billing: Intent,
}

impl Router for FirstWord {
    type Route = Intent;

    async fn decide(&self, input: &str) -> Result<Decision<Intent>> {
        let route = match input.split(' ').next() {
            Some("billing") => self.billing,
            Some("technical") => Intent::Technical,
            Some("down") => return Err(Error::message("the server is down")),
            _ => Intent::Other,
        };
        Ok(Decision {
            route,
            confidence: 0.9,
            ranking: vec![Ranked { route, confidence: 0.9 }],
            decided_by: "first",
            passed: Vec::new(),
        })
    }
}

fn data(folder: &Path, extra: &str) -> std::path::PathBuf {
    let mut text = String::new();
    for n in 0..20 {
        text.push_str(&format!(
            "{{\"id\": \"b{n}\", \"input\": \"billing {n}\", \"label\": \"billing\", \"pin\": {}}}\n",
            n == 0
        ));
        text.push_str(&format!(
            "{{\"id\": \"t{n}\", \"input\": \"technical {n}\", \"label\": \"technical\"}}\n"
        ));
    }
    text.push_str("{\"id\": \"o\", \"input\": \"what\", \"label\": null}\n");
    text.push_str(extra);
    let path = folder.join("data.jsonl");
    std::fs::write(&path, text).unwrap();
    path
}

fn suite(folder: &Path, billing: Intent, extra: &str) -> Suite {
    Suite::new("words")
        .folder(folder.join("evals"))
        .data(data(folder, extra))
        .runs(folder.join("runs"))
        .without_snapshot()
        .router(move || FirstWord { billing })
}

fn baseline(folder: &Path, rows: &str) {
    let path = folder.join("evals/baselines/words.tsv");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, rows).unwrap();
}

/// A baseline in which every case was right.
fn all_right() -> String {
    let mut rows = String::from("id\tgot\tstage\tok\n");
    for n in 0..20 {
        rows.push_str(&format!("b{n}\tbilling\tfirst\t1\nt{n}\ttechnical\tfirst\t1\n"));
    }
    rows
}

#[test]
fn a_good_router_passes_and_the_default_is_right_out_of_scope() {
    let folder = tempfile::tempdir().unwrap();
    let report = suite(folder.path(), Intent::Billing, "")
        .gate(Gate::accuracy().at_least(1.0))
        .gate(Gate::recall_of(Intent::Billing).at_least(0.9))
        .gate(Gate::out_of_scope_recall().at_least(1.0))
        .gate(Gate::pinned())
        .run()
        .unwrap();
    assert_eq!(report.verdict, Ruling::Pass);
    assert_eq!((report.metrics.n, report.metrics.accuracy.count), (41, 41));
    assert!(report.noise <= 0.0);
    assert!(report.terminal().starts_with("words: PASS\n"));
}

#[test]
fn a_regression_fails_and_lists_what_broke() {
    let folder = tempfile::tempdir().unwrap();
    baseline(folder.path(), &all_right());
    let report = suite(folder.path(), Intent::Technical, "")
        .gate(Gate::no_regression().tolerate(0.1))
        .gate(Gate::no_label_regression().tolerate(0.1))
        .run()
        .unwrap();
    assert_eq!(report.verdict, Ruling::Fail);
    assert_eq!(report.judgements[1].reason, "billing -1.000");
    assert!(
        report
            .annotations()
            .contains("data.jsonl,line=1::broken: \"billing 0\" is billing, and got technical")
    );
    let changes = report.changes.unwrap();
    assert_eq!((changes.broken.len(), changes.fixed.len(), changes.compared, changes.new), (20, 0, 40, 1));
    assert!(report.paired.unwrap().p < 1e-5);
}

#[test]
fn a_broken_pin_outweighs_everything() {
    let folder = tempfile::tempdir().unwrap();
    let report = suite(folder.path(), Intent::Other, "")
        .gate(Gate::accuracy().at_least(0.9))
        .gate(Gate::pinned())
        .run()
        .unwrap();
    assert_eq!(report.verdict, Ruling::PinnedBroke);
    assert_eq!(report.verdict.exit_code(false), 3);
}

#[test]
fn an_error_is_no_wrong_answer_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let extra = "{\"input\": \"down we go\", \"label\": \"billing\"}\n";
    let report =
        suite(folder.path(), Intent::Billing, extra).gate(Gate::accuracy().at_least(1.0)).run().unwrap();
    assert_eq!((report.verdict, report.verdict.exit_code(false)), (Ruling::NoVerdict, 4));
    assert_eq!((report.metrics.errors, report.metrics.accuracy.value), (1, 1.0));
    assert!(report.judgements.iter().any(|judgement| judgement.reason.contains("the server is down")));
}

/// A stage that may fail without the whole failing, in front of words.
struct Failing;

impl Classifier for Failing {
    type Route = Intent;

    async fn classify(&self, input: &str) -> Result<Option<Decision<Intent>>> {
        if input.contains("down") { Err(Error::message("the server is down")) } else { Ok(None) }
    }
}

#[test]
fn a_stage_that_failed_is_an_error_however_the_rest_decided() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"id\": \"up\", \"input\": \"up\", \"label\": \"billing\"}\n\
                {\"id\": \"down\", \"input\": \"down\", \"label\": \"billing\"}\n";
    std::fs::write(folder.path().join("data.jsonl"), rows).unwrap();
    let report = Suite::new("failing")
        .folder(folder.path().join("evals"))
        .data(folder.path().join("data.jsonl"))
        .runs(folder.path().join("runs"))
        .without_snapshot()
        .router(|| Cascade::first("far", Failing, 0.5).pass_on_failure().otherwise(Intent::Billing))
        .gate(Gate::accuracy().at_least(1.0))
        .run()
        .unwrap();
    assert_eq!((report.verdict, report.metrics.errors), (Ruling::NoVerdict, 1));
    let says = |judgement: &orch_eval::Judgement| {
        judgement.reason.contains("a stage failed, far: failed: the server is down")
    };
    assert!(report.judgements.iter().any(says), "{:?}", report.judgements);
}

#[test]
fn without_a_baseline_nothing_can_be_said_of_a_regression() {
    let folder = tempfile::tempdir().unwrap();
    let report = suite(folder.path(), Intent::Billing, "").gate(Gate::no_regression()).run().unwrap();
    assert_eq!(report.verdict, Ruling::Inconclusive);
    assert_eq!((report.verdict.exit_code(false), report.verdict.exit_code(true)), (0, 5));
}

#[test]
fn labels_are_checked_before_a_case_runs() {
    let folder = tempfile::tempdir().unwrap();
    let extra = "{\"input\": \"down\", \"label\": \"biling\"}\n";
    let error = suite(folder.path(), Intent::Billing, extra).run().unwrap_err();
    let SuiteError::UnknownLabels { labels, .. } = &error else { panic!("{error}") };
    assert_eq!(labels, &[("biling".to_owned(), 42)]);
    assert!(error.to_string().contains("the routes are billing, technical, other"));
}

#[test]
fn a_bad_baseline_is_named_with_its_line() {
    for (rows, place) in [
        ("nonsense\n", "words.tsv:1: "),
        ("id\tgot\tstage\tok\nb0\tbilling\n", "words.tsv:2: "),
        ("id\tgot\tstage\tok\nb0\tbilling\tx\tmaybe\n", "words.tsv:2: "),
        ("id\tgot\tstage\tok\nb0\ta\tx\t1\nb0\ta\tx\t1\n", "words.tsv:3: "),
    ] {
        let folder = tempfile::tempdir().unwrap();
        baseline(folder.path(), rows);
        let error = suite(folder.path(), Intent::Billing, "").run().unwrap_err().to_string();
        assert!(error.contains(place) && error.contains("bless"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    baseline(folder.path(), "id\tgot\tstage\tok\nzzz\ta\tx\t1\n");
    let error = suite(folder.path(), Intent::Billing, "").run().unwrap_err();
    assert!(matches!(&error, SuiteError::Baseline(_)), "{error}");
    assert!(error.to_string().contains("of other data"), "{error}");
}

#[test]
fn a_router_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Suite::new("words")
        .data(data(folder.path(), ""))
        .try_router(|| Learned::<Intent>::from_bytes(b"nothing"))
        .run()
        .unwrap_err();
    assert!(error.to_string().contains("not a router file"));
    assert!(Suite::new("empty").run().unwrap_err().to_string().contains("`.data(..)`"));
}

#[tokio::test]
async fn a_suite_runs_where_a_runtime_already_does() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(suite(folder.path(), Intent::Billing, "").run().unwrap().verdict, Ruling::Pass);
}

#[cfg(feature = "criterion")]
#[test]
fn a_suite_is_timed_by_criterion() {
    let folder = tempfile::tempdir().unwrap();
    let mut criterion = criterion::Criterion::default()
        .without_plots()
        .output_directory(folder.path())
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(10))
        .measurement_time(std::time::Duration::from_millis(50));
    suite(folder.path(), Intent::Billing, "").bench(&mut criterion).unwrap();
    let estimates = folder.path().join("words_ a decision/new/estimates.json");
    assert!(
        estimates.exists(),
        "{:?}",
        std::fs::read_dir(folder.path()).unwrap().flatten().collect::<Vec<_>>()
    );
    assert!(Suite::new("none").bench(&mut criterion).is_err());
}

#[test]
fn a_new_label_is_no_regression() {
    let folder = tempfile::tempdir().unwrap();
    baseline(folder.path(), &all_right().replace("t0\ttechnical", "t0\tother"));
    std::fs::write(folder.path().join("evals/words.lock"), "data 0\ncassettes none\n").unwrap();
    let suite = suite(folder.path(), Intent::Billing, "").gate(Gate::no_regression());
    // The case `b0` gets what it got, and somebody has decided that this is wrong.
    let path = folder.path().join("data.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replacen(
        "\"label\": \"billing\", \"pin\": true",
        "\"label\": \"technical\"",
        1,
    );
    std::fs::write(&path, text).unwrap();
    let report = suite.run().unwrap();
    let changes = report.changes.unwrap();
    assert_eq!((changes.relabelled, changes.broken.len(), changes.compared), (1, 0, 39));
    assert_eq!(report.verdict, Ruling::Pass);
    assert!(report.notes.iter().any(|note| note.contains("another label")), "{:?}", report.notes);
    assert!(report.notes.iter().any(|note| note.contains("the data has changed")), "{:?}", report.notes);
}

#[test]
fn nothing_measured_is_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    std::fs::write(&path, "{\"input\": \"billing\", \"label\": \"billing\", \"split\": \"train\"}\n")
        .unwrap();
    let error = suite(folder.path(), Intent::Billing, "").data(&path).run().unwrap_err();
    assert!(matches!(&error, SuiteError::NothingToMeasure(_)), "{error}");
    std::fs::write(&path, "{\"input\": \"billing\", \"label\": \"billing\"}\n").unwrap();
    let report = suite(folder.path(), Intent::Billing, "").data(&path).gate(Gate::pinned()).run().unwrap();
    assert_eq!(report.verdict, Ruling::Inconclusive, "no case is pinned");
}

#[test]
fn a_gate_that_nothing_can_move_is_refused_before_a_case_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for gate in [
        Gate::accuracy().at_least(95.0),
        Gate::no_regression().tolerate(f64::NAN),
        Gate::no_label_regression().tolerate(-0.01),
        Gate::calibration_error_at_most(2.0),
        Gate::mean_cost_at_most(0.0),
        Gate::mean_cost_at_most(f64::INFINITY),
    ] {
        let error = suite(folder.path(), Intent::Billing, "").gate(gate).run().unwrap_err();
        assert!(matches!(&error, SuiteError::Bound(_)), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    let robust = suite(folder.path(), Intent::Billing, "").robust_to(Perturbation::OneSlip, 2.0);
    assert!(matches!(robust.run().unwrap_err(), SuiteError::Bound(_)));
    assert!(!folder.path().join("runs").exists(), "no run has begun");
}

#[test]
fn what_has_no_price_is_not_shown_to_be_cheap() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::mean_cost_at_most(3.0);
    let report = suite(folder.path(), Intent::Billing, "").gate(gate).run().unwrap();
    assert_eq!(report.verdict, Ruling::Inconclusive);
    assert!(report.judgements[0].reason.contains("Replay::priced"), "{:?}", report.judgements);
}

/// Wrong for every second question, and not always for the same one.
struct Wavers(std::sync::atomic::AtomicUsize);

impl Router for Wavers {
    type Route = Intent;

    async fn decide(&self, _: &str) -> Result<Decision<Intent>> {
        let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // 41 cases: an odd number, so that each gets the other answer in the next epoch.
        Ok(Decision::new(
            if asked.is_multiple_of(2) { Intent::Billing } else { Intent::Technical },
            0.5,
            "chance",
        ))
    }
}

#[test]
fn a_noisy_router_is_compared_by_the_mean_of_its_epochs() {
    let folder = tempfile::tempdir().unwrap();
    baseline(folder.path(), &all_right().replace("\t1\n", "\t0.5\n"));
    let shared = std::sync::Arc::new(Wavers(0.into()));
    let report = suite(folder.path(), Intent::Billing, "")
        .classifier(move || Shared(std::sync::Arc::clone(&shared)))
        .epochs(4)
        .gate(Gate::no_regression().tolerate(0.01))
        .run()
        .unwrap();
    assert!(
        report.noise > 0.9
            && report.outcomes.iter().take(40).all(|outcome| (outcome.share_right - 0.5).abs() < 1e-9)
    );
    let paired = report.paired.unwrap();
    assert!(paired.net.abs() < 1e-9 && paired.p > 0.99, "{paired:?}");
    // Nothing differs, and yet forty cases could not have shown a loss of a hundredth.
    assert_eq!(report.verdict, Ruling::Inconclusive);
}

struct Shared(std::sync::Arc<Wavers>);

impl orch_core::router::Classifier for Shared {
    type Route = Intent;

    async fn classify(&self, input: &str) -> Result<Option<Decision<Intent>>> {
        self.0.decide(input).await.map(Some)
    }
}

/// A process that counts runs itself again, so it is one with a single test.
#[test]
#[ignore = "a child process of another test"]
fn counts() {
    let Ok(most) = std::env::var("ORCH_TEST_MOST") else { return };
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::instructions_at_most(most.parse().unwrap());
    match suite(folder.path(), Intent::Billing, "").gate(gate).run() {
        Ok(report) => println!("{:?} {}", report.verdict, report.judgements[0].reason),
        Err(error) => assert!(matches!(error, SuiteError::Counted), "{error}"),
    }
}

#[test]
fn instructions_are_counted_alike_each_time() {
    if std::process::Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "valgrind is not installed; run `cargo xtask tools`");
        eprintln!("skipped: valgrind is not installed; run `cargo xtask tools`");
        return;
    }
    let counted = |most: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["suites::counts", "--exact", "--ignored", "--nocapture"])
            .env("ORCH_TEST_MOST", most)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find(|line| line.contains(" it takes "));
        let (ruling, count) = line.unwrap_or_else(|| panic!("{said}")).split_once(" it takes ").unwrap();
        let ruling = ruling.rsplit(' ').next().unwrap().to_owned();
        (ruling, count.parse::<u64>().unwrap())
    };
    let (ruling, count) = counted("10000000");
    assert!(ruling == "Pass" && (100..100_000).contains(&count), "{ruling} {count}");
    let (ruling, again) = counted("1");
    assert_eq!(ruling, "Fail");
    assert!(count.abs_diff(again) <= count / 100, "{count} and {again}");
}

/// Of three epochs a case may be right in two: the baseline keeps that to the last digit, or a blessed suite would fail
/// against itself.
#[test]
fn a_noisy_suite_does_not_fail_against_its_own_baseline() {
    let folder = tempfile::tempdir().unwrap();
    baseline(folder.path(), &all_right().replace("\t1\n", &format!("\t{}\n", 2.0 / 3.0)));
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let report = suite(folder.path(), Intent::Billing, "")
        .function(async move |input: String| {
            // Wrong in the last of three epochs.
            let epoch = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) / 41;
            let label = input.split(' ').next().unwrap_or_default().to_owned();
            orch_core::Ok(Some(if epoch == 2 { "neither".to_owned() } else { label }))
        })
        .epochs(3)
        .gate(Gate::no_regression())
        .run()
        .unwrap();
    let paired = report.paired.unwrap();
    assert!(paired.net.abs() < 1e-12 && paired.p > 0.99, "{paired:?}");
    assert_eq!(report.verdict, Ruling::Inconclusive);
}
