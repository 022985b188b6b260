//! JSON that is the same text in every program.

use std::collections::BTreeMap;

use serde_json::Value;

/// A value as text, its members by name.
///
/// Whether `serde_json` keeps the order of members depends on what other crates of a program ask of it. A prompt must not:
/// a recording of it would be found in one program and not in the next.
pub(crate) fn sorted(value: &Value) -> String {
    in_order(value).to_string()
}

/// How deep a value is, its reader bounds.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(in_order).collect(),
        Value::Object(members) => {
            let by_name: BTreeMap<&String, &Value> = members.iter().collect();
            by_name.into_iter().map(|(name, value)| (name.clone(), in_order(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_order_however_they_came() {
        let text = r#"{"b":[{"z":1,"a":null}],"a":{"y":"é","x":2}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(sorted(&value), r#"{"a":{"x":2,"y":"é"},"b":[{"a":null,"z":1}]}"#);
    }
}
