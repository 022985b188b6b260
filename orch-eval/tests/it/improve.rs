//! What the commands say that make a router better, and a project that starts well.

use std::path::Path;
use std::process::Command;

use orch_core::Route;
use orch_core::router::{By, Cascade};
use orch_eval::{Judge, Perturbation, Ruling, Scorer, Suite};
use serde_json::Value;

use crate::command::{self, orch};
use crate::{file, tickets};

fn json(arguments: &[&str]) -> Value {
    command::json(&orch(&[arguments, &["--json"]].concat()))
}

/// The tickets' file and a router fitted to it.
fn fitted(kind: &str) -> (tempfile::TempDir, String, String) {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("tickets.orch").display().to_string();
    let data = data.display().to_string();
    assert!(orch(&["fit", &data, "-o", &router, "--router", kind]).status.success());
    (folder, data, router)
}

#[test]
fn a_sweep_tries_thresholds_and_is_honest_about_the_best() {
    let (_folder, data, router) = fitted("learned");
    let sweep = json(&["sweep", &router, &data]);
    let points = sweep["points"].as_array().unwrap();
    assert!(points.len() > 2 && points[0]["coverage"] == 1.0);
    let coverage: Vec<f64> = points.iter().map(|point| point["coverage"].as_f64().unwrap()).collect();
    assert!(coverage.is_sorted_by(|a, b| a >= b));
    let best = sweep["best"]["accuracy"].as_f64().unwrap();
    assert!(points.iter().all(|point| point["accuracy"].as_f64().unwrap() <= best + 1e-12));
    assert!(sweep["cross_fitted_accuracy"].as_f64().unwrap() <= best);
    assert_eq!(sweep["at_risk"], Value::Null, "five cases guarantee nothing");
}

#[test]
fn misroutes_shrink_to_the_words_that_matter() {
    let (folder, _, router) = fitted("learned");
    // Said of the app, and of no use to it: the words about charging decide.
    let rows = [
        ("a", "please the app says i was charged twice and then it closes", "technical"),
        ("b", "i think it was charged twice when the app closed", "technical"),
    ];
    let rows: String = rows
        .iter()
        .map(|(id, input, label)| {
            format!("{}\n", serde_json::json!({ "id": id, "input": input, "label": label }))
        })
        .collect();
    let data = folder.path().join("hard.jsonl");
    std::fs::write(&data, rows).unwrap();
    let found = json(&["shrink", &router, data.to_str().unwrap()]);
    for shrunk in found["misrouted"].as_array().unwrap() {
        let words: Vec<&str> =
            shrunk["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert!(!words.is_empty() && words.len() < 5, "{words:?}");
        // What is left is misrouted the same way, and without any one word it is not.
        let route = |text: &str| json(&["explain", &router, text])["route"].clone();
        assert_eq!(route(&words.join(" ")), shrunk["got"]);
        for left_out in 0..words.len() {
            let rest: Vec<&str> =
                words.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, word)| *word).collect();
            assert!(rest.is_empty() || route(&rest.join(" ")) != shrunk["got"], "{words:?}");
        }
    }
    assert!(!found["causes"].as_array().unwrap().is_empty(), "{found}");
}

#[test]
fn rules_that_earn_nothing_are_found() {
    let rules = "[billing]\ncharged\ninvoice\napp * 3\nnever said\n\n[technical]\ncrashes\nscreen\n";
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("words.rules");
    std::fs::write(&router, rules).unwrap();
    let worths = json(&["mutate", router.to_str().unwrap(), data.to_str().unwrap()]);
    let of = |rule: &str| {
        let found = worths.as_array().unwrap().iter().find(|worth| worth["what"] == rule).unwrap();
        (found["earns"].as_u64().unwrap(), found["costs"].as_u64().unwrap())
    };
    assert_eq!(of("never said"), (0, 0));
    assert_eq!(of("app * 3"), (0, 2), "it draws both technical cases to billing");
    assert_eq!(of("charged"), (1, 0));
    assert_eq!(worths[0]["what"], "app * 3", "the worst comes first");
    let (_folder, data, learned) = fitted("learned");
    assert_eq!(orch(&["mutate", &learned, &data]).status.code(), Some(2));
}

#[test]
fn robustness_is_a_figure_of_a_score() {
    let (_folder, data, router) = fitted("learned");
    let score = json(&["score", &router, &data, "--robustness"]);
    assert_eq!(score["robustness"].as_object().unwrap().len(), Perturbation::ALL.len());
    assert_eq!(score["robustness"]["capitals"]["accuracy"], score["accuracy"], "case is folded");
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Loud {
    Shouts,
    #[route(default)]
    Speaks,
}

fn words(folder: &Path) -> Suite {
    let data = folder.join("data.jsonl");
    let rows = "{\"id\":\"1\",\"input\":\"help me\",\"label\":null}\n{\"id\":\"2\",\"input\":\"HELP\",\"label\":\"shouts\"}\n";
    std::fs::write(&data, rows).unwrap();
    Suite::new("words").folder(folder.join("evals")).runs(folder.join("runs")).data(data).without_snapshot()
}

#[test]
fn a_router_that_minds_capitals_fails_and_leaves_counterexamples() {
    let folder = tempfile::tempdir().unwrap();
    let report = words(folder.path())
        .router(|| {
            let loud = By::new("loud", |text: &str| (text == text.to_uppercase()).then_some(Loud::Shouts));
            Cascade::first("loud", loud, 0.0).otherwise(Loud::Speaks)
        })
        .attribution()
        .robust_to(Perturbation::Capitals, 0.1)
        .robust_to(Perturbation::Spaces, 0.0)
        .run()
        .unwrap();
    assert_eq!(report.verdict, Ruling::Fail);
    assert_eq!(report.judgements[0].reason, "it loses 0.500, 1 cases break");
    assert_eq!(report.judgements[1].ruling, Ruling::Pass);
    let rows = std::fs::read_to_string(report.folder.unwrap().join("counterexamples.jsonl")).unwrap();
    assert_eq!(rows, "{\"input\":\"HELP ME\",\"label\":null,\"tags\":[\"capitals\"]}\n");
    let loud = report.attribution.iter().find(|worth| worth.stage == "loud").unwrap();
    assert_eq!(loud.accuracy_without, Some(0.5));
}

#[test]
fn a_workflow_is_scored_by_its_answers_against_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("questions.jsonl");
    let rows: String = (1..40)
        .map(|n| format!("{}\n", serde_json::json!({ "id": n.to_string(), "input": format!("double {n}"), "label": (2 * n).to_string() })))
        .collect();
    std::fs::write(&data, rows).unwrap();
    let number = |text: &str| text.trim_start_matches("double ").parse::<u32>().unwrap_or(0);
    let suite = || {
        Suite::new("sums")
            .folder(folder.path().join("evals"))
            .runs(folder.path().join("runs"))
            .data(&data)
            .without_snapshot()
            .answers(Scorer::Number { tolerance: 0.0 }, async move |input: String| {
                orch_core::Ok(format!("It is {}.", 2 * number(&input)))
            })
    };
    let report = suite()
        .against("one model", |it| {
            it.answers(Scorer::Contains, async move |input: String| {
                let n = number(&input);
                orch_core::Ok(if n % 4 == 0 { "no idea".to_owned() } else { (2 * n).to_string() })
            })
        })
        .run()
        .unwrap();
    assert_eq!((report.metrics.accuracy.count, report.metrics.per_label.len()), (39, 0));
    let rival = report.rival.clone().unwrap();
    assert_eq!((rival.changes.fixed.len(), rival.changes.broken.len()), (9, 0));
    assert!(
        rival.paired.p < 0.01 && report.terminal().contains("against one model: accuracy 1.000 to 0.769")
    );
}

/// Says `right` where the answer stands in the reference, as a judge that only compares would.
struct Compares;

impl orch_core::model::ChatModel for Compares {
    fn name(&self) -> &'static str {
        "compares"
    }

    async fn chat(
        &self,
        request: &orch_core::model::ChatRequest,
    ) -> orch_core::Result<orch_core::model::ChatReply> {
        let text = request.messages.last().unwrap().text();
        let part = |name: &str| {
            let start = text.find(&format!("<{name}>\n")).unwrap() + name.len() + 3;
            text[start..].split("\n</").next().unwrap().to_owned()
        };
        let verdict = match part("answer") {
            answer if answer.is_empty() => "hm",
            answer if part("reference").contains(&answer) => "right",
            _ => "wrong",
        };
        Ok(orch_core::model::ChatReply::new(verdict, orch_core::model::Usage::default()))
    }
}

#[test]
fn a_judge_scores_and_is_itself_measured() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("questions.jsonl");
    std::fs::write(&data, "{\"id\":\"1\",\"input\":\"capital of France?\",\"label\":\"Paris, France\"}\n{\"id\":\"2\",\"input\":\"and of Spain?\",\"label\":\"Madrid\"}\n").unwrap();
    let suite = |answer: &'static str| {
        Suite::new("capitals")
            .folder(folder.path().join("evals"))
            .runs(folder.path().join("runs"))
            .data(&data)
            .without_snapshot()
            .answers(Judge::new(Compares, "The answer names the same city."), async move |_| {
                orch_core::Ok(answer.to_owned())
            })
            .run()
            .unwrap()
    };
    assert_eq!(suite("Paris").metrics.accuracy.count, 1);
    let silent = suite("");
    assert_eq!(
        (silent.metrics.errors, silent.verdict),
        (2, Ruling::NoVerdict),
        "no verdict is no wrong answer"
    );
    // The judge as a router from answers to verdicts, against those of people.
    let judged = folder.path().join("judged.jsonl");
    let rows: String = (0..20)
        .map(|n| {
            // People forgive one answer in five that the judge does not.
            let label = if n % 2 == 0 || n % 5 == 0 { "right" } else { "wrong" };
            format!("{}\n", serde_json::json!({ "id": n.to_string(), "input": if n % 2 == 0 { "yes" } else { "no" }, "label": label }))
        })
        .collect();
    std::fs::write(&judged, rows).unwrap();
    let report = Suite::new("judge")
        .folder(folder.path().join("evals"))
        .runs(folder.path().join("runs"))
        .data(&judged)
        .without_snapshot()
        .function(async |input: String| {
            orch_core::Ok(Some(if input == "yes" { "right".to_owned() } else { "wrong".to_owned() }))
        })
        .run()
        .unwrap();
    // By scikit-learn's cohen_kappa_score: 0.8 for agreement 0.9 with these margins.
    let kappa = report.metrics.kappa.unwrap();
    assert!((kappa - 0.8).abs() < 1e-12, "{kappa}");
}

#[test]
fn runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let suite = |label: Loud| {
        words(folder.path()).router(move || {
            let always = By::new("always", move |_: &str| Some(label));
            Cascade::first("always", always, 0.0).otherwise(Loud::Speaks)
        })
    };
    let before = suite(Loud::Shouts).run().unwrap().folder.unwrap().display().to_string();
    let after = suite(Loud::Speaks).run().unwrap().folder.unwrap().display().to_string();
    let diff = json(&["diff", &before, &after]);
    assert_eq!(diff["changes"]["fixed"], serde_json::json!(["1"]));
    assert_eq!(diff["changes"]["broken"], serde_json::json!(["2"]));
    let words = orch(&["diff", &before, &after]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("2: shouts -> speaks (broken)"));
    assert_eq!(orch(&["diff", &before, "/nowhere"]).status.code(), Some(2));
}

#[test]
fn a_new_project_passes_its_own_evaluation() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("shop-router");
    let path = project.display().to_string();
    assert!(orch(&["new", &path]).status.success());
    assert_eq!(orch(&["new", &path]).status.code(), Some(2), "it is there already");
    for taken in ["Not A Name", "async", "orch-core"] {
        assert_eq!(orch(&["new", &folder.path().join(taken).display().to_string()]).status.code(), Some(2));
    }
    let within = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo").display().to_string();
    for more in [&[][..], &["--git", "https://git.example/orch"]] {
        let refused = orch(&[&["new", &within], more].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains("within orch's own sources"), "{said}");
    }
    let elsewhere = folder.path().join("elsewhere");
    assert!(
        orch(&["new", &elsewhere.display().to_string(), "--git", "https://git.example/orch"])
            .status
            .success()
    );
    let manifest = std::fs::read_to_string(elsewhere.join("Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("{ git = \"https://git.example/orch\" }").count(), 2);
    // Built beside everything else and as the workspace builds what others wrote, so that it takes seconds.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::fs::create_dir(folder.path().join(".cargo")).unwrap();
    std::fs::write(folder.path().join(".cargo/config.toml"), "[profile.dev]\ndebug = false\n").unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&project)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("ORCH_EVAL")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        said
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"), project.join("Cargo.lock"))
        .unwrap();
    assert!(run(&cargo, &["run", "--quiet", "--", "where is my order"]).contains("Delivery"));
    run(&cargo, &["test", "--quiet"]);
    let said = run(env!("CARGO_BIN_EXE_cargo-orch"), &["orch", "eval", "--strict"]);
    assert!(said.contains("routing: PASS"), "{said}");
    assert!(run(env!("CARGO_BIN_EXE_cargo-orch"), &["orch", "report"]).contains("routing: pass, accuracy "));

    // GitHub's action, step by step as its runner would.
    let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/actions/evaluate/action.yml");
    let action = std::fs::read_to_string(action).unwrap();
    let steps: Vec<&str> = action.lines().filter_map(|line| line.trim().strip_prefix("run: ")).collect();
    assert_eq!(steps.len(), 2);
    let (temporary, summary) = (folder.path().join("runner"), folder.path().join("summary.md"));
    std::fs::create_dir_all(temporary.join("orch/bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cargo-orch"), temporary.join("orch/bin/cargo-orch"))
        .unwrap();
    for step in steps {
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", step.trim_matches('\'')])
            .current_dir(&project)
            .env("CARGO_TARGET_DIR", &target)
            .envs([("SUITE", "routing"), ("STRICT", "true"), ("GITHUB_ACTIONS", "true")])
            .env("RUNNER_TEMP", &temporary)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(std::fs::read_to_string(summary).unwrap().starts_with("## routing: pass"));

    // As the suite says: the gate that compares in, the snapshot in, then bless. Before that nothing can be said.
    let suite = project.join("evals/routing.rs");
    let text = std::fs::read_to_string(&suite).unwrap();
    let text = text.replace("        .without_snapshot()\n", "").replace("// .gate(", ".gate(");
    std::fs::write(&suite, text).unwrap();
    let test = |strict: &str| {
        let mut test = Command::new(&cargo);
        test.args(["test", "--quiet", "--test", "routing"]).current_dir(&project);
        test.env("CARGO_TARGET_DIR", &target).env("ORCH_STRICT", strict).env_remove("ORCH_EVAL");
        test.output().unwrap()
    };
    assert!(test("0").status.success(), "what is inconclusive passes where nobody is strict");
    assert!(!test("1").status.success(), "nothing was blessed yet");
    let bless = Command::new(env!("CARGO_BIN_EXE_cargo-orch"))
        .args(["orch", "bless"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CI")
        .output()
        .unwrap();
    assert!(bless.status.success(), "{}", String::from_utf8_lossy(&bless.stderr));
    let strict = test("1");
    assert!(strict.status.success(), "{}", String::from_utf8_lossy(&strict.stdout));
}
