//! Why a request has no recording: in what it differs from the nearest.

use serde_json::Value;

use super::shards::Line;
use orch_core::guard::Secrets;

/// Fields that are named.
const NAMED: usize = 3;
/// Letters shown of a value, around where it begins to differ.
const SHOWN: usize = 60;

/// In what `request` differs from the nearest of the recordings of its kind.
pub(super) fn explain(recorded: &[Line], kind: &str, request: &Value, secrets: &Secrets) -> String {
    let asked = leaves(request);
    let nearest = recorded
        .iter()
        .filter(|line| line.kind == kind)
        .map(|line| differences(&leaves(&line.request), &asked))
        .min_by_key(|found| {
            (found.len(), std::cmp::Reverse(found.iter().map(Difference::shared).sum::<usize>()))
        });
    let Some(nearest) = nearest else { return "nothing of its kind is recorded".to_owned() };
    if nearest.is_empty() {
        return "it was recorded, but not so often".to_owned();
    }
    let named: Vec<String> = nearest.iter().take(NAMED).map(|it| it.without(secrets).words()).collect();
    let more = nearest.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and in {more} more fields") } else { String::new() };
    format!("it differs from the nearest recording in {}{more}", named.join(", "))
}

/// A field in which two requests differ.
struct Difference {
    field: String,
    recorded: Option<String>,
    asked: Option<String>,
}

impl Difference {
    /// Letters both begin with.
    fn shared(&self) -> usize {
        match (&self.recorded, &self.asked) {
            (Some(recorded), Some(asked)) => {
                recorded.chars().zip(asked.chars()).take_while(|(a, b)| a == b).count()
            }
            _ => 0,
        }
    }

    /// Secrets are taken out of whole values: a piece of one would not be known as one.
    fn without(&self, secrets: &Secrets) -> Self {
        let clean = |value: &Option<String>| value.as_deref().map(|value| secrets.redacted(value));
        Self {
            field: secrets.redacted(&self.field),
            recorded: clean(&self.recorded),
            asked: clean(&self.asked),
        }
    }

    fn words(&self) -> String {
        let start = self.shared().saturating_sub(SHOWN / 3);
        let show = |value: &Option<String>| match value {
            None => "nothing".to_owned(),
            Some(value) => {
                let piece: String = value.chars().skip(start).take(SHOWN).collect();
                let before = if start > 0 { "…" } else { "" };
                let after = if value.chars().count() > start + SHOWN { "…" } else { "" };
                format!("`{before}{piece}{after}`")
            }
        };
        format!("{} (recorded {}, asked {})", self.field, show(&self.recorded), show(&self.asked))
    }
}

fn differences(recorded: &[(String, String)], asked: &[(String, String)]) -> Vec<Difference> {
    let find = |leaves: &[(String, String)], field: &str| {
        leaves.iter().find(|(found, _)| found == field).map(|(_, value)| value.clone())
    };
    let mut fields: Vec<&String> = recorded.iter().chain(asked).map(|(field, _)| field).collect();
    fields.sort();
    fields.dedup();
    fields
        .into_iter()
        .map(|field| Difference {
            field: field.clone(),
            recorded: find(recorded, field),
            asked: find(asked, field),
        })
        .filter(|difference| difference.recorded != difference.asked)
        .collect()
}

/// The values in a document, each with its path.
pub(super) fn leaves(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(value, path, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{path}[{index}]"), found);
            }
        }
        Value::String(text) => found.push((path, text.clone())),
        other => found.push((path, other.to_string())),
    }
}
