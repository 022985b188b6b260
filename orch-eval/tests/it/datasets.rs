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
        [(2, 1), (3, 2), (3, 14), (4, 26), (5, 1), (6, 2), (6, 17), (7, 16), (7, 29), (8, 30), (10, 2)],
        "{problems:#?}"
    );
    assert!(problems[0].2.contains("`label` is missing"));
    assert!(problems[2].2.contains("a boolean"));
    assert!(problems[3].2.contains("not JSON"));
    assert!(problems[8].2.contains("`tset`"));
    assert!(problems[10].2.contains("already stands in line 9"));
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

#[test]
fn rasa_training_data_is_read_with_its_lines() {
    let text = "version: \"3.1\"\nnlu:\n- intent: order_status\n  examples: |\n    - where is my [parcel](thing)\n    - has it been shipped\n- synonym: parcel\n  examples: |\n    - package\n- intent: out_of_scope\n  examples: |\n    - tell me a joke\n- intent: refund\n  examples:\n  - text: give me [my money](x) back\n";
    let (_folder, path) = file("nlu.yml", text);
    let data = Dataset::load(&path).unwrap();
    let found: Vec<(&str, Option<&str>, u64)> =
        data.cases.iter().map(|case| (case.input.as_str(), case.expected.first(), case.line)).collect();
    assert_eq!(
        found,
        [
            ("where is my parcel", Some("order_status"), 5),
            ("has it been shipped", Some("order_status"), 6),
            ("tell me a joke", None, 12),
            ("give me my money back", Some("refund"), 15),
        ]
    );
    for (text, place) in [
        ("nlu:\n- intent: a\n  examples: |\n    no dash\n", ":4:1: an example begins with"),
        ("nlu:\n- intent: a\n  examples: |\n\n    no dash\n", ":5:1: an example begins with"),
        ("nlu: [\n", ":2:"),
        ("intents: []\n", "has no list `nlu`"),
        ("nlu:\n- intent: a\n", "has no `examples`"),
        ("a: &x [1]\nnlu: [*x, *x]\n", ":2:7: references"),
        ("", "is empty"),
    ] {
        let (_folder, path) = file("nlu.yml", text);
        let error = Dataset::load(&path).unwrap_err().to_string();
        assert!(error.contains(place), "{text:?}: {error}");
    }
}

/// A file of 40 good rows, damaged in one place at random: refused with a line, whatever the damage, or read whole
/// where it does no harm.
#[test]
fn a_thousand_damaged_files_are_refused_with_their_lines() {
    let mut random = fastrand::Rng::with_seed(21);
    let row = |n: usize| {
        let label = ["a", "b", "c"][n % 3];
        format!(
            "{{\"id\": \"case-{n}\", \"input\": \"the text of case {n}\", \"label\": \"{label}\", \"split\": \"test\"}}"
        )
    };
    for round in 0..1_000 {
        let mut rows: Vec<String> = (0..40).map(row).collect();
        let at = random.usize(..rows.len());
        let line = rows[at].clone();
        rows[at] = match round % 10 {
            0 => line[..random.usize(1..line.len())].to_owned(),
            1 => line.replacen('"', "", random.usize(1..6)),
            2 => line.replacen("\"the text", "\"\\u00zz", 1),
            3 => line.replace("\"label\"", ["\"lable\"", "\"labels\"", "\"Label\""][random.usize(..3)]),
            4 => line.replace("case-", "case-0").replacen(
                &format!("case-0{at}"),
                &format!("case-{}", (at + 1) % 40),
                1,
            ),
            5 => line.replace("\"split\": \"test\"", "\"split\": \"tset\""),
            6 => format!("{line} {line}"),
            7 => line.replace(
                &format!("\"the text of case {at}\""),
                ["3", "null", "[]", "\"  \"", "{}"][random.usize(..5)],
            ),
            8 => format!("{}{line}", "[".repeat(random.usize(200..400))),
            _ => line.replacen(
                ["\"a\"", "\"b\"", "\"c\""][at % 3],
                ["[]", "[1]", "7", "\"\"", "true"][random.usize(..5)],
                1,
            ),
        };
        let mut text = rows.join("\n").into_bytes();
        if round % 10 == 2 {
            // And a byte that is no UTF-8.
            let place = text.iter().position(|byte| *byte == b'\\').unwrap();
            text[place] = 0xFF;
        }
        let (_folder, path) = file("data.jsonl", text);
        let error = Dataset::load(&path).expect_err(&rows[at]);
        // A doubled id is found at the second of the two.
        let line = if round % 10 == 4 { at.max((at + 1) % 40) } else { at } as u64 + 1;
        assert!(error.problems.iter().any(|problem| problem.line == line), "{}: {error}", rows[at]);
        assert!(error.problems.iter().all(|problem| problem.line == line), "{}: {error}", rows[at]);
    }
}

/// A file is read a row at a time to be scored, and must mean the same as when it is read whole.
#[test]
fn scoring_row_by_row_refuses_and_counts_as_reading_whole_does() {
    let (folder, router) = file("words.rules", "[a]\nalpha\n[b]\nbeta\n");
    let data = folder.path().join("data.jsonl");
    let score = |text: String| {
        std::fs::write(&data, text).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_cargo-orch"))
            .args(["orch", "score", "--json"])
            .args([&router, &data])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).map_err(|_| error)
    };
    let row = |input: &str, label: &str, rest: &str| {
        format!("{{\"input\": \"{input}\", \"label\": \"{label}\"{rest}}}\n")
    };
    let good = [
        format!("\u{feff}{}", row("alpha", "a", ", \"split\": \"test\"")),
        row("alpha", "a", ", \"split\": \"test\""),
        "\n".to_owned(),
        row("beta", "a", ", \"split\": \"test\""),
        row("beta", "b", ", \"split\": \"train\""),
    ];
    let found = score(good.concat()).unwrap();
    assert_eq!((&found["n"], found["accuracy"].as_f64().unwrap()), (&serde_json::json!(3), 2.0 / 3.0));
    for (text, problem) in [
        (good.concat() + &row("x", "c", ", \"split\": \"test\""), ":6: no route has the label `c`"),
        (good.concat() + &row("x", "a", ""), ":6:1: other rows have a `split`"),
        (
            row("x", "a", ", \"id\": 1") + &row("y", "a", ", \"id\": \"1\""),
            ":2:1: the id already stands in line 1",
        ),
        (good.concat() + "{\"input\": \"cut", ":6:"),
        (row(&"x".repeat(2 << 20), "a", ""), ":1:1: the line has"),
        (row("x", "a", ", \"split\": \"train\""), "no rows to score on"),
        (String::new(), "has no rows"),
    ] {
        let error = score(text).unwrap_err();
        assert!(error.contains(problem), "{problem}: {error}");
    }
}

#[test]
fn what_would_be_silently_dropped_is_refused() {
    for (name, text, problem) in [
        ("data.csv", "input,label,Split\na,x,test\n", ":1:1: `Split` is no column; did you mean `split`?"),
        ("data.csv", "input,label,label\na,x,y\n", ":1:1: the column `label` stands twice"),
        (
            "data.csv",
            "input,label\nhi there,\"a\nfoo bar,b\n",
            ":2:10: a quote is opened here and never closed",
        ),
        ("data.csv", "input,label\nhi there,\"a\nb\"\n", "has a line break or another control character"),
        ("nlu.yml", "nlu:\n- intnet: refund\n  examples: |\n    - a\n", ":2:3: is no `intent`"),
        (
            "data.jsonl",
            "{\"input\": \"a\", \"label\": \"x\", \"label\": \"y\"}\n",
            ":1:1: `label` stands twice",
        ),
        (
            "data.jsonl",
            "{\"input\": \"a\", \"label\": \"x\", \"splti\": \"test\"}\n",
            "did you mean `split`?",
        ),
        ("data.jsonl", "{\"input\": \"a\", \"label\": \"x\\u001b[31m\"}\n", "control character"),
        ("nlu.yml", "nlu: []\nnlu: []\n", ":2:1: stands twice"),
        ("nlu.yml", "nlu: []\n---\nnlu: []\n", "a second document"),
    ] {
        let (_folder, path) = file(name, text);
        let error = Dataset::load(&path).expect_err(text).to_string();
        assert!(error.contains(problem), "{text:?}: {error}");
    }
    // Near a field of three letters is any other word.
    let (_folder, path) =
        file("data.jsonl", "{\"input\": \"a\", \"label\": \" x \", \"pid\": 3, \"bin\": 1}\n");
    assert_eq!(Dataset::load(&path).unwrap().cases[0].expected.first(), Some("x"));
}

#[test]
fn several_right_labels_contradict_only_where_no_answer_is_right_for_all() {
    let rows = |labels: [&str; 2]| {
        labels.map(|label| format!("{{\"input\": \"same\", \"label\": {label}}}\n")).concat()
    };
    for (labels, conflicts, ceiling) in [
        (["\"x\"", "[\"x\", \"y\"]"], 0, 1.0),
        (["[\"a\", \"b\"]", "[\"c\"]"], 1, 0.5),
        (["null", "\"null\""], 1, 0.5),
        (["null", "null"], 0, 1.0),
    ] {
        let (_folder, path) = file("data.jsonl", rows(labels));
        let lint = Dataset::load(&path).unwrap().lint();
        assert_eq!((lint.conflicts.len(), lint.ceiling), (conflicts, ceiling), "{labels:?}");
    }
}

#[test]
fn a_flood_of_problems_is_cut() {
    let (_folder, path) = file("data.jsonl", "{\"input\": 1}\n".repeat(300));
    let error = Dataset::load(&path).unwrap_err().to_string();
    assert!(error.lines().count() == 101 && error.ends_with("and 500 problems more"), "{error}");
}

/// Writes a Parquet file of texts; an empty one stands for none.
#[cfg(feature = "parquet")]
fn parquet(columns: &[(&str, &[&str])]) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let fields: Vec<String> =
        columns.iter().map(|(name, _)| format!("optional binary {name} (STRING);")).collect();
    let schema = parse_message_type(&format!("message rows {{ {} }}", fields.concat())).unwrap();
    let properties = std::sync::Arc::new(WriterProperties::builder().build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, std::sync::Arc::new(schema), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, values) in columns {
        let present: Vec<ByteArray> =
            values.iter().filter(|value| !value.is_empty()).map(|value| ByteArray::from(*value)).collect();
        let levels: Vec<i16> = values.iter().map(|value| i16::from(!value.is_empty())).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&present, Some(&levels), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_and_a_damaged_file_is_an_error() {
    let good = parquet(&[
        ("id", &["one", "two", ""]),
        ("input", &["where is it", "refund", "hello"]),
        ("label", &["delivery", "returns", ""]),
        ("extra", &["x", "", "y"]),
    ]);
    let (_folder, path) = file("data.parquet", &good);
    let data = Dataset::load(&path).unwrap();
    let found: Vec<_> = data.cases.iter().map(|case| (case.input.as_str(), case.expected.first())).collect();
    assert_eq!(found, [("where is it", Some("delivery")), ("refund", Some("returns")), ("hello", None)]);
    assert_eq!((data.cases[0].id.as_str(), data.cases[1].line), ("one", 2));
    for (columns, problem) in [
        (&[("input", &["a"][..])][..], "has no column `label`"),
        (&[("input", &["a"][..]), ("lable", &["x"][..])], "did you mean `label`?"),
        (&[("input", &["a", ""][..]), ("label", &["x", "y"][..])], "`input` is empty"),
    ] {
        let (_folder, path) = file("data.parquet", parquet(columns));
        let error = Dataset::load(&path).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    // Whatever byte is wrong: an error, or other rows, and never a panic that comes through.
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..300 {
        let mut damaged = good.clone();
        let at = random.usize(..damaged.len());
        damaged[at] ^= 1 << random.u8(..8);
        damaged.truncate(if random.bool() { damaged.len() } else { random.usize(..damaged.len()) });
        let (_folder, path) = file("data.parquet", damaged);
        if let Err(error) = Dataset::load(&path) {
            assert!(!error.problems.is_empty());
        }
    }
}
