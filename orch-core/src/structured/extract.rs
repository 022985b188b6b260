//! A value out of what a model wrote.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lenient;

/// Bytes of an answer that are looked at, at most.
const MAX_BYTES: usize = 1 << 20;
/// Places of a text where a value is looked for, at most.
const MAX_PLACES: usize = 64;
/// Values that nothing closes, at most: each is read to the end of the text.
const MAX_CUT: usize = 8;
/// How much of an answer an error shows, in bytes.
const SHOWN: usize = 200;

/// A value, and what had to be overlooked to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extracted<T> {
    /// The value.
    pub value: T,
    /// How far the answer was from being just the value.
    pub form: Form,
}

/// How far an answer was from being just a JSON value. The later, the farther.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// It was.
    Exact,
    /// There was text around it, or a fence.
    Wrapped,
    /// It was not JSON: a comma too many, a comment, single quotes, and the like.
    Malformed,
    /// It ended too early. What is there is complete, but for a string it may end in.
    Cut,
}

/// Why there is no value in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractError {
    /// What is wrong with the value that came closest, or that there was none.
    pub reason: String,
    /// The beginning of the answer.
    pub answer: String,
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the answer begins {:?}", self.reason, self.answer)
    }
}

impl std::error::Error for ExtractError {}

/// Finds a value in what a model wrote: on its own, in a fence, or with words around it; with trailing commas, comments,
/// single quotes, bare keys, or an end that comes too early. Of several values that fit, the one that is nearest to JSON
/// is taken, then the first.
///
/// Reads 1 MiB at most, and values nested 100 deep.
///
/// # Errors
///
/// When nothing in the text is a `T`.
///
/// ```
/// use orch_core::structured::{Form, extract};
///
/// let answer = "Sure! Here it is:\n```json\n{\"colours\": [\"red\", \"blue\",]}\n```\nAnything else?";
/// let found = extract::<serde_json::Value>(answer)?;
/// assert_eq!(found.value["colours"][1], "blue");
/// assert_eq!(found.form, Form::Malformed);
/// # Ok::<(), orch_core::structured::ExtractError>(())
/// ```
pub fn extract<T: DeserializeOwned>(text: &str) -> Result<Extracted<T>, ExtractError> {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    let exact = match serde_json::from_str(text.trim()) {
        Ok(value) => return Ok(Extracted { value, form: Form::Exact }),
        Err(error) => error,
    };
    let mut best: Option<Extracted<T>> = None;
    let mut reason = None;
    for (value, form) in candidates(text) {
        if best.as_ref().is_some_and(|best| best.form <= form) {
            continue;
        }
        match serde_json::from_value(value) {
            Ok(value) => best = Some(Extracted { value, form }),
            Err(error) => {
                reason.get_or_insert(error);
            }
        }
    }
    best.ok_or_else(|| ExtractError {
        reason: reason.unwrap_or(exact).to_string(),
        answer: text[..text.floor_char_boundary(SHOWN)].to_owned(),
    })
}

/// Whatever in a text may be the value, in the order of the text, each read when it is asked for: what is cut may be as
/// long as the text, many times over.
fn candidates(text: &str) -> impl Iterator<Item = (Value, Form)> {
    let (mut at, mut places, mut cut) = (0, MAX_PLACES, MAX_CUT);
    let read = std::iter::from_fn(move || {
        while places > 0 && cut > 0 {
            places -= 1;
            let start = at + text[at..].find(['{', '['])?;
            at = start + 1;
            let Some(read) = lenient::read(text, start) else { continue };
            let form = match (read.cut, read.overlooked) {
                (true, _) => Form::Cut,
                (false, true) => Form::Malformed,
                (false, false) => Form::Wrapped,
            };
            // What is cut goes to the end of the text only because nothing closed it: `[` may have been prose.
            if read.cut {
                cut -= 1;
            } else {
                at = read.end;
            }
            return Some((read.value, form));
        }
        None
    });
    // A lone string, number or literal, in a fence.
    let fenced = text.split("```").nth(1).and_then(|inside| {
        let inside = inside.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).trim();
        serde_json::from_str(inside).ok().map(|value| (value, Form::Wrapped))
    });
    read.chain(fenced)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> (Value, Form) {
        let found = extract(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (found.value, found.form)
    }

    #[test]
    fn finds_the_value_in_what_models_write() {
        use Form::{Cut, Exact, Malformed, Wrapped};
        for (text, wanted, form) in [
            (r#" {"a": 1} "#, json!({"a": 1}), Exact),
            ("```json\n{\"a\": 1}\n```", json!({"a": 1}), Wrapped),
            ("The answer is {\"a\": {\"b\": [1, 2]}}, I think.", json!({"a": {"b": [1, 2]}}), Wrapped),
            ("{\"a\": 1,}", json!({"a": 1}), Malformed),
            ("[1, 2,\n]", json!([1, 2]), Malformed),
            ("{'a': 'it\\'s', b: True, 'c': None}", json!({"a": "it's", "b": true, "c": null}), Malformed),
            ("{\"a\": 1, // one\n \"b\": /* two */ 2}", json!({"a": 1, "b": 2}), Malformed),
            ("{\"a\": \"two\nlines\"}", json!({"a": "two\nlines"}), Malformed),
            ("{\"a\": [1, 2, 3", json!({"a": [1, 2]}), Cut),
            ("{\"a\": \"unfinish", json!({"a": "unfinish"}), Cut),
            ("{\"a\": 1, \"b", json!({"a": 1}), Cut),
            ("{\"a\": 1, \"b\": tr", json!({"a": 1}), Cut),
            ("{\"a\": 1, \"b\":", json!({"a": 1}), Cut),
            ("see [1] and {\"a\": \"\\u00e9\\ud83d\\ude42\"", json!([1]), Wrapped),
            ("```\n42\n```", json!(42), Wrapped),
        ] {
            assert_eq!(value(text), (wanted, form), "{text}");
        }
    }

    #[test]
    fn takes_what_fits_the_type() {
        let found: Extracted<std::collections::BTreeMap<String, u32>> =
            extract("first [1], then {oops}, then {\"a\": 7}").unwrap();
        assert_eq!((found.value["a"], found.form), (7, Form::Wrapped));
        let error = extract::<std::collections::BTreeMap<String, u32>>("{\"a\": \"x\"}").unwrap_err();
        assert!(error.to_string().contains("invalid type: string \"x\", expected u32"), "{error}");
        assert!(extract::<Value>("no value here").is_err());
        assert!(extract::<Value>(&"[".repeat(200_000)).is_err());
        assert!(extract::<Value>(&"{\"a\":".repeat(200_000)).is_err());
        let nested = "[".repeat(64) + &"1,".repeat(500_000);
        assert!(extract::<std::collections::BTreeMap<String, u32>>(&nested).is_err());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_is_read_as_such(value in json_value(), before in "[a-z .]{0,20}", after in "[a-z .`]{0,20}") {
            let value = json!({ "value": value });
            let found: Extracted<Value> = extract(&format!("{before}{value:#}{after}")).unwrap();
            prop_assert_eq!(found.value, value);
            prop_assert!(found.form <= Form::Wrapped);
        }

        #[test]
        fn a_cut_value_is_what_came_of_it(value in json_value(), part in 0.0..1.0_f64) {
            let whole = json!({ "value": value }).to_string();
            let end = whole.floor_char_boundary((whole.len() as f64 * part) as usize);
            if let Ok(found) = extract::<Value>(&whole[..end]) {
                prop_assert!(end == whole.len() || found.form == Form::Cut || found.form == Form::Wrapped);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "[\\[\\]{}\",:'\\\\/*u0-9a-z\\n -]{0,80}") {
            let _ = extract::<Value>(&text);
        }
    }
}
