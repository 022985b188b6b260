//! A guard's look at what a model asks a tool for.

#[cfg(feature = "json")]
use super::{Checked, refused};
use super::{Guard, changed};
use crate::error::Result;

/// The arguments as they may pass, where that is not as they are. A guard sees texts as the tool will: what is written
/// `\u0073k` in JSON is `sk`.
#[cfg(feature = "json")]
pub(super) async fn cleared(guard: &impl Guard, arguments: &str) -> Result<Option<String>> {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(arguments) else {
        return as_text(guard, arguments).await;
    };
    let mut leaves = Vec::new();
    gather(&value, &mut leaves);
    // Most have nothing that is changed or refused, and are looked at once. What is refused of all together may only be so
    // because they stand beside each other here.
    if guard.check_arguments(&leaves.join("\n")).await? == Checked::Passed {
        return Ok(None);
    }
    let mut any = false;
    for leaf in &mut leaves {
        if let Some(text) = changed(guard, guard.check_arguments(leaf).await?)? {
            *leaf = text;
            any = true;
        }
    }
    if !any {
        // What it minds stands across several.
        return as_text(guard, arguments).await;
    }
    leaves.reverse();
    if put_back(&mut value, &mut leaves) {
        Ok(Some(value.to_string()))
    } else {
        Err(refused(guard, "two members would have one name".to_owned()))
    }
}

/// Without JSON nobody reads arguments otherwise than as they are written.
#[cfg(not(feature = "json"))]
pub(super) async fn cleared(guard: &impl Guard, arguments: &str) -> Result<Option<String>> {
    as_text(guard, arguments).await
}

async fn as_text(guard: &impl Guard, arguments: &str) -> Result<Option<String>> {
    changed(guard, guard.check_arguments(arguments).await?)
}

/// All keys, texts and numbers, in order. How deep a value is, its reader bounds.
#[cfg(feature = "json")]
fn gather(value: &serde_json::Value, leaves: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::String(text) => leaves.push(text.clone()),
        Value::Number(number) => leaves.push(number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| gather(value, leaves)),
        Value::Object(members) => {
            for (key, value) in members {
                leaves.push(key.clone());
                gather(value, leaves);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Puts them back where they were, the last of `leaves` first. A number that was changed is a text. `false` when two
/// members would have one name.
#[cfg(feature = "json")]
fn put_back(value: &mut serde_json::Value, leaves: &mut Vec<String>) -> bool {
    use serde_json::Value;
    let mut apart = true;
    match value {
        Value::String(text) => *text = leaves.pop().unwrap_or_default(),
        Value::Number(number) => {
            let text = leaves.pop().unwrap_or_default();
            if number.to_string() != text {
                *value = Value::String(text);
            }
        }
        Value::Array(values) => {
            for value in values {
                apart &= put_back(value, leaves);
            }
        }
        Value::Object(members) => {
            let count = members.len();
            *members = std::mem::take(members)
                .into_iter()
                .map(|(_, mut value)| {
                    let key = leaves.pop().unwrap_or_default();
                    apart &= put_back(&mut value, leaves);
                    (key, value)
                })
                .collect();
            apart &= members.len() == count;
        }
        Value::Null | Value::Bool(_) => {}
    }
    apart
}
