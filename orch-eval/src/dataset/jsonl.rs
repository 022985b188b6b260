//! JSON lines: `{"id"?, "input", "label", "tags"?, "pin"?, "split"?, "cluster"?}`.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::meant;
use super::{MAX_LINE, Problem, Row};

pub(super) fn rows(bytes: &[u8], problems: &mut Vec<Problem>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
        match row(number, line) {
            Ok(row) => rows.extend(row),
            Err(mut found) => problems.append(&mut found),
        }
    }
    rows
}

/// The row of a line, from 1; `None` of an empty one. The first may begin with a mark of the byte order.
pub(super) fn row(line: u64, bytes: &[u8]) -> Result<Option<Row>, Vec<Problem>> {
    let mark = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| line == 1);
    let bytes = mark.unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let problem = |column: usize, what: String| Problem { line, column: column as u64, what };
    if bytes.len() > MAX_LINE {
        return Err(vec![problem(
            1,
            format!("the line has {} bytes; at most {MAX_LINE} are read", bytes.len()),
        )]);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| vec![problem(error.valid_up_to() + 1, "the line is not UTF-8".to_owned())])?;
    let value: Once = serde_json::from_str(text).map_err(|error| {
        let mut words = error.to_string();
        if let Some(end) = words.find(" at line ") {
            words.truncate(end);
        }
        vec![problem(error.column().max(1), format!("not JSON: {words}"))]
    })?;
    let object = match value {
        Once::Object(object, None) => object,
        Once::Object(_, Some(twice)) => {
            return Err(vec![problem(1, format!("`{twice}` stands twice; keep one of them"))]);
        }
        Once::Other => {
            return Err(vec![problem(
                1,
                "not an object; write {\"input\": \"..\", \"label\": \"..\"}".to_owned(),
            )]);
        }
    };
    let mut reader = Reader { line, text, object, problems: Vec::new() };
    let row = Row {
        line,
        id: reader.id(),
        input: reader.required_text("input"),
        labels: reader.labels(),
        tags: reader.texts("tags"),
        pin: reader.flag("pin"),
        split: reader.text("split"),
        cluster: reader.text("cluster"),
        input_column: reader.column("input"),
        label_column: reader.column("label"),
        split_column: reader.column("split"),
        id_column: reader.column("id"),
    };
    reader.misspelt();
    if reader.problems.is_empty() { Ok(Some(row)) } else { Err(reader.problems) }
}

/// A line's value: an object, and the first of its fields that stands twice; serde keeps the last of two without a
/// word.
enum Once {
    Object(Map<String, Value>, Option<String>),
    Other,
}

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Once;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let (mut fields, mut twice) = (Map::new(), None);
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name.clone(), value).is_some() {
                        twice.get_or_insert(name);
                    }
                }
                Ok(Once::Object(fields, twice))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Once::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Once, E> {
                Ok(Once::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
                Ok(Once::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
                Ok(Once::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
                Ok(Once::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
                Ok(Once::Other)
            }

            fn visit_unit<E>(self) -> Result<Once, E> {
                Ok(Once::Other)
            }
        }

        deserializer.deserialize_any(Fields)
    }
}

struct Reader<'a> {
    line: u64,
    text: &'a str,
    object: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Where a field stands; the start of the line when it does not.
    fn column(&self, key: &str) -> u64 {
        self.text.find(&format!("\"{key}\"")).map_or(1, |at| at as u64 + 1)
    }

    fn problem(&mut self, key: &str, what: String) {
        let problem = Problem { line: self.line, column: self.column(key), what };
        self.problems.push(problem);
    }

    /// A field that is nearly one of ours is a slip; any other is the user's own.
    fn misspelt(&mut self) {
        let left: Vec<String> = self.object.keys().cloned().collect();
        for key in left {
            if let Some(meant) = meant(&key) {
                self.problem(&key, format!("`{key}` is not a field; did you mean `{meant}`?"));
            }
        }
    }

    fn wrong_type(&mut self, key: &str, value: &Value, wanted: &str) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.problem(key, format!("`{key}` is {found}; write {wanted}"));
    }

    fn id(&mut self) -> Option<String> {
        match self.object.remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            Some(other) => {
                self.wrong_type("id", &other, "a string or a number");
                None
            }
        }
    }

    fn required_text(&mut self, key: &str) -> String {
        match self.object.remove(key) {
            Some(Value::String(text)) => text,
            Some(other) => {
                self.wrong_type(key, &other, "a string");
                String::new()
            }
            None => {
                self.problem(key, format!("`{key}` is missing"));
                String::new()
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.object.remove(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.wrong_type(key, &other, "a string");
                None
            }
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.object.remove(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(other) => {
                self.wrong_type(key, &other, "`true` or `false`");
                false
            }
        }
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        match self.object.remove(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => self.list(key, &value).unwrap_or_default(),
        }
    }

    fn list(&mut self, key: &str, value: &Value) -> Option<Vec<String>> {
        if let Value::Array(items) = value {
            let texts: Option<Vec<String>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            if texts.is_some() {
                return texts;
            }
        }
        self.wrong_type(key, value, "a list of strings");
        None
    }

    fn labels(&mut self) -> Option<Vec<String>> {
        match self.object.remove("label") {
            Some(Value::Null) => None,
            Some(Value::String(label)) => Some(vec![label]),
            Some(value @ Value::Array(_)) => self.list("label", &value),
            Some(other) => {
                self.wrong_type("label", &other, "a string, a list of strings, or `null` for out of scope");
                None
            }
            None => {
                self.problem("label", "`label` is missing; write `null` for out of scope".to_owned());
                None
            }
        }
    }
}
