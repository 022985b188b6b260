//! What changed between two versions of the workflows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

/// A workflow as `cargo orch plan --json` writes it.
#[derive(Deserialize)]
pub(crate) struct Document {
    module: String,
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    name: String,
    deadline_ms: Option<u64>,
    #[serde(flatten)]
    graph: Graph,
}

#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    label: String,
    steps: Vec<Step>,
    edges: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    kind: String,
    policies: Vec<BTreeMap<String, Value>>,
    children: Vec<Graph>,
}

/// The changes from `old` to `new`, a line each; empty when there is none.
pub(crate) fn changes(old: &[Document], new: &[Document]) -> String {
    let named = |documents: &'_ [Document]| -> BTreeMap<String, usize> {
        documents.iter().enumerate().map(|(index, each)| (each.full_name(), index)).collect()
    };
    let (before, after) = (named(old), named(new));
    let mut out = String::new();
    for (name, index) in &before {
        match after.get(name) {
            None => {
                let _ = writeln!(out, "- workflow {name}");
            }
            Some(now) => {
                let changes = of_plan(&old[*index].plan, &new[*now].plan);
                if !changes.is_empty() {
                    let _ = write!(out, "~ workflow {name}\n{changes}");
                }
            }
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        let _ = writeln!(out, "+ workflow {name}");
    }
    out
}

impl Document {
    fn full_name(&self) -> String {
        format!("{}::{}", self.module, self.plan.name)
    }
}

fn of_plan(old: &Plan, new: &Plan) -> String {
    let mut out = String::new();
    if old.deadline_ms != new.deadline_ms {
        let shown = |deadline: Option<u64>| deadline.map_or("none".to_owned(), |ms| format!("{ms} ms"));
        let _ = writeln!(out, "  ~ deadline: {} -> {}", shown(old.deadline_ms), shown(new.deadline_ms));
    }
    of_graph(&mut out, "", &old.graph, &new.graph);
    out
}

fn of_graph(out: &mut String, path: &str, old: &Graph, new: &Graph) {
    let pairs = common(&old.steps, &new.steps);
    for (index, step) in old.steps.iter().enumerate() {
        if !pairs.iter().any(|(before, _)| *before == index) {
            let _ = writeln!(out, "  - step {path}{}", step.name);
        }
    }
    for (index, step) in new.steps.iter().enumerate() {
        if !pairs.iter().any(|(_, after)| *after == index) {
            let _ = writeln!(out, "  + step {path}{}", step.name);
        }
    }
    for &(before, after) in &pairs {
        of_step(out, path, &old.steps[before], &new.steps[after]);
    }
    // Waits between steps that both versions have.
    let joined = |graph: &Graph, from: usize, to: usize| graph.edges.contains(&(from, to));
    for &(to_before, to_after) in &pairs {
        for &(from_before, from_after) in &pairs {
            let (was, is) = (joined(old, from_before, to_before), joined(new, from_after, to_after));
            if was != is {
                let (sign, from, to) =
                    (if is { '+' } else { '-' }, &new.steps[from_after].name, &new.steps[to_after].name);
                let _ = writeln!(out, "  {sign} {path}{to} waits for {from}");
            }
        }
    }
}

fn of_step(out: &mut String, path: &str, old: &Step, new: &Step) {
    let name = format!("{path}{}", new.name);
    if old.kind != new.kind {
        let _ = writeln!(out, "  ~ step {name}: {} -> {}", old.kind, new.kind);
    }
    if old.policies != new.policies {
        let shown = |step: &Step| match step.policies.as_slice() {
            [] => "none".to_owned(),
            policies => policies.iter().map(shown).collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(out, "  ~ policies of {name}: {} -> {}", shown(old), shown(new));
    }
    // Two of one label are told apart by their order.
    let labelled = |step: &'_ Step| {
        let mut labels: Vec<(String, usize)> = Vec::new();
        for child in &step.children {
            let before = labels.iter().filter(|(label, _)| *label == child.label).count();
            labels.push((child.label.clone(), before));
        }
        labels
    };
    let (were, are) = (labelled(old), labelled(new));
    for (label, _) in were.iter().filter(|label| !are.contains(label)) {
        let _ = writeln!(out, "  - branch {name}/{label}");
    }
    for (child, label) in new.children.iter().zip(&are) {
        let before = were.iter().position(|other| other == label).map(|at| &old.children[at]);
        match before {
            Some(before) => {
                let label = if child.label.is_empty() { String::new() } else { format!("{}/", child.label) };
                of_graph(out, &format!("{name}/{label}"), before, child);
            }
            None => {
                let _ = writeln!(out, "  + branch {name}/{}", label.0);
            }
        }
    }
}

/// A policy and its figures: `retry(attempts 3, longest_wait_ms 5000)`.
fn shown(policy: &BTreeMap<String, Value>) -> String {
    let name = policy.get("policy").and_then(Value::as_str).unwrap_or("policy");
    let figures: Vec<String> = policy
        .iter()
        .filter(|(key, value)| *key != "policy" && !value.is_null() && **value != 0)
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    if figures.is_empty() { name.to_owned() } else { format!("{name}({})", figures.join(", ")) }
}

/// The longest common subsequence of the steps, by name: which of `old` is which of `new`.
fn common(old: &[Step], new: &[Step]) -> Vec<(usize, usize)> {
    let mut longest = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i].name == new[j].name {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i].name == new[j].name {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::{Document, changes};

    fn documents(steps: &str, edges: &str) -> Vec<Document> {
        let text = format!(
            r#"[{{"module": "desk", "plan": {{"name": "answer", "steps": {steps}, "edges": {edges}}}}}]"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn step(name: &str, policies: &str) -> String {
        format!(r#"{{"name": "{name}", "kind": "call", "policies": {policies}, "children": []}}"#)
    }

    #[test]
    fn what_came_went_and_changed_is_said() {
        let retry = r#"[{"policy": "retry", "attempts": 3, "shortest_wait_ms": 0}]"#;
        let old = documents(
            &format!("[{}, {}, {}]", step("a", "[]"), step("b", "[]"), step("c", "[]")),
            "[[0, 2]]",
        );
        let new = documents(
            &format!("[{}, {}, {}]", step("a", retry), step("d", "[]"), step("c", "[]")),
            "[[1, 2]]",
        );
        assert_eq!(
            changes(&old, &new),
            "~ workflow desk::answer\n  - step b\n  + step d\n  ~ policies of a: none -> retry(attempts 3)\n  \
             - c waits for a\n"
        );
        assert_eq!(changes(&old, &old), "");
        assert_eq!(changes(&old, &[]), "- workflow desk::answer\n");
        assert_eq!(changes(&[], &old), "+ workflow desk::answer\n");
    }

    #[test]
    fn what_stands_inside_is_compared_too() {
        let inside = |name: &str| {
            format!(
                r#"[{{"name": "way", "kind": "route", "policies": [], "children":
                   [{{"label": "Way::A", "steps": [{}], "edges": []}}]}}]"#,
                step(name, "[]")
            )
        };
        let (old, new) = (documents(&inside("x"), "[]"), documents(&inside("y"), "[]"));
        let wanted = "~ workflow desk::answer\n  - step way/Way::A/x\n  + step way/Way::A/y\n";
        assert_eq!(changes(&old, &new), wanted);
    }
}
