//! A workflow's graph as constant data, and the ways to draw it.

use std::fmt::Write as _;

/// The graph of a workflow, known at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The workflow's name.
    pub name: &'static str,
    /// The bound on the whole, in milliseconds: `#[deadline(..)]`.
    pub deadline_ms: Option<u64>,
    /// Its steps and what they wait for.
    pub graph: Graph,
}

/// Steps and what they wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Graph {
    /// What tells this graph from its siblings: a route's pattern, a branch's field. Empty for a whole plan.
    pub label: &'static str,
    /// The steps, in program order.
    pub steps: &'static [Step],
    /// `(from, to)`: step `to` waits for step `from`. Only what does not follow from other edges.
    pub edges: &'static [(usize, usize)],
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the function it calls, or what `#[name]` says.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its policies.
    pub policies: &'static [Policy],
    /// The graphs inside: arms, branches, or the body of a loop.
    pub children: &'static [Graph],
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// One awaited call.
    Call,
    /// Another workflow.
    Flow(&'static Plan),
    /// One of its children runs, the one the route says.
    Route,
    /// All of its children run at the same time.
    FanOut,
    /// Its child runs once for each element, several at the same time.
    Map,
    /// At most one of its children runs: `if` and `match`.
    Choice,
    /// Its child runs once.
    Block,
    /// Its child runs again and again, in order.
    Loop,
}

/// A policy of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// `#[retry(..)]`
    Retry {
        /// The most attempts, the first one included.
        attempts: u32,
        /// The shortest wait between two attempts, in milliseconds.
        shortest_wait_ms: u64,
        /// The longest wait between two attempts, in milliseconds.
        longest_wait_ms: u64,
    },
    /// `#[timeout(..)]`
    Timeout {
        /// The bound on one attempt, in milliseconds.
        attempt_ms: Option<u64>,
        /// The bound on all attempts together, in milliseconds.
        total_ms: Option<u64>,
    },
    /// `#[when(..)]`
    When {
        /// The condition as written.
        condition: &'static str,
    },
    /// `#[or(..)]`
    Or,
    /// `#[effect]`
    Effect {
        /// Whether doing it twice is the same as doing it once.
        idempotent: bool,
    },
    /// `#[hedge(..)]`
    Hedge {
        /// When the second attempt starts, in milliseconds.
        after_ms: u64,
    },
    /// `#[cache(..)]`
    Cache,
    /// `#[limit(..)]`
    Limit,
    /// `#[max(..)]`
    Max {
        /// The most rounds of a loop.
        rounds: u32,
    },
}

impl Plan {
    /// The step at `place`: a step's number, then a child's, then a step's, and so on.
    ///
    /// # Panics
    ///
    /// When there is no such step; in a `const` that is a compile error.
    #[must_use]
    pub const fn step(&'static self, place: &[usize]) -> &'static Step {
        let mut step = &self.graph.steps[place[0]];
        let mut at = 1;
        while at < place.len() {
            step = &step.children[place[at]].steps[place[at + 1]];
            at += 2;
        }
        step
    }

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
}

impl Step {
    /// The graphs inside, those of a nested workflow included.
    fn inside(&self) -> Vec<&'static Graph> {
        match self.kind {
            Kind::Flow(plan) => vec![&plan.graph],
            _ => self.children.iter().collect(),
        }
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

fn mermaid_graph(out: &mut String, graph: &Graph, prefix: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    for (index, step) in graph.steps.iter().enumerate() {
        let id = format!("{prefix}{index}");
        let notes: Vec<String> = step.policies.iter().map(Policy::note).collect();
        let title = if notes.is_empty() {
            step.name.to_owned()
        } else {
            format!("{} ({})", step.name, notes.join(", "))
        };
        let title = mermaid_text(&title);
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
