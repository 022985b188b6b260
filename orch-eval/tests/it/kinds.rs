//! Every kind of router that can be fitted, from the command line.

use std::path::{Path, PathBuf};

use orch_core::router::{Classifier as _, Difficulty, Label as _, Router};
use orch_core::{Route, workflow};
use orch_eval::{Dataset, FittedRouter};

use crate::command::{code, errors, json, orch, text};
use crate::{file, tickets};

/// A model's folder. Where it is not installed the test is skipped, but not in CI.
fn model(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name);
    if folder.join("tokenizer.json").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not installed", folder.display());
    println!("skipped: {} is not installed; `cargo xtask models` does it", folder.display());
    None
}

fn accuracy(router: &Path, data: &Path) -> f64 {
    json(&orch(&["score", text(router), text(data), "--json"]))["in_scope_accuracy"].as_f64().unwrap()
}

#[test]
fn mined_rules_are_printed_and_can_be_edited() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.rules");
    let output = orch(&["fit", text(&data), "-o", text(&router), "--router", "keyword"]);
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 0, "{}", errors(&output));
    assert!(printed.contains("[billing]") && printed.contains("[technical]"), "{printed}");
    assert_eq!(std::fs::read_to_string(&router).unwrap(), printed);
    assert!(accuracy(&router, &data) >= 0.75);
    std::fs::write(&router, "[billing]\ncard\ninvoice\n[technical]\napp\n").unwrap();
    assert!(accuracy(&router, &data) > 0.99);
    std::fs::write(&router, "[billing]\ncard * lots\n").unwrap();
    let wrong = orch(&["score", text(&router), text(&data)]);
    assert_eq!(code(&wrong), 2);
    assert!(errors(&wrong).contains("router.rules: line 2: "), "{}", errors(&wrong));
}

#[test]
fn auto_says_what_it_tried() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    let output = orch(&["fit", text(&data), "-o", text(&router), "--router", "auto"]);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    let said = errors(&output);
    assert!(
        said.contains("learned: ") && said.contains("µs a decision") && said.contains("keyword"),
        "{said}"
    );
    let hurried =
        orch(&["fit", text(&data), "-o", text(&router), "--router", "auto", "--max-latency", "0.0001"]);
    assert_eq!(code(&hurried), 2);
    assert!(errors(&hurried).contains("no router decides within"), "{}", errors(&hurried));
}

#[test]
fn a_router_with_an_encoder_wants_one() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    let fit = |options: &[&str]| {
        let all = [&["fit", text(&data), "-o", text(&router), "--router", "fused"], options].concat();
        orch(&all)
    };
    let output = fit(&[]);
    assert!(code(&output) == 2 && errors(&output).contains("--encoder FOLDER"), "{}", errors(&output));
    let output = fit(&["--encoder", text(folder.path())]);
    assert!(code(&output) == 2 && errors(&output).contains("is not there"), "{}", errors(&output));
    assert!(!router.exists());
}

#[test]
fn routers_with_vectors_are_kept_whole_and_want_their_own_encoder() {
    let (Some(table), Some(transformer)) = (model("static"), model("minilm")) else { return };
    let (folder, data) = file("tickets.jsonl", tickets());
    let vectors = folder.path().join("vectors");
    for kind in ["semantic", "dense", "fused", "cascade"] {
        let router = folder.path().join(kind);
        let arguments =
            ["fit", text(&data), "-o", text(&router), "--router", kind, "--encoder", text(&table)];
        let output = orch(&[&arguments[..], &["--embeddings", text(&vectors)]].concat());
        assert_eq!(code(&output), 0, "{kind}: {}", errors(&output));
        assert!(accuracy(&router, &data) >= 0.75, "{kind}");
        let other = orch(&["score", text(&router), text(&data), "--encoder", text(&transformer)]);
        assert!(
            code(&other) == 2 && errors(&other).contains("was fitted with the encoder"),
            "{}",
            errors(&other)
        );
    }
}

#[test]
fn a_cascade_asks_the_quick_encoder_first_and_keeps_what_it_uses() {
    let (Some(table), Some(transformer)) = (model("static"), model("minilm")) else { return };
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("cascade.orch");
    let with_both = ["--encoder", text(&table), "--encoder", text(&transformer)];
    let fit = |kind: &str, options: &[&str]| {
        orch(&[&["fit", text(&data), "-o", text(&router), "--router", kind], options].concat())
    };
    let found = json(&fit("auto", &[&["--json"], &with_both[..]].concat()));
    let tried: Vec<&str> =
        found["tried"].as_array().unwrap().iter().map(|tried| tried["name"].as_str().unwrap()).collect();
    for name in [
        "learned",
        &format!("fused with {}", table.display()),
        &format!("fused with {}", transformer.display()),
    ] {
        assert!(tried.contains(&name), "{tried:?}");
    }
    assert!(accuracy(&router, &data) >= 0.5);
    let one = fit("fused", &with_both);
    assert!(code(&one) == 2 && errors(&one).contains("has one encoder"), "{}", errors(&one));
    assert_eq!(code(&fit("fused", &with_both[..2])), 0);
    let more = orch(&[&["score", text(&router), text(&data)], &with_both[..]].concat());
    assert!(code(&more) == 2 && errors(&more).contains("was fitted with 1 encoders"), "{}", errors(&more));
}

#[test]
fn an_encoder_may_be_at_a_server() {
    let Some(llama) = testkit::Llama::start(testkit::Model::SmolLm2Embeddings) else { return };
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("semantic.orch");
    let fit = |place: &str| {
        orch(&["fit", text(&data), "-o", text(&router), "--router", "semantic", "--encoder", place])
    };
    let nameless = fit(llama.base());
    assert!(code(&nameless) == 2 && errors(&nameless).contains("after a #"), "{}", errors(&nameless));
    let nobody = fit("http://127.0.0.1:9/v1#smollm2");
    assert!(
        code(&nobody) == 2 && errors(&nobody).contains("http://127.0.0.1:9/v1#smollm2"),
        "{}",
        errors(&nobody)
    );
    assert!(!router.exists());
    let found = fit(&format!("{}#smollm2", llama.base()));
    assert_eq!(code(&found), 0, "{}", errors(&found));
    assert!(accuracy(&router, &data) >= 0.25);
}

#[test]
fn what_routing_by_cost_gains_is_said_with_intervals() {
    let rows: String = (0..120)
        .map(|i| {
            let (input, weak) = if i % 3 == 0 { ("prove the lemma", 0) } else { ("say hello", 1) };
            format!("{{\"input\": \"{input} {i}\", \"quality\": {{\"weak\": {weak}, \"strong\": 1}}}}\n")
        })
        .collect();
    let (folder, data) = file("graded.jsonl", rows);
    let learned = folder.path().join("difficulty.orch");
    let report = json(&orch(&["cost", text(&data), "--json", "-o", text(&learned)]));
    let router = Difficulty::from_bytes(&std::fs::read(&learned).unwrap()).unwrap().router(
        "cheap".to_owned(),
        "capable".to_owned(),
        0.1,
        1.0,
    );
    assert_eq!(router.choose("prove the lemma 7", &[]).route, "capable");
    assert_eq!(router.choose("say hello 7", &[]).route, "cheap");
    let nowhere = orch(&["cost", text(&data), "-o", text(&folder.path().join("no/folder"))]);
    assert!(code(&nowhere) == 2 && errors(&nowhere).contains("cannot be written"), "{}", errors(&nowhere));
    let learned = &report[0]["scores"][0];
    assert!(learned["apgr"].as_f64().unwrap() > 0.8, "{report}");
    assert!(learned["apgr_interval"][0].as_f64() <= learned["apgr"].as_f64(), "{report}");
    let screen = orch(&["cost", text(&data)]);
    assert!(String::from_utf8(screen.stdout).unwrap().contains("APGR"));
}

#[test]
fn examples_that_mislead_are_found() {
    let Some(model) = model("static") else { return };
    // One example of billing says what technical ones say.
    let wrong = "{\"id\": \"wrong\", \"input\": \"the app crashes again\", \"label\": \"billing\", \"split\": \"train\"}\n";
    // Each other is said twice, so that the nearest example is the best to go by.
    let mut rows = String::new();
    for row in tickets().lines() {
        rows.push_str(&format!("{row}\n"));
        if row.contains("train-") {
            let again = row.replace("train-", "again-").replace("\",\"label", " now\",\"label");
            rows.push_str(&format!("{again}\n"));
        }
    }
    let (folder, data) = file("tickets.jsonl", rows + wrong);
    let router = folder.path().join("router.orch");
    let fit = [
        "fit",
        text(&data),
        "-o",
        text(&router),
        "--router",
        "semantic",
        "--encoder",
        text(&model),
        "--abstain-at",
        "0",
    ];
    assert_eq!(code(&orch(&fit)), 0);
    let worths = json(&orch(&["mutate", text(&router), text(&data), "--json"]));
    let worths = worths.as_array().unwrap();
    assert_eq!(worths.len(), 21, "each example that is in scope");
    let worst = &worths[0];
    assert_eq!((&worst["what"], &worst["route"]), (&"the app crashes again".into(), &"billing".into()));
    assert!(worst["costs"].as_u64() > worst["earns"].as_u64(), "{worst}");
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    Billing,
    Technical,
    #[route(default)]
    Other,
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Changed {
    Billing,
    Shipping,
    #[route(default)]
    Other,
}

workflow!(
    async fn sorted<R: Router<Route = Intent>>(router: &R, text: &str) -> orch_core::Result<&'static str> {
        let intent = router.decide(text).await?;
        Ok(match intent.route {
            Intent::Billing => "billing",
            Intent::Technical => "technical",
            Intent::Other => "other",
        })
    }
);

#[tokio::test]
async fn a_fitted_router_of_any_kind_stands_in_a_workflow() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let path = folder.path().join("router.orch");
    assert_eq!(code(&orch(&["fit", text(&data), "-o", text(&path), "--router", "auto"])), 0);
    let load = || FittedRouter::load(&path, &[]).unwrap();
    let router = load().over::<Intent>().unwrap();
    let (mut right, mut all) = (0, 0);
    for case in Dataset::load(&data).unwrap().to_measure() {
        let Some(expected) = case.expected.first() else { continue };
        let ranked = load().rank(&case.input).await.unwrap();
        let decided = router.decide(&case.input).await.unwrap();
        if decided.route != Intent::Other {
            assert_eq!(ranked.as_ref().map(|ranked| &*ranked.route), Some(decided.route.label()));
            assert_eq!(router.classify(&case.input).await.unwrap().map(|it| it.route), Some(decided.route));
        }
        right += u32::from(sorted(&router, &case.input).await.unwrap() == expected);
        all += 1;
    }
    assert!(all >= 4 && f64::from(right) >= 0.75 * f64::from(all), "{right} of {all}");
    let error = load().over::<Changed>().unwrap_err().to_string();
    assert!(
        error.contains("only the router has `technical`")
            && error.contains("only the program has `shipping`")
    );
}
