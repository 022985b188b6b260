//! CSV with a header: `id, input, label, tags, pin, split, cluster`, in any order; `input` and `label` are
//! required. An empty label is out of scope; several labels or tags are parted by `|`.

use csv::{ByteRecord, ReaderBuilder};

use super::fields::{FIELDS as COLUMNS, meant};
use super::{MAX_LINE, Problem, Row};

pub(super) fn rows(bytes: &[u8], problems: &mut Vec<Problem>) -> Vec<Row> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Some((line, column)) = open_quote(bytes) {
        let what = "a quote is opened here and never closed".to_owned();
        problems.push(Problem { line, column, what });
        return Vec::new();
    }
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = match reader.byte_headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            problems.push(Problem {
                line: 1,
                column: 1,
                what: format!("the header cannot be read: {error}"),
            });
            return Vec::new();
        }
    };
    for (index, name) in header.iter().enumerate() {
        let name = String::from_utf8_lossy(name.trim_ascii());
        let what = match meant(&name) {
            Some(meant) => format!("`{name}` is no column; did you mean `{meant}`?"),
            None if header.iter().take(index).any(|other| other.trim_ascii() == name.as_bytes()) => {
                format!("the column `{name}` stands twice; keep one of them")
            }
            None => continue,
        };
        problems.push(Problem { line: 1, column: 1, what });
    }
    let place = COLUMNS.map(|name| header.iter().position(|found| found.trim_ascii() == name.as_bytes()));
    for (name, place) in COLUMNS.iter().zip(place) {
        if place.is_none() && matches!(*name, "input" | "label") {
            let what = format!("the header has no column `{name}`; the columns are {}", COLUMNS.join(", "));
            problems.push(Problem { line: 1, column: 1, what });
        }
    }
    if !problems.is_empty() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return rows,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() != header.len() {
                    let what =
                        format!("the row has {} fields, and the header has {}", record.len(), header.len());
                    problems.push(Problem { line, column: 1, what });
                    continue;
                }
                rows.extend(row(line, &record, place, problems));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                problems.push(Problem { line, column: 1, what: format!("the row cannot be read: {error}") });
                return rows;
            }
        }
    }
}

/// Where a quoted field begins that does not end: all that follows would be taken for it.
fn open_quote(bytes: &[u8]) -> Option<(u64, u64)> {
    let (mut line, mut column, mut opened, mut at_start) = (1, 1, None, true);
    let mut rest = bytes.iter().peekable();
    while let Some(byte) = rest.next() {
        let here = (line, column);
        (line, column) = if *byte == b'\n' { (line + 1, 1) } else { (line, column + 1) };
        match (byte, opened) {
            (b'"', None) if at_start => opened = Some(here),
            // Two of them are one that is meant.
            (b'"', Some(_)) if rest.next_if_eq(&&b'"').is_some() => column += 1,
            (b'"', Some(_)) => opened = None,
            _ => {}
        }
        at_start = opened.is_none() && matches!(byte, b',' | b'\n' | b'\r');
    }
    opened
}

fn row(
    line: u64,
    record: &ByteRecord,
    place: [Option<usize>; 7],
    problems: &mut Vec<Problem>,
) -> Option<Row> {
    let before = problems.len();
    let mut field = |index: usize| -> (String, u64) {
        let Some(at) = place[index] else {
            return (String::new(), 1);
        };
        let column = record.iter().take(at).map(|field| field.len() as u64 + 1).sum::<u64>() + 1;
        let bytes = record.get(at).unwrap_or_default();
        if bytes.len() > MAX_LINE {
            let what = format!("`{}` has {} bytes; at most {MAX_LINE} are read", COLUMNS[index], bytes.len());
            problems.push(Problem { line, column, what });
            return (String::new(), column);
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            (text.to_owned(), column)
        } else {
            problems.push(Problem { line, column, what: format!("`{}` is not UTF-8", COLUMNS[index]) });
            (String::new(), column)
        }
    };
    let [
        (id, id_column),
        (input, input_column),
        (label, label_column),
        (tags, _),
        (pin, pin_column),
        (split, split_column),
        (cluster, _),
    ] = [0, 1, 2, 3, 4, 5, 6].map(&mut field);
    let pin = match pin.trim() {
        "" | "false" | "0" => false,
        "true" | "1" => true,
        other => {
            problems.push(Problem {
                line,
                column: pin_column,
                what: format!("`pin` is `{other}`; write `true` or `false`"),
            });
            false
        }
    };
    if problems.len() > before {
        return None;
    }
    let text = |text: String| (!text.trim().is_empty()).then_some(text);
    let list = |text: &str| {
        text.split('|').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    Some(Row {
        line,
        id: text(id),
        input,
        labels: text(label).map(|label| list(&label)),
        tags: list(&tags),
        pin,
        split: text(split),
        cluster: text(cluster),
        input_column,
        label_column,
        split_column,
        id_column,
    })
}
