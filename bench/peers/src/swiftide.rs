//! swiftide-tasks: typed nodes, with a transition after each.
//!
//! A parallel fan-out runs all its branches at once, and there is no retry and no timeout, so map-1000-at-16 and
//! guarded-10 are left out.

use std::hint::black_box;

use swiftide_tasks::{ConcurrencyModel, JoinInput, NodeError, Task, TaskError, TaskRunOutcome, Transition};

use crate::steps::{Result, Way, a, b, both, c, d, e, f, g, h, i, j, one};
use crate::{Build, Run, finish};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || Ok(ready(chain_10()?, 1))),
    ("fan-out-8", || Ok(ready(fan_out_8()?, 1))),
    ("route-8", || Ok(ready(route_8()?, Way::E))),
    ("document", || Ok(ready(document()?, 1))),
    ("hierarchy", || Ok(ready(hierarchy()?, Way::E))),
];

type Graph<I> = Task<I, u64>;

fn ready<I: Copy + std::fmt::Debug + Send + Sync + 'static>(mut graph: Graph<I>, input: I) -> Box<dyn Run> {
    Box::new(move || {
        finish(async {
            match graph.run(black_box(input)).await? {
                TaskRunOutcome::Completed(value) => Ok(value),
                TaskRunOutcome::Paused => Err(TaskError::Incomplete),
            }
        })
    })
}

/// Registers a step as a node.
macro_rules! node {
    ($graph:ident, $step:ident) => {
        $graph.register_node_async_fn(|n: &u64| {
            let n = *n;
            Box::pin(async move { $step(n).await.map_err(|error| NodeError::new(error, 0, None)) })
        })
    };
}

/// Registers steps that follow each other.
macro_rules! chain {
    ($graph:ident, $first:ident $(, $next:ident)*) => {{
        let first = node!($graph, $first);
        let last = first;
        $(
            let next = node!($graph, $next);
            $graph.register_transition(last, move |n| next.transitions_with(n))?;
            let last = next;
        )*
        (first, last)
    }};
}

/// Registers a node that adds up what its branches return, and ends the graph.
macro_rules! sum {
    ($graph:ident) => {{
        let sum = $graph.register_node_fn(|all: &JoinInput<u64>| -> std::result::Result<u64, NodeError> {
            Ok(all.iter().sum())
        });
        $graph.register_transition(sum, $graph.transitions_to_finish())?;
        sum
    }};
}

fn chain_10() -> Result<Graph<u64>> {
    let mut graph = Graph::new();
    let (first, last) = chain!(graph, a, b, c, d, e, f, g, h, i, j);
    graph.starts_with(first);
    graph.register_transition(last, graph.transitions_to_finish())?;
    Ok(graph)
}

/// Registers branches after a node, all at the same time, and their sum.
macro_rules! fan_out {
    ($graph:ident, $from:ident, $first:ident, $($next:ident),+) => {{
        let sum = sum!($graph);
        let $first = node!($graph, $first);
        $graph.register_transition($first, sum.join())?;
        $(
            let $next = node!($graph, $next);
            $graph.register_transition($next, sum.join())?;
        )+
        $graph.register_transition($from, move |n| {
            Transition::fan_out(&$first, n)
                $(.and(&$next, n))+
                .join_with(sum.join())
                .concurrency_model(ConcurrencyModel::Parallel)
        })?;
    }};
}

fn fan_out_8() -> Result<Graph<u64>> {
    let mut graph = Graph::new();
    let start = graph.register_node_fn(|n: &u64| -> std::result::Result<u64, NodeError> { Ok(*n) });
    graph.starts_with(start);
    fan_out!(graph, start, a, b, c, d, e, f, g, h);
    Ok(graph)
}

fn route_8() -> Result<Graph<Way>> {
    let mut graph = Graph::new();
    let start = graph.register_node_fn(|way: &Way| -> std::result::Result<Way, NodeError> { Ok(*way) });
    graph.starts_with(start);
    macro_rules! end {
        ($step:ident) => {{
            let node = node!(graph, $step);
            graph.register_transition(node, graph.transitions_to_finish())?;
            node
        }};
    }
    let (a, b, c, d) = (end!(a), end!(b), end!(c), end!(d));
    let (e, f, g, h) = (end!(e), end!(f), end!(g), end!(h));
    graph.register_transition(start, move |way| -> Transition {
        match way {
            Way::A => a.transitions_with(1).into(),
            Way::B => b.transitions_with(2).into(),
            Way::C => c.transitions_with(3).into(),
            Way::D => d.transitions_with(4).into(),
            Way::E => e.transitions_with(5).into(),
            Way::F => f.transitions_with(6).into(),
            Way::G => g.transitions_with(7).into(),
            Way::H => h.transitions_with(8).into(),
        }
    })?;
    Ok(graph)
}

/// A joined value carries its branch's place, so the order of the sum is known.
fn document() -> Result<Graph<u64>> {
    let mut graph = Graph::new();
    let extract = node!(graph, a);
    let classify = graph.register_node_async_fn(|text: &u64| {
        Box::pin(async move {
            one(text).await.map(|class| (class, *text)).map_err(|error| NodeError::new(error, 0, None))
        })
    });
    let summary = graph.register_node_async_fn(|(class, text): &(u64, u64)| {
        Box::pin(async move { both(class, text).await.map_err(|error| NodeError::new(error, 0, None)) })
    });
    let entities = graph.register_node_async_fn(|text: &u64| {
        Box::pin(async move { one(text).await.map_err(|error| NodeError::new(error, 0, None)) })
    });
    let validate = graph.register_node_async_fn(|joined: &JoinInput<u64>| {
        Box::pin(async move {
            let mut values = joined.iter();
            let (Some(summary), Some(entities)) = (values.next(), values.next()) else {
                return Err(NodeError::new("a branch is missing", 0, None));
            };
            both(entities, summary).await.map_err(|error| NodeError::new(error, 0, None))
        })
    });
    graph.starts_with(extract);
    graph.register_transition(extract, move |text| {
        Transition::fan_out(&classify, text)
            .and(&entities, text)
            .join_with(validate.join())
            .concurrency_model(ConcurrencyModel::Parallel)
    })?;
    graph.register_transition(classify, move |both| summary.transitions_with(both))?;
    graph.register_transition(summary, validate.join())?;
    graph.register_transition(entities, validate.join())?;
    graph.register_transition(validate, graph.transitions_to_finish())?;
    Ok(graph)
}

fn hierarchy() -> Result<Graph<Way>> {
    let mut graph = Graph::new();
    let start = graph.register_node_fn(|way: &Way| -> std::result::Result<Way, NodeError> { Ok(*way) });
    graph.starts_with(start);
    let spread = graph.register_node_fn(|n: &u64| -> std::result::Result<u64, NodeError> { Ok(*n) });
    let alone = node!(graph, a);
    let (first, last) = chain!(graph, a, b, c);
    graph.register_transition(start, move |way| -> Transition {
        match way {
            Way::A | Way::B | Way::C | Way::D => alone.transitions_with(1).into(),
            Way::E | Way::F | Way::G | Way::H => first.transitions_with(1).into(),
        }
    })?;
    graph.register_transition(alone, move |n| spread.transitions_with(n))?;
    graph.register_transition(last, move |n| spread.transitions_with(n))?;
    fan_out!(graph, spread, a, b, c, d);
    Ok(graph)
}
