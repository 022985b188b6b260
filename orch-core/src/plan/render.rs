//! Ways to draw a plan.

use std::fmt::Write as _;

use super::{Graph, Kind, Plan, Policy, Step};

impl Plan {
    /// The graph as a [Mermaid](https://mermaid.js.org) flowchart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        let _ = writeln!(out, "  %% {}", self.name);
        mermaid_graph(&mut out, &self.graph, "s", 1);
        out
    }

    /// The graph as JSON: `{"name", "steps": [{"name", "kind", "policies", "children"}], "edges"}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"name\":");
        json_string(&mut out, self.name);
        if let Some(deadline) = self.deadline_ms {
            let _ = write!(out, ",\"deadline_ms\":{deadline}");
        }
        out.push(',');
        json_graph(&mut out, &self.graph);
        out.push('}');
        out
    }

    /// The graph in the DOT language of [Graphviz](https://graphviz.org).
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out = String::from("digraph ");
        dot_string(&mut out, self.name);
        out.push_str(" {\n  compound=true;\n  node [shape=box];\n");
        dot_graph(&mut out, &self.graph, "s", 1);
        out.push_str("}\n");
        out
    }
}

impl Policy {
    /// The policy in a few words, as a diagram shows it.
    fn note(&self) -> String {
        match *self {
            Self::Retry { attempts, .. } => format!("retry {attempts}"),
            Self::Timeout { attempt_ms, total_ms } => {
                let limit = attempt_ms.or(total_ms).unwrap_or_default();
                format!("timeout {}", span(limit))
            }
            Self::When { condition } => format!("when {condition}"),
            Self::Or => "or".to_owned(),
            Self::Effect { .. } => "effect".to_owned(),
            Self::Hedge { after_ms } => format!("hedge after {}", span(after_ms)),
            Self::Cache => "cache".to_owned(),
            Self::Limit => "limit".to_owned(),
            Self::Stream => "stream".to_owned(),
            Self::Max { rounds } => format!("at most {rounds}"),
        }
    }
}

/// Milliseconds in the unit a person would choose.
fn span(ms: u64) -> String {
    match ms {
        0 => "0ms".to_owned(),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// A step's policies in a few words.
pub(super) fn notes(step: &Step) -> String {
    step.policies.iter().map(Policy::note).collect::<Vec<_>>().join(", ")
}

/// A step's name and policies.
fn title(step: &Step) -> String {
    let notes = notes(step);
    if notes.is_empty() { step.name.to_owned() } else { format!("{} ({notes})", step.name) }
}

fn mermaid_graph(out: &mut String, graph: &Graph, prefix: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    for (index, step) in graph.steps.iter().enumerate() {
        let id = format!("{prefix}{index}");
        let title = mermaid_text(&title(step));
        let inside = step.inside();
        if inside.is_empty() {
            let _ = writeln!(out, "{indent}{id}[\"{title}\"]");
            continue;
        }
        let _ = writeln!(out, "{indent}subgraph {id}[\"{title}\"]");
        let chooses = matches!(step.kind, Kind::Route | Kind::Choice);
        if chooses {
            let _ = writeln!(out, "{indent}  {id}_{{{{\"{}\"}}}}", mermaid_text(step.name));
        }
        for (number, child) in inside.iter().enumerate() {
            let inner = format!("{id}_{number}_");
            mermaid_graph(out, child, &inner, depth + 1);
            if chooses {
                for first in firsts(child) {
                    let _ = writeln!(
                        out,
                        "{indent}  {id}_ -- \"{}\" --> {inner}{first}",
                        mermaid_text(child.label)
                    );
                }
            }
        }
        let _ = writeln!(out, "{indent}end");
    }
    for (from, to) in graph.edges {
        let _ = writeln!(out, "{indent}{prefix}{from} --> {prefix}{to}");
    }
}

/// The steps that wait for no other.
fn firsts(graph: &Graph) -> impl Iterator<Item = usize> {
    (0..graph.steps.len()).filter(|step| graph.edges.iter().all(|(_, to)| to != step))
}

/// Text inside a quoted Mermaid label.
fn mermaid_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '\n' => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}

fn json_graph(out: &mut String, graph: &Graph) {
    out.push_str("\"steps\":[");
    for (index, step) in graph.steps.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"name\":");
        json_string(out, step.name);
        let kind = match step.kind {
            Kind::Call => "call",
            Kind::Flow(_) => "flow",
            Kind::Route => "route",
            Kind::FanOut => "fan_out",
            Kind::Map => "map",
            Kind::Choice => "choice",
            Kind::Block => "block",
            Kind::Loop => "loop",
        };
        let _ = write!(out, ",\"kind\":\"{kind}\",\"policies\":[");
        for (number, policy) in step.policies.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            json_policy(out, policy);
        }
        out.push_str("],\"children\":[");
        for (number, child) in step.inside().into_iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            out.push_str("{\"label\":");
            json_string(out, child.label);
            out.push(',');
            json_graph(out, child);
            out.push('}');
        }
        out.push_str("]}");
    }
    out.push_str("],\"edges\":[");
    for (index, (from, to)) in graph.edges.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(out, "{comma}[{from},{to}]");
    }
    out.push(']');
}

fn json_policy(out: &mut String, policy: &Policy) {
    let number = |value: Option<u64>| value.map_or_else(|| "null".to_owned(), |value| value.to_string());
    let _ = match *policy {
        Policy::Retry { attempts, shortest_wait_ms, longest_wait_ms } => write!(
            out,
            "{{\"policy\":\"retry\",\"attempts\":{attempts},\"shortest_wait_ms\":{shortest_wait_ms},\"longest_wait_ms\":{longest_wait_ms}}}"
        ),
        Policy::Timeout { attempt_ms, total_ms } => write!(
            out,
            "{{\"policy\":\"timeout\",\"attempt_ms\":{},\"total_ms\":{}}}",
            number(attempt_ms),
            number(total_ms)
        ),
        Policy::When { condition } => {
            out.push_str("{\"policy\":\"when\",\"condition\":");
            json_string(out, condition);
            write!(out, "}}")
        }
        Policy::Or => write!(out, "{{\"policy\":\"or\"}}"),
        Policy::Effect { idempotent } => {
            write!(out, "{{\"policy\":\"effect\",\"idempotent\":{idempotent}}}")
        }
        Policy::Hedge { after_ms } => write!(out, "{{\"policy\":\"hedge\",\"after_ms\":{after_ms}}}"),
        Policy::Cache => write!(out, "{{\"policy\":\"cache\"}}"),
        Policy::Limit => write!(out, "{{\"policy\":\"limit\"}}"),
        Policy::Stream => write!(out, "{{\"policy\":\"stream\"}}"),
        Policy::Max { rounds } => write!(out, "{{\"policy\":\"max\",\"rounds\":{rounds}}}"),
    };
}

/// A JSON string ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259), section 7).
pub(crate) fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            letter if (letter as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", letter as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// A node for each step; a step with others inside is a cluster around a point that edges can end at.
fn dot_graph(out: &mut String, graph: &Graph, prefix: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    for (index, step) in graph.steps.iter().enumerate() {
        let id = format!("{prefix}{index}");
        let inside = step.inside();
        if inside.is_empty() {
            let _ = write!(out, "{indent}{id} [label=");
            dot_string(out, &title(step));
            out.push_str("];\n");
            continue;
        }
        let _ = write!(out, "{indent}subgraph cluster_{id} {{\n{indent}  label=");
        dot_string(out, &title(step));
        let _ = writeln!(out, ";\n{indent}  {id} [shape=point];");
        for (number, child) in inside.iter().enumerate() {
            let inner = format!("{id}_{number}_");
            dot_graph(out, child, &inner, depth + 1);
            for first in firsts(child) {
                let _ = write!(out, "{indent}  {id} -> {inner}{first} [style=dashed, label=");
                dot_string(out, child.label);
                out.push_str("];\n");
            }
        }
        let _ = writeln!(out, "{indent}}}");
    }
    for (from, to) in graph.edges {
        let _ = writeln!(out, "{indent}{prefix}{from} -> {prefix}{to};");
    }
}

/// A double-quoted string of the DOT language.
fn dot_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out.push('"');
}
