//! `fit`, `score` and `lint`: what needs no Rust from the user.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use orch_core::router::Reason;
use orch_eval::{
    CostReport, CostScore, Dataset, EncoderPlace, FitOptions, FittedRouter, Fitting, Lint, Metrics,
    Perturbation, Proportion, Scored, Tried,
};
use serde_json::{Map, Value, json};

use crate::{Failure, runtime, say, show, show_json};

pub(crate) fn fit(train: &Path, output: &Path, options: &FitOptions, as_json: bool) -> Result<u8, Failure> {
    refuse_same(train, output)?;
    options.check_output(output).map_err(Failure::usage)?;
    let data = Dataset::load(train).map_err(Failure::usage)?;
    let started = Instant::now();
    // Where standard error is a terminal: how long it takes is not known, only that it goes on.
    let spinner = ProgressBar::new_spinner().with_message("fitting");
    spinner.enable_steady_tick(Duration::from_millis(100));
    let fitted = orch_eval::fit(&data, options);
    spinner.finish_and_clear();
    let Fitting { router, tried } = fitted.map_err(Failure::usage)?;
    let took = started.elapsed().as_secs_f64();
    let rules = router.rules();
    router.save(output).map_err(Failure::usage)?;
    let examples = data.to_fit().len();
    let bytes = std::fs::metadata(output).map_or(0, |file| file.len());
    let routes = router.routes();
    if as_json {
        let routes: Vec<&str> = routes.iter().map(AsRef::as_ref).collect();
        return show_json(&json!({
            "output": output, "examples": examples, "routes": routes, "bytes": bytes,
            "stages": router.stages(), "tried": tried,
            "abstains_below": router.abstains_below(), "seconds": took,
        }))
        .map(|()| 0);
    }
    for (index, Tried { name, accuracy, mean_us, in_time }) in tried.iter().enumerate() {
        let late = if *in_time { "" } else { ", too slow" };
        let rank = index + 1;
        say(&format!("{rank}. {name}: {:.2} % right, {mean_us:.0} µs a decision{late}", accuracy * 100.0));
    }
    if let Some(rules) = rules {
        show(&rules);
    }
    let kinds: Vec<String> = router
        .stages()
        .iter()
        .map(
            |(kind, at_least)| {
                if *at_least > 0.0 { format!("{kind} (from {at_least:.3} on)") } else { (*kind).to_owned() }
            },
        )
        .collect();
    let abstains = if router.abstains_below() > 0.0 {
        format!("abstains below a confidence of {:.3}", router.abstains_below())
    } else {
        "never abstains by its confidence".to_owned()
    };
    say(&format!(
        "{}: {} routes from {examples} examples in {took:.1} s; {abstains}; {} has {} kB",
        kinds.join(", then "),
        routes.len(),
        output.display(),
        bytes.div_ceil(1_000),
    ));
    Ok(0)
}

/// Data must not be overwritten with what is learned from it.
fn refuse_same(data: &Path, output: &Path) -> Result<(), Failure> {
    match (data.canonicalize(), output.canonicalize()) {
        (Ok(data), Ok(output)) if data == output => {
            Err(Failure::usage(format!("{} is the data; name another file to write", output.display())))
        }
        _ => Ok(()),
    }
}

/// Corrects a learned router.
pub(crate) fn correct(from: &Path, rows: &Path, output: &Path, as_json: bool) -> Result<u8, Failure> {
    refuse_same(rows, output)?;
    let data = Dataset::load(rows).map_err(Failure::usage)?;
    let router = FittedRouter::load(from, &[]).map_err(Failure::usage)?;
    let better = router.corrected(&data).map_err(Failure::usage)?;
    better.save(output).map_err(Failure::usage)?;
    let count = data.to_fit().len();
    if as_json {
        return show_json(&json!({ "output": output, "corrections": count })).map(|()| 0);
    }
    say(&format!("{} learned from {count} corrections; {} is the result", from.display(), output.display()));
    Ok(0)
}

pub(crate) fn explain(
    router: &Path,
    text: &str,
    encoders: &[EncoderPlace],
    as_json: bool,
) -> Result<u8, Failure> {
    let router = FittedRouter::load(router, encoders).map_err(Failure::usage)?;
    let runtime = runtime()?;
    let explained = runtime.block_on(router.explain(text)).map_err(Failure::blocked)?;
    let Some((decision, reasons)) = explained else {
        say("nothing in the text speaks for any route");
        let nothing = json!({ "route": null, "best": null, "confidence": 0.0, "reasons": [] });
        return if as_json { show_json(&nothing).map(|()| 0) } else { Ok(0) };
    };
    let abstains = decision.confidence < router.abstains_below();
    if as_json {
        let reasons: Vec<Value> = reasons
            .iter()
            .map(|reason| json!({ "word": reason.word, "start": reason.start, "weight": reason.weight }))
            .collect();
        return show_json(&json!({
            "route": (!abstains).then_some(&*decision.route), "best": &*decision.route,
            "confidence": decision.confidence, "decided_by": decision.decided_by, "reasons": reasons,
        }))
        .map(|()| 0);
    }
    let mut out = format!("{} ({:.3}), by {}", decision.route, decision.confidence, decision.decided_by);
    let _ = writeln!(out, "{}", if abstains { "; it abstains" } else { "" });
    for Reason { word, weight, .. } in reasons.iter().take(10) {
        let _ = writeln!(out, "  {weight:+.2}  {word}");
    }
    show(&out);
    Ok(0)
}

pub(crate) fn score(
    router: &Path,
    test: &Path,
    encoders: &[EncoderPlace],
    robustness: bool,
    as_json: bool,
) -> Result<u8, Failure> {
    let router = FittedRouter::load(router, encoders).map_err(Failure::usage)?;
    let perturbations: &[Perturbation] = if robustness { &Perturbation::ALL } else { &[] };
    let Scored { metrics, after_embedding_p50_us, otherwise, routes_without_a_case: unasked, is_split } =
        orch_eval::score(&router, test, perturbations).map_err(Failure::usage)?;
    if !is_split {
        say(
            "note: no row has a `split`, so all are scored; if the router was fitted on any of them, this says too much of it",
        );
    }
    if !unasked.is_empty() {
        say(&format!("note: no case expects {}", unasked.join(", ")));
    }
    if as_json {
        let routes = router.routes();
        let routes: Vec<&str> = routes.iter().map(AsRef::as_ref).collect();
        let mut document = flat(&metrics, &routes);
        document["after_embedding_p50_us"] = json!(after_embedding_p50_us);
        if !otherwise.is_empty() {
            let scores = otherwise.iter().map(|(perturbation, metrics)| {
                let in_scope = metrics.in_scope_accuracy.map(|accuracy| accuracy.value);
                let scores = json!({ "accuracy": metrics.accuracy.value, "in_scope_accuracy": in_scope });
                (perturbation.name().to_owned(), scores)
            });
            document["robustness"] = Value::Object(scores.collect());
        }
        show_json(&document)?;
    } else {
        show(&metrics.terminal());
        if let Some(time) = after_embedding_p50_us {
            show(&format!("after embedding   {time:.1} µs of a decision at the median\n"));
        }
        for (perturbation, otherwise) in &otherwise {
            let lost = |before: f64, after: f64| (before - after) * 100.0;
            let in_scope = metrics.in_scope_accuracy.zip(otherwise.in_scope_accuracy);
            let in_scope = in_scope.map_or_else(String::new, |(before, after)| {
                format!(", {:+.1} in scope", lost(before.value, after.value))
            });
            let all = lost(metrics.accuracy.value, otherwise.accuracy.value);
            show(&format!("{}: {all:+.1} points lost{in_scope}\n", perturbation.name()));
        }
    }
    Ok(0)
}

/// The metrics with each proportion as its value, and its interval beside it.
fn flat(metrics: &Metrics, routes: &[&str]) -> Value {
    let mut document = Map::new();
    document.insert("n".to_owned(), json!(metrics.n));
    document.insert("errors".to_owned(), json!(metrics.errors));
    let mut proportion = |name: &str, value: Option<&Proportion>| {
        document.insert(name.to_owned(), json!(value.map(|value| value.value)));
        document.insert(format!("{name}_interval"), json!(value.map(|value| [value.low, value.high])));
    };
    proportion("accuracy", Some(&metrics.accuracy));
    proportion("in_scope_accuracy", metrics.in_scope_accuracy.as_ref());
    proportion("top3_accuracy", metrics.top3_accuracy.as_ref());
    proportion("false_oos", metrics.false_oos.as_ref());
    proportion("oos_recall", metrics.oos_recall.as_ref());
    proportion("oos_precision", metrics.oos_precision.as_ref());
    for (name, value) in [
        ("macro_f1", json!(metrics.macro_f1)),
        ("weighted_f1", json!(metrics.weighted_f1)),
        ("kappa", json!(metrics.kappa)),
        ("aurc", json!(metrics.aurc)),
        ("oos_auroc", json!(metrics.oos_auroc)),
        ("ece", json!(metrics.ece)),
        ("p50_us", json!(metrics.p50_us)),
        ("p99_us", json!(metrics.p99_us)),
        ("routes", json!(routes)),
        ("confusions", json!(metrics.confusions)),
    ] {
        document.insert(name.to_owned(), value);
    }
    let per_label: Vec<Value> = metrics
        .per_label
        .iter()
        .map(|label| {
            json!({
                "label": label.label, "support": label.support,
                "precision": label.precision.value, "recall": label.recall.value, "f1": label.f1,
            })
        })
        .collect();
    document.insert("per_label".to_owned(), json!(per_label));
    Value::Object(document)
}

pub(crate) fn cost(file: &Path, output: Option<&Path>, as_json: bool) -> Result<u8, Failure> {
    let sets = orch_eval::load_graded(file).map_err(Failure::usage)?;
    if let Some(output) = output {
        orch_eval::learn_difficulty(&sets, output).map_err(Failure::usage)?;
    }
    let reports = sets
        .iter()
        .map(|(name, questions)| orch_eval::cost(name, questions).map_err(Failure::usage))
        .collect::<Result<Vec<_>, _>>()?;
    if as_json {
        return show_json(&reports).map(|()| 0);
    }
    let mut out = String::new();
    for CostReport { set, n, cheap, capable, scores, frontier } in &reports {
        let _ = writeln!(out, "{set}: {n} questions; cheap alone {cheap:.3}, capable alone {capable:.3}");
        for score in scores {
            let CostScore {
                name,
                apgr,
                apgr_interval: [low, high],
                cpt50,
                cpt50_interval,
                cpt80,
                cpt80_interval,
            } = score;
            let percent = |share: f64, [low, high]: [f64; 2]| {
                format!("{:.0} % ({:.0} to {:.0})", share * 100.0, low * 100.0, high * 100.0)
            };
            let _ = writeln!(
                out,
                "  {name:<8} APGR {apgr:.3} ({low:.3} to {high:.3}), half the gap at {} of calls, four fifths at {}",
                percent(*cpt50, *cpt50_interval),
                percent(*cpt80, *cpt80_interval)
            );
        }
        let points: Vec<String> =
            frontier.iter().map(|[share, quality]| format!("{:.0} %: {quality:.3}", share * 100.0)).collect();
        let _ = writeln!(out, "  quality by share of calls to the capable model: {}", points.join(", "));
    }
    show(&out);
    Ok(0)
}

pub(crate) fn lint(file: &Path, as_json: bool) -> Result<u8, Failure> {
    let data = Dataset::load(file).map_err(Failure::usage)?;
    let lint = data.lint();
    if as_json {
        show_json(&lint)?;
    } else {
        show(&words(&lint, file));
    }
    Ok(0)
}

fn words(lint: &Lint, file: &Path) -> String {
    let name = file.display();
    let mut out = format!("{} rows can be read\n", lint.rows);
    let _ = writeln!(out, "texts that stand more than once: {}", lint.duplicates.len());
    let _ = writeln!(out, "pairs of texts that nearly say the same: {}", lint.near_duplicates.len());
    for (first, second, alike) in lint.near_duplicates.iter().take(5) {
        let _ = writeln!(out, "  {name}:{first} and {name}:{second}, {:.0} % alike", alike * 100.0);
    }
    let _ = writeln!(out, "rows to measure on that also stand among those to fit on: {}", lint.leakage.len());
    for (test, train) in lint.leakage.iter().take(5) {
        let _ = writeln!(out, "  {name}:{test} is also {name}:{train}");
    }
    let _ = writeln!(out, "texts with labels that contradict each other: {}", lint.conflicts.len());
    for conflict in lint.conflicts.iter().take(5) {
        let labels: Vec<String> =
            conflict.labels.iter().map(|(label, line)| format!("{label} (line {line})")).collect();
        let _ = writeln!(out, "  {:?}: {}", conflict.input, labels.join(", "));
    }
    if !lint.thin.is_empty() {
        let thin: Vec<String> = lint.thin.iter().map(|(label, count)| format!("{label} ({count})")).collect();
        let _ = writeln!(out, "fewer than 10 rows to measure on: {}", thin.join(", "));
    }
    let _ = writeln!(
        out,
        "no router can be right on more than {:.2} % of the rows to measure on",
        lint.ceiling * 100.0
    );
    out
}
