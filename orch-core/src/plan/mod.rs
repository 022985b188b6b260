//! A workflow's graph as constant data, and the ways to draw it.

mod render;
mod svg;
mod worst;

pub(crate) use render::json_string;

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
    /// Its place among the steps of its graph, from 0.
    pub number: usize,
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
    /// `#[stream]`
    Stream,
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

    /// The most attempts of steps the workflow can make, those of nested workflows included. [`u32::MAX`] when
    /// nothing bounds them: a `for` over a collection or a map.
    ///
    /// ```
    /// # use orch_core::{Result, workflow};
    /// # async fn search(n: u32) -> Result<u32> { Ok(n) }
    /// workflow!(
    ///     async fn answer(n: u32) -> Result<u32> {
    ///         #[retry(3)]
    ///         let found = search(n).await?;
    ///         Ok(found)
    ///     }
    /// );
    /// const _: () = assert!(answer::PLAN.worst_attempts() <= 3);
    /// ```
    #[must_use]
    pub const fn worst_attempts(&self) -> u32 {
        worst::attempts(&self.graph)
    }

    /// The longest the workflow can take, in milliseconds, if every step in it has a timeout, by its critical path.
    /// [`u64::MAX`] when nothing bounds it. What an `#[or]` or a `#[when]` awaits is no step and not in it; neither are
    /// waits that errors ask for ([`RetryAfter`](crate::RetryAfter)), which a `total` or a deadline bounds.
    #[must_use]
    pub const fn worst_latency_ms(&self) -> u64 {
        let graph = worst::latency_ms(&self.graph);
        match self.deadline_ms {
            Some(deadline) if deadline < graph => deadline,
            _ => graph,
        }
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
