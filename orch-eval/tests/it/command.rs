//! `cargo orch`: what it prints, what it writes, and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::{file, tickets};

pub(crate) fn orch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-orch")).arg("orch").args(arguments).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    assert_eq!(code(output), 0, "{}", errors(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn fit_and_score_need_no_rust() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    let fitted = json(&orch(&["fit", text(&data), "-o", text(&router), "--json"]));
    assert_eq!((fitted["examples"].as_u64(), fitted["routes"].as_array().unwrap().len()), (Some(14), 2));

    let output = orch(&["score", text(&router), text(&data), "--json"]);
    let scored = json(&output);
    assert_eq!(scored["n"], 5);
    for key in [
        "accuracy",
        "in_scope_accuracy",
        "macro_f1",
        "oos_recall",
        "oos_auroc",
        "ece",
        "p50_us",
        "p99_us",
        "routes",
        "per_label",
    ] {
        assert!(!scored[key].is_null(), "{key} is not in {scored}");
    }
    assert!(scored.get("oos_precision").is_some());
    assert!(scored["in_scope_accuracy"].as_f64().unwrap() >= 0.75, "{scored}");

    let screen = orch(&["score", text(&router), text(&data)]);
    assert!(String::from_utf8(screen.stdout).unwrap().starts_with("accuracy "));
}

#[test]
fn bad_data_is_a_data_error_and_writes_nothing() {
    let (folder, data) = file("bad.jsonl", "{\"input\": \"a\", \"label\": 3}\n{\"input\": \"b\"}\n");
    let router = folder.path().join("router.orch");
    let output = orch(&["fit", text(&data), "-o", text(&router)]);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("bad.jsonl:1:") && errors(&output).contains("bad.jsonl:2:"));
    assert!(!router.exists());

    let (_one, single) = file("one.jsonl", "{\"input\": \"a\", \"label\": \"x\"}\n");
    let output = orch(&["fit", text(&single), "-o", text(&router)]);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("at least 2 labels"), "{}", errors(&output));
    assert!(!router.exists());
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_the_old_one_stays() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    let output = orch(&["fit", text(&data), "-o", text(&blocked.join("router.orch"))]);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("cannot be written"));
}

#[test]
fn a_damaged_router_is_named_with_the_reason() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    assert_eq!(code(&orch(&["fit", text(&data), "-o", text(&router)])), 0);
    let good = std::fs::read(&router).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    for (bytes, reason) in [
        (&b"GIF89a"[..], "not a router file"),
        (&good[..100], "cut short"),
        (&flipped[..], "checksum does not match"),
    ] {
        std::fs::write(&router, bytes).unwrap();
        let output = orch(&["score", text(&router), text(&data)]);
        assert_eq!((code(&output), output.stdout.len()), (2, 0));
        assert!(
            errors(&output).contains(reason) && errors(&output).contains("router.orch"),
            "{}",
            errors(&output)
        );
    }
    let output = orch(&["score", "no-such-file", text(&data)]);
    assert!(code(&output) == 2 && errors(&output).contains("no-such-file: cannot be read"));
}

#[test]
fn labels_and_routes_that_do_not_meet_are_said_first() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let router = folder.path().join("router.orch");
    assert_eq!(code(&orch(&["fit", text(&data), "-o", text(&router)])), 0);
    let (_two, foreign) = file("foreign.jsonl", "{\"input\": \"a\", \"label\": \"shipping\"}\n");
    let output = orch(&["score", text(&router), text(&foreign)]);
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
    assert!(
        errors(&output).contains("foreign.jsonl:1: no route has the label `shipping`"),
        "{}",
        errors(&output)
    );
    assert!(errors(&output).contains("write `null` for what is out of scope"), "{}", errors(&output));
    let (_three, part) = file("part.jsonl", "{\"input\": \"charged\", \"label\": \"billing\"}\n");
    let output = orch(&["score", text(&router), text(&part)]);
    assert_eq!(code(&output), 0);
    assert!(errors(&output).contains("no case expects technical"), "{}", errors(&output));
    assert!(errors(&output).contains("no row has a `split`"), "{}", errors(&output));
}

#[test]
fn lint_counts_what_is_wrong() {
    let (_folder, data) = file(
        "tickets.jsonl",
        tickets() + "{\"input\": \"tell me a JOKE\", \"label\": \"billing\", \"split\": \"test\"}\n",
    );
    let lint = json(&orch(&["lint", text(&data), "--json"]));
    assert_eq!(
        (lint["leakage"].as_array().unwrap().len(), lint["conflicts"].as_array().unwrap().len()),
        (1, 1)
    );
    let words = String::from_utf8(orch(&["lint", text(&data)]).stdout).unwrap();
    assert!(words.contains("tickets.jsonl:20 is also"), "{words}");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [&["fti"][..], &["fit"], &["score", "a"], &["eval", "--sterict"], &[]] {
        assert_eq!(code(&orch(arguments)), 2, "{arguments:?}");
    }
    let help = orch(&["--help"]);
    let words = String::from_utf8(help.stdout).unwrap();
    for command in ["eval", "fit", "score", "lint", "plan"] {
        assert!(words.contains(command));
    }
    assert_eq!(
        code(&Command::new(env!("CARGO_BIN_EXE_cargo-orch")).args(["lint", "none"]).output().unwrap()),
        2
    );
}

#[test]
fn plans_are_drawn_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-orch"));
        // The package that needs the least to be built.
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args(["orch", "plan", "-p", "hello"]);
        command.args(arguments).output().unwrap()
    };
    let drawn = plan(&["--json", "--svg", text(folder.path())]);
    let documents = json(&drawn);
    assert_eq!(documents[0]["plan"]["name"], "summary");
    let pictures: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(pictures.iter().all(|picture| picture.starts_with("<svg ")) && !pictures.is_empty());

    let file = folder.path().join("plans.json");
    std::fs::write(&file, &drawn.stdout).unwrap();
    assert_eq!(code(&plan(&["--diff", text(&file)])), 0);
    let changed =
        String::from_utf8(drawn.stdout).unwrap().replacen("\"name\": \"summary\"", "\"name\": \"reply\"", 1);
    std::fs::write(&file, changed).unwrap();
    let different = plan(&["--diff", text(&file)]);
    assert_eq!(code(&different), 1, "{}", errors(&different));
    let said = String::from_utf8(different.stdout).unwrap();
    assert!(said.contains("::reply\n") && said.contains("::summary\n"), "{said}");
    std::fs::write(&file, "{").unwrap();
    let broken = plan(&["--diff", text(&file)]);
    assert_eq!(code(&broken), 2);
    assert!(errors(&broken).contains("plans.json: "), "{}", errors(&broken));
}

#[test]
fn a_router_is_corrected_and_explained() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let (router, better) = (folder.path().join("router.orch"), folder.path().join("better.orch"));
    json(&orch(&["fit", text(&data), "-o", text(&router), "--json"]));
    let wrong = folder.path().join("wrong.jsonl");
    std::fs::write(&wrong, "{\"input\": \"my voucher is void\", \"label\": \"billing\"}\n").unwrap();
    json(&orch(&["fit", text(&wrong), "--from", text(&router), "-o", text(&better), "--json"]));
    let explained = json(&orch(&["explain", text(&better), "my voucher is void", "--json"]));
    assert_eq!(explained["best"], "billing");
    assert!(explained["reasons"].as_array().unwrap().len() == 4, "{explained}");
    let screen = orch(&["explain", text(&better), "the app crashes"]);
    assert!(String::from_utf8(screen.stdout).unwrap().starts_with("technical ("));
    std::fs::write(&wrong, "{\"input\": \"hello\", \"label\": \"sales\"}\n").unwrap();
    let strange = orch(&["fit", text(&wrong), "--from", text(&router), "-o", text(&better)]);
    assert!(code(&strange) == 2 && errors(&strange).contains("`sales`"), "{}", errors(&strange));
}

#[test]
fn what_is_no_file_of_ours_is_not_replaced() {
    let (folder, data) = file("tickets.jsonl", tickets());
    let fit = |output: &Path| orch(&["fit", data.to_str().unwrap(), "-o", output.to_str().unwrap()]);
    let pipe = folder.path().join("folder");
    std::fs::create_dir(&pipe).unwrap();
    assert_eq!(fit(&pipe).status.code(), Some(2));
    let (kept, link) = (folder.path().join("kept.orch"), folder.path().join("link.orch"));
    std::fs::write(&kept, "old").unwrap();
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    assert!(fit(&link).status.success());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "what it leads to is replaced");
    assert!(std::fs::metadata(&kept).unwrap().len() > 100);
    let mut permissions = std::fs::metadata(&kept).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&kept, permissions).unwrap();
    let output = fit(&kept);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("read-only"));
}
