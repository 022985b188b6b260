//! The worst case of a plan, at compile time.

use super::{Graph, Kind, Policy, Step};

/// The most attempts of a graph's steps.
pub(super) const fn attempts(graph: &Graph) -> u32 {
    let mut sum = 0_u32;
    let mut index = 0;
    while index < graph.steps.len() {
        sum = sum.saturating_add(attempts_of(&graph.steps[index]));
        index += 1;
    }
    sum
}

const fn attempts_of(step: &Step) -> u32 {
    let inside = match step.kind {
        Kind::Call => 1,
        Kind::Flow(plan) => attempts(&plan.graph),
        Kind::Map => u32::MAX,
        // One of the children runs, the one with the most in the worst case; of the others, all.
        Kind::Route | Kind::Choice => {
            let (mut most, mut index) = (0, 0);
            while index < step.children.len() {
                let child = attempts(&step.children[index]);
                most = if child > most { child } else { most };
                index += 1;
            }
            most
        }
        Kind::FanOut | Kind::Block | Kind::Loop => {
            let (mut sum, mut index) = (0_u32, 0);
            while index < step.children.len() {
                sum = sum.saturating_add(attempts(&step.children[index]));
                index += 1;
            }
            sum
        }
    };
    let mut times = match step.kind {
        Kind::Loop => u32::MAX,
        _ => 1,
    };
    let mut index = 0;
    while index < step.policies.len() {
        match step.policies[index] {
            Policy::Retry { attempts, .. } => times = times.saturating_mul(attempts),
            Policy::Hedge { .. } => times = times.saturating_mul(2),
            Policy::Max { rounds } => times = rounds,
            _ => {}
        }
        index += 1;
    }
    inside.saturating_mul(times)
}

/// The most steps of one level whose critical path is computed; a larger graph counts as unbounded.
const MOST: usize = 256;

/// The longest path through a graph, in milliseconds.
pub(super) const fn latency_ms(graph: &Graph) -> u64 {
    if graph.steps.len() > MOST {
        return u64::MAX;
    }
    // Every edge goes from a lower to a higher number, so one pass in order meets all that a step waits for.
    let mut ends = [0_u64; MOST];
    let (mut longest, mut index) = (0_u64, 0);
    while index < graph.steps.len() {
        let (mut start, mut edge) = (0, 0);
        while edge < graph.edges.len() {
            let (from, to) = graph.edges[edge];
            if to == index && ends[from] > start {
                start = ends[from];
            }
            edge += 1;
        }
        ends[index] = start.saturating_add(latency_of(&graph.steps[index]));
        if ends[index] > longest {
            longest = ends[index];
        }
        index += 1;
    }
    longest
}

const fn latency_of(step: &Step) -> u64 {
    let inside = match step.kind {
        Kind::Call | Kind::Map => u64::MAX,
        Kind::Flow(plan) => plan.worst_latency_ms(),
        Kind::Route | Kind::Choice | Kind::FanOut | Kind::Block | Kind::Loop => {
            let (mut longest, mut index) = (0, 0);
            while index < step.children.len() {
                let child = latency_ms(&step.children[index]);
                longest = if child > longest { child } else { longest };
                index += 1;
            }
            longest
        }
    };
    let (mut attempt, mut total) = (inside, u64::MAX);
    let (mut times, mut waits) = (1_u64, 0_u64);
    if let Kind::Loop = step.kind {
        times = u64::MAX;
    }
    let mut index = 0;
    while index < step.policies.len() {
        match step.policies[index] {
            Policy::Retry { attempts, longest_wait_ms, .. } => {
                times = attempts as u64;
                waits = longest_wait_ms.saturating_mul(attempts as u64 - 1);
            }
            Policy::Timeout { attempt_ms, total_ms } => {
                if let Some(limit) = attempt_ms
                    && limit < attempt
                {
                    attempt = limit;
                }
                if let Some(limit) = total_ms {
                    total = limit;
                }
            }
            Policy::Max { rounds } => times = rounds as u64,
            // A permit may be long in coming.
            Policy::Limit => waits = u64::MAX,
            _ => {}
        }
        index += 1;
    }
    let all = if attempt == 0 { waits } else { attempt.saturating_mul(times).saturating_add(waits) };
    if all < total { all } else { total }
}
