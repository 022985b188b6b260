//! Rasa's training data for intents: YAML with `nlu:`, a list of intents and their examples.
//!
//! ```yaml
//! nlu:
//! - intent: order_status
//!   examples: |
//!     - where is my [parcel](thing)
//!     - has it been shipped
//! ```

use saphyr_parser::{Event, Parser, Span};

use super::{Problem, Row};

/// Levels of lists and maps: a file has four.
const DEEPEST: usize = 16;
/// The intent that stands for none.
const OUT_OF_SCOPE: &str = "out_of_scope";

/// A value, and where it begins.
struct Node {
    line: u64,
    column: u64,
    value: Value,
}

enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn get(&self, name: &str) -> Option<&Self> {
        let Value::Map(fields) = &self.value else { return None };
        fields.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { line: self.line, column: self.column, what: what.into() }
    }
}

pub(super) fn rows(bytes: &[u8], problems: &mut Vec<Problem>) -> Vec<Row> {
    let mut rows = Vec::new();
    let Ok(text) = std::str::from_utf8(bytes) else {
        problems.push(Problem { line: 0, column: 0, what: "is not UTF-8".to_owned() });
        return rows;
    };
    let root = match read(text) {
        Ok(root) => root,
        Err(problem) => {
            problems.push(problem);
            return rows;
        }
    };
    let Some(Value::List(intents)) = root.get("nlu").map(|nlu| &nlu.value) else {
        problems.push(root.problem("has no list `nlu`; write `nlu:` and below it `- intent: name`"));
        return rows;
    };
    for item in intents {
        let Some(intent) = item.get("intent") else {
            // Synonyms, look-up tables and regular expressions are no cases.
            if !["synonym", "lookup", "regex"].iter().any(|kind| item.get(kind).is_some()) {
                problems.push(item.problem("is no `intent`, `synonym`, `lookup` or `regex`"));
            }
            continue;
        };
        let Some(name) = intent.text().filter(|name| !name.trim().is_empty()) else {
            problems.push(intent.problem("`intent` is no name"));
            continue;
        };
        let labels = (name != OUT_OF_SCOPE).then(|| vec![name.to_owned()]);
        match item.get("examples") {
            None => problems.push(item.problem(format!("the intent `{name}` has no `examples`"))),
            Some(examples) => inputs(examples, problems, |line, column, input| {
                rows.push(Row {
                    line,
                    input,
                    labels: labels.clone(),
                    input_column: column,
                    label_column: intent.column,
                    ..Row::default()
                });
            }),
        }
    }
    rows
}

/// Gives each example with its place: lines of a text that begin with a dash, or items of a list.
fn inputs(examples: &Node, problems: &mut Vec<Problem>, mut give: impl FnMut(u64, u64, String)) {
    match &examples.value {
        Value::Text(text) => {
            // The text has the empty lines before its first, and its place is that of the first.
            let empty = text.lines().take_while(|line| line.trim().is_empty()).count() as u64;
            for (line, example) in (examples.line.saturating_sub(empty)..).zip(text.lines()) {
                match example.trim().strip_prefix('-') {
                    Some(example) => give(line, 1, plain(example.trim())),
                    None if example.trim().is_empty() => {}
                    None => {
                        let what = "an example begins with `- `".to_owned();
                        problems.push(Problem { line, column: 1, what });
                    }
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let text = item.get("text").unwrap_or(item);
                match text.text() {
                    Some(example) => give(text.line, text.column, plain(example.trim())),
                    None => problems.push(item.problem("an example is a text, or has a `text`")),
                }
            }
        }
        Value::Map(_) => problems.push(examples.problem("`examples` is a text or a list")),
    }
}

/// An example without its marks: `[parcel](thing)` and `[parcel]{"entity": "thing"}` are `parcel`.
fn plain(example: &str) -> String {
    let mut text = String::with_capacity(example.len());
    let mut rest = example;
    while let Some((before, after)) = rest.split_once('[') {
        let marked = after.split_once(']').and_then(|(inside, after)| {
            let (open, close) = (after.chars().next()?, if after.starts_with('(') { ')' } else { '}' });
            let end = after.find(close).filter(|_| open == '(' || open == '{')?;
            Some((inside, &after[end + 1..]))
        });
        text.push_str(before);
        match marked {
            Some((inside, after)) => {
                text.push_str(inside);
                rest = after;
            }
            None => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// A list or a map that is being read.
enum Open {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

/// Reads a document. References are refused: a few of them can stand for more text than any memory holds.
fn read(text: &str) -> Result<Node, Problem> {
    let place = |span: Span| (span.start.line() as u64, span.start.col() as u64 + 1);
    let (mut root, mut open): (Option<Node>, Vec<(Span, Open)>) = (None, Vec::new());
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let (line, column) = (marker.line() as u64, marker.col() as u64 + 1);
            Problem { line, column, what: format!("not YAML: {}", error.info()) }
        })?;
        let (line, column) = place(span);
        let wrong = |what: &str| Problem { line, column, what: what.to_owned() };
        let done = match event {
            Event::Scalar(text, ..) => Node { line, column, value: Value::Text(text.into_owned()) },
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => {
                return Err(wrong("is nested too deeply"));
            }
            Event::SequenceStart(..) => {
                open.push((span, Open::List(Vec::new())));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((span, Open::Map(Vec::new(), None)));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((span, closed)) = open.pop() else { return Err(wrong("not YAML")) };
                let (line, column) = place(span);
                let value = match closed {
                    Open::List(items) => Value::List(items),
                    Open::Map(fields, _) => Value::Map(fields),
                };
                Node { line, column, value }
            }
            Event::Alias(_) => return Err(wrong("references (`*name`) are not read; write the text out")),
            _ => continue,
        };
        match open.last_mut() {
            None if root.is_some() => return Err(done.problem("a second document is not read; leave one")),
            None => root = Some(done),
            Some((_, Open::List(items))) => items.push(done),
            Some((_, Open::Map(fields, key))) => match key.take() {
                None => *key = Some(done),
                Some(key) if fields.iter().any(|(other, _)| other.text() == key.text()) => {
                    return Err(key.problem("stands twice; keep one of them"));
                }
                Some(key) => fields.push((key, done)),
            },
        }
    }
    let empty = || Problem { line: 0, column: 0, what: "is empty; write `nlu:` and its intents".to_owned() };
    root.ok_or_else(empty)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn marks_are_taken_off() {
        for (marked, text) in [
            ("where is my [parcel](thing)", "where is my parcel"),
            ("[two](count) of [these]{\"entity\": \"x\"}!", "two of these!"),
            ("a [bracket] alone", "a [bracket] alone"),
            ("[open", "[open"),
            ("[a](b", "[a](b"),
        ] {
            assert_eq!(plain(marked), text);
        }
    }
}
