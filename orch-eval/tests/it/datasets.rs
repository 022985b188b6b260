//! Datasets: every bad row at once, with its place; and nothing of a file that is half understood.

use orch_eval::{DataError, Dataset, Expected, Split};
use proptest::prelude::*;

use crate::file;

fn refused(name: &str, text: impl AsRef<[u8]>) -> Vec<(u64, u64, String)> {
    let (_folder, path) = file(name, text);
    let DataError { problems, .. } = Dataset::load(&path).unwrap_err();
    problems.into_iter().map(|problem| (problem.line, problem.column, problem.what)).collect()
}

#[test]
fn a_row_says_all_it_can() {
    let (_folder, path) = file(
        "data.jsonl",
        concat!(
            "\u{feff}{\"id\": 7, \"input\": \"a\", \"label\": [\"x\", \"y\"], \"tags\": [\"t\"], \"pin\": true, \"split\": \"val\", \"cluster\": \"c\"}\r\n",
            "\n",
            "{\"input\": \"b\", \"label\": null, \"split\": \"test\", \"extra\": {\"is\": \"fine\"}}",
        ),
    );
    let data = Dataset::load(&path).unwrap();
    let first = &data.cases[0];
    assert_eq!((first.id.as_str(), first.pin, first.split, first.line), ("7", true, Some(Split::Val), 1));
    assert_eq!(first.expected, Expected::AnyOf(vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!((data.cases[1].expected.clone(), data.cases[1].line), (Expected::OutOfScope, 3));
    assert_eq!(data.labels().into_iter().collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn every_bad_line_is_reported_with_its_column() {
    let text = [
        r#"{"input": "fine", "label": "a"}"#,
        r#"{"input": "no label"}"#,
        r#"{"input": 3, "label": true}"#,
        r#"{"input": "cut", "label": "#,
        r#"["a list"]"#,
        r#"{"input": "  ", "label": ""}"#,
        r#"{"input": "x", "label": [], "split": "tset"}"#,
        r#"{"input": "x", "label": "a", "split": "tset"}"#,
        r#"{"id": "one", "input": "x", "label": "a"}"#,
        r#"{"id": "one", "input": "y", "label": "a"}"#,
    ];
    let problems = refused("data.jsonl", text.join("\n"));
    let places: Vec<(u64, u64)> = problems.iter().map(|(line, column, _)| (*line, *column)).collect();
    assert_eq!(
        places,
        [(2, 1), (3, 2), (3, 14), (4, 26), (5, 1), (6, 2), (6, 17), (7, 16), (8, 30), (10, 2)],
        "{problems:#?}"
    );
    assert!(problems[0].2.contains("`label` is missing"));
    assert!(problems[2].2.contains("a boolean"));
    assert!(problems[3].2.contains("not JSON"));
    assert!(problems[8].2.contains("`tset`"));
    assert!(problems[9].2.contains("already stands in line 9"));
}

#[test]
fn a_slip_in_a_fields_name_and_a_missing_split_are_found() {
    let rows = [
        r#"{"input": "a", "labels": "x", "label": "x", "split": "train"}"#,
        r#"{"input": "b", "label": "x", "Split": "test"}"#,
        r#"{"input": "c", "label": "x", "splt": "test", "source": "mail"}"#,
    ];
    let problems = refused("data.jsonl", rows.join("\n"));
    let said: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.0, problem.2.as_str())).collect();
    assert_eq!(said[0], (1, "`labels` is not a field; did you mean `label`?"));
    assert_eq!(said[1], (2, "`Split` is not a field; did you mean `split`?"));
    assert_eq!(said[2], (3, "`splt` is not a field; did you mean `split`?"));
    let rows = [r#"{"input": "a", "label": "x", "split": "train"}"#, r#"{"input": "b", "label": "x"}"#];
    assert!(refused("data.jsonl", rows.join("\n"))[0].2.contains("this one has none"));
}

#[test]
fn csv_has_the_same_rules() {
    let (_folder, path) = file(
        "data.csv",
        "label,input,pin\nbilling,\"charged twice, again\",true\n,\"two\nlines\",\nbilling|account,both,0\n",
    );
    let data = Dataset::load(&path).unwrap();
    assert_eq!((data.cases[0].input.as_str(), data.cases[0].pin), ("charged twice, again", true));
    assert_eq!((data.cases[1].expected.clone(), data.cases[2].line), (Expected::OutOfScope, 5));
    assert_eq!(data.cases[2].expected, Expected::AnyOf(vec!["billing".to_owned(), "account".to_owned()]));

    let problems = refused("data.csv", "input,label,pin\nfine,a,true\nshort,a\n,a,perhaps\n");
    assert_eq!(problems.iter().map(|problem| (problem.0, problem.1)).collect::<Vec<_>>(), [(3, 1), (4, 4)]);
    assert!(refused("data.csv", "text,label\nx,a\n")[0].2.contains("no column `input`"));
}

#[test]
fn what_is_no_data_is_refused() {
    assert!(refused("data.jsonl", "")[0].2.contains("no rows"));
    assert!(refused("data.jsonl", b"{\"input\": \"\xff\", \"label\": \"a\"}")[0].2.contains("not UTF-8"));
    let huge = format!("{{\"input\": \"{}\", \"label\": \"a\"}}", "x".repeat(1 << 20));
    assert!(refused("data.jsonl", huge)[0].2.contains("bytes"));
    assert!(
        Dataset::load("no/such/file.jsonl")
            .unwrap_err()
            .to_string()
            .contains("no/such/file.jsonl: cannot be read")
    );
    let deep = format!("{{\"input\": {}1{}, \"label\": \"a\"}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(refused("data.jsonl", deep).len(), 1);
}

#[test]
fn ids_made_up_survive_new_rows() {
    let (_one, path) =
        file("data.jsonl", "{\"input\": \"a\", \"label\": \"x\"}\n{\"input\": \"a\", \"label\": \"x\"}\n");
    let before = Dataset::load(&path).unwrap();
    let (_two, path) =
        file("data.jsonl", "{\"input\": \"new\", \"label\": \"x\"}\n{\"input\": \"a\", \"label\": \"x\"}\n");
    let after = Dataset::load(&path).unwrap();
    assert_eq!(before.cases[0].id, after.cases[1].id);
    assert_eq!(before.cases[1].id, format!("{}-2", before.cases[0].id));
}

#[test]
fn lint_finds_duplicates_leakage_and_conflicts() {
    let rows = [
        ("Where is it", "a", "train"),
        ("where  IS it", "a", "test"),
        ("same", "a", "test"),
        ("same", "b", "test"),
        ("other", "b", "test"),
    ];
    let text: String = rows
        .iter()
        .map(|(input, label, split)| {
            format!("{}\n", serde_json::json!({"input": input, "label": label, "split": split}))
        })
        .collect();
    let (_folder, path) = file("data.jsonl", text);
    let lint = Dataset::load(&path).unwrap().lint();
    assert_eq!(lint.duplicates, [vec![1, 2], vec![3, 4]]);
    assert_eq!(lint.leakage, [(2, 1)]);
    assert_eq!(lint.conflicts.len(), 1);
    assert!((lint.ceiling - 0.75).abs() < 1e-12);
}

proptest! {
    /// Whatever the bytes: the rows, or every problem with its line. Never a panic.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), csv in any::<bool>()) {
        let (_folder, path) = file(if csv { "data.csv" } else { "data.jsonl" }, bytes);
        if let Err(error) = Dataset::load(&path) {
            prop_assert!(!error.problems.is_empty());
        }
    }

    /// One bad row in a good file refuses the file, on that row's line.
    #[test]
    fn a_broken_row_is_found_on_its_line(good in 1_u64..40, at in 0_u64..40, cut in 1_usize..30) {
        let at = at % (good + 1);
        let row = |n: u64| format!("{{\"id\": \"{n}\", \"input\": \"text {n}\", \"label\": \"a\"}}");
        let mut lines: Vec<String> = (0..good).map(row).collect();
        lines.insert(usize::try_from(at).unwrap(), row(99)[..cut].to_owned());
        let (_folder, path) = file("data.jsonl", lines.join("\n"));
        let error = Dataset::load(&path).unwrap_err();
        prop_assert_eq!(error.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), vec![at + 1]);
    }
}
