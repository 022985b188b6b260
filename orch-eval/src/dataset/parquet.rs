//! Parquet with the columns of the other formats. Lines are numbers of rows, from 1.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row as Record};

use super::fields::{FIELDS, meant};
use super::{Problem, Row};

pub(super) fn rows(path: &Path, problems: &mut Vec<Problem>) -> Vec<Row> {
    let mut rows = Vec::new();
    // The reader trusts what a file says of itself, and a damaged one can make it panic.
    let read = catch_unwind(AssertUnwindSafe(|| read(path, &mut rows, problems)));
    let wrong = match read {
        Ok(Ok(())) => return rows,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it is damaged".to_owned(),
    };
    problems.push(Problem { line: 0, column: 0, what: format!("cannot be read as Parquet: {wrong}") });
    Vec::new()
}

fn read(path: &Path, rows: &mut Vec<Row>, problems: &mut Vec<Problem>) -> Result<(), ParquetError> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let columns = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    let mut wrong = |what: String| problems.push(Problem { line: 0, column: 0, what });
    for name in &names {
        if let Some(meant) = meant(name) {
            wrong(format!("`{name}` is no column; did you mean `{meant}`?"));
        }
    }
    for needed in ["input", "label"] {
        if !names.contains(&needed) {
            wrong(format!("has no column `{needed}`; the columns are {}", FIELDS.join(", ")));
        }
    }
    if !problems.is_empty() {
        return Ok(());
    }
    for (line, record) in (1..).zip(reader.get_row_iter(None)?) {
        rows.push(row(line, &record?, problems));
    }
    Ok(())
}

fn row(line: u64, record: &Record, problems: &mut Vec<Problem>) -> Row {
    let mut row = Row { line, ..Row::default() };
    for (name, field) in record.get_column_iter() {
        let fits = match (name.as_str(), field) {
            ("label", Field::Null) => {
                row.labels = None;
                true
            }
            (_, Field::Null) => true,
            ("id", _) => text(field).map(|id| row.id = Some(id)).is_some(),
            ("input", _) => text(field).map(|input| row.input = input).is_some(),
            ("label", _) => texts(field).map(|labels| row.labels = Some(labels)).is_some(),
            ("tags", _) => texts(field).map(|tags| row.tags = tags).is_some(),
            ("pin", Field::Bool(pin)) => {
                row.pin = *pin;
                true
            }
            ("pin", _) => false,
            ("split", _) => text(field).map(|split| row.split = Some(split)).is_some(),
            ("cluster", _) => text(field).map(|cluster| row.cluster = Some(cluster)).is_some(),
            _ => true,
        };
        if !fits {
            let wanted = match name.as_str() {
                "pin" => "a boolean",
                "label" | "tags" => "a string or a list of strings",
                _ => "a string",
            };
            problems.push(Problem { line, column: 1, what: format!("`{name}` is {field}; write {wanted}") });
        }
    }
    row
}

/// A text, or a number as one.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Int(number) => Some(number.to_string()),
        Field::Long(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(field: &Field) -> Option<Vec<String>> {
    match field {
        Field::Str(text) => Some(vec![text.clone()]),
        Field::ListInternal(list) => list.elements().iter().map(text).collect(),
        _ => None,
    }
}
