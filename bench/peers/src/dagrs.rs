//! dagrs: nodes in a graph that send each other values through channels.
//!
//! Each node is a task on tokio, so the run enters a runtime. A graph runs once and is then reset, which is not
//! counted. A graph limits nothing and has no timeout, so map-1000-at-16 and guarded-10 are left out.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use dagrs::{
    Action, Content, DagrsResult, DefaultNode, EnvVar, Graph, InChannels, NodeId, NodeTable, OutChannels,
    Output, Router, RouterNode,
};
use tokio::runtime::Runtime;

use crate::steps::{Result, Way, a, b, both, c, d, e, f, g, h, i, j, one};
use crate::{Build, Run, runtime};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || ready(chain_10)),
    ("fan-out-8", || ready(fan_out_8)),
    ("route-8", || ready(route_8)),
    ("document", || ready(document)),
    ("hierarchy", || ready(hierarchy)),
];

/// Where the input stands in the graph's environment.
const INPUT: &str = "input";

/// A graph, and the nodes of which one holds the result.
struct Ready {
    runtime: Runtime,
    graph: Graph,
    last: Vec<NodeId>,
}

impl Ready {
    fn once(&mut self) -> Result<u64> {
        self.runtime.block_on(self.graph.async_start())?;
        let results = self.graph.get_results::<u64>();
        let result = self.last.iter().find_map(|node| results.get(node)?.as_deref().copied());
        Ok(result.ok_or("no result")?)
    }
}

impl Run for Ready {
    fn prepare(&mut self) {
        // A graph that could not be reset does not run.
        drop(self.runtime.block_on(self.graph.reset()));
    }

    fn run(&mut self) -> u64 {
        self.once().unwrap_or(0)
    }
}

fn ready(build: fn(&mut Builder) -> Result<Vec<NodeId>>) -> Result<Box<dyn Run>> {
    let mut builder = Builder { graph: Graph::new(), table: NodeTable::new() };
    let last = build(&mut builder)?;
    let Builder { mut graph, .. } = builder;
    let mut environment = EnvVar::new(NodeTable::new());
    environment.set(INPUT, 1_u64);
    environment.set("way", Way::E);
    graph.set_env(environment);
    Ok(Box::new(Ready { runtime: runtime()?, graph, last }))
}

struct Builder {
    graph: Graph,
    table: NodeTable,
}

impl Builder {
    /// Adds a node after others.
    fn add(&mut self, name: &str, after: &[NodeId], action: impl Action + 'static) -> Result<NodeId> {
        let node = DefaultNode::with_action(name.to_owned(), action, &mut self.table);
        let id = self.graph.add_node(node)?;
        for &before in after {
            self.graph.add_edge(before, [id])?;
        }
        Ok(id)
    }

    /// Adds a step after one node, or after whichever of several runs.
    fn step<F, A>(&mut self, name: &str, after: &[NodeId], step: F) -> Result<NodeId>
    where
        F: Fn(u64) -> A + Send + Sync + 'static,
        A: Future<Output = Result<u64>> + Send + 'static,
    {
        let from = match after {
            [] => From::Input,
            [one] => From::Node(*one),
            _ => From::Any,
        };
        self.add(name, after, Step { from, step })
    }

    /// Adds a step with a value of its own.
    fn fixed<F, A>(&mut self, name: &str, n: u64, step: F) -> Result<NodeId>
    where
        F: Fn(u64) -> A + Send + Sync + 'static,
        A: Future<Output = Result<u64>> + Send + 'static,
    {
        self.add(name, &[], Step { from: From::Fixed(n), step })
    }

    /// Adds a router before others.
    fn router(&mut self, before: &[NodeId], pick: fn(Way) -> usize) -> Result<()> {
        let routes = before.iter().map(NodeId::as_usize).collect();
        let node = RouterNode::new("router".to_owned(), Pick { routes, pick }, &mut self.table);
        let id = self.graph.add_node(node)?;
        self.graph.add_edge(id, before.iter().copied())?;
        Ok(())
    }
}

/// Where a step's value comes from.
enum From {
    Input,
    Fixed(u64),
    Node(NodeId),
    Any,
}

struct Step<F> {
    from: From,
    step: F,
}

#[async_trait]
impl<F, A> Action for Step<F>
where
    F: Fn(u64) -> A + Send + Sync,
    A: Future<Output = Result<u64>> + Send,
{
    async fn run(
        &self,
        inputs: &mut InChannels,
        outputs: &mut OutChannels,
        environment: Arc<EnvVar>,
    ) -> Output {
        let n = match &self.from {
            From::Input => environment.get_ref::<u64>(INPUT).copied(),
            From::Fixed(n) => Some(*n),
            From::Node(node) => value(inputs.recv_from(node).await),
            From::Any => value(inputs.recv_any().await.map(|(_, content)| content)),
        };
        match n {
            Some(n) => send((self.step)(n).await, outputs).await,
            None => Output::execution_failed("no value"),
        }
    }
}

fn value(content: DagrsResult<Content>) -> Option<u64> {
    content.ok()?.get().copied()
}

async fn send(value: Result<u64>, outputs: &OutChannels) -> Output {
    let content = match value {
        Ok(value) => Content::new(value),
        Err(error) => return Output::execution_failed(error.to_string()),
    };
    for sent in outputs.broadcast(content.clone()).await {
        if let Err(error) = sent {
            return Output::error(error);
        }
    }
    Output::Out(Some(content))
}

/// Adds two values.
struct Both {
    left: NodeId,
    right: NodeId,
}

#[async_trait]
impl Action for Both {
    async fn run(&self, inputs: &mut InChannels, outputs: &mut OutChannels, _: Arc<EnvVar>) -> Output {
        let left = value(inputs.recv_from(&self.left).await);
        let right = value(inputs.recv_from(&self.right).await);
        match (left, right) {
            (Some(left), Some(right)) => send(both(&left, &right).await, outputs).await,
            _ => Output::execution_failed("no value"),
        }
    }
}

/// Adds up all it receives.
struct Sum;

#[async_trait]
impl Action for Sum {
    async fn run(&self, inputs: &mut InChannels, outputs: &mut OutChannels, _: Arc<EnvVar>) -> Output {
        let all: Option<Vec<u64>> = inputs.map(value).await.into_iter().collect();
        match all {
            Some(all) => send(Ok(all.iter().sum()), outputs).await,
            None => Output::execution_failed("no value"),
        }
    }
}

struct Pick {
    routes: Vec<usize>,
    pick: fn(Way) -> usize,
}

#[async_trait]
impl Router for Pick {
    async fn route(&self, _: &mut InChannels, _: &OutChannels, environment: Arc<EnvVar>) -> Vec<usize> {
        let way = environment.get_ref::<Way>("way").copied().unwrap_or(Way::H);
        vec![self.routes[(self.pick)(way)]]
    }
}

fn chain_10(builder: &mut Builder) -> Result<Vec<NodeId>> {
    let node = builder.step("a", &[], a)?;
    let node = builder.step("b", &[node], b)?;
    let node = builder.step("c", &[node], c)?;
    let node = builder.step("d", &[node], d)?;
    let node = builder.step("e", &[node], e)?;
    let node = builder.step("f", &[node], f)?;
    let node = builder.step("g", &[node], g)?;
    let node = builder.step("h", &[node], h)?;
    let node = builder.step("i", &[node], i)?;
    Ok(vec![builder.step("j", &[node], j)?])
}

fn fan_out_8(builder: &mut Builder) -> Result<Vec<NodeId>> {
    let branches = [
        builder.step("a", &[], a)?,
        builder.step("b", &[], b)?,
        builder.step("c", &[], c)?,
        builder.step("d", &[], d)?,
        builder.step("e", &[], e)?,
        builder.step("f", &[], f)?,
        builder.step("g", &[], g)?,
        builder.step("h", &[], h)?,
    ];
    Ok(vec![builder.add("sum", &branches, Sum)?])
}

fn route_8(builder: &mut Builder) -> Result<Vec<NodeId>> {
    let ways = [
        builder.fixed("a", 1, a)?,
        builder.fixed("b", 2, b)?,
        builder.fixed("c", 3, c)?,
        builder.fixed("d", 4, d)?,
        builder.fixed("e", 5, e)?,
        builder.fixed("f", 6, f)?,
        builder.fixed("g", 7, g)?,
        builder.fixed("h", 8, h)?,
    ];
    builder.router(&ways, |way| way as usize)?;
    Ok(ways.to_vec())
}

fn document(builder: &mut Builder) -> Result<Vec<NodeId>> {
    let extract = builder.step("extract", &[], a)?;
    let classify = builder.step("classify", &[extract], |n| async move { one(&n).await })?;
    let entities = builder.step("entities", &[extract], |n| async move { one(&n).await })?;
    let summary = builder.add("summary", &[classify, extract], Both { left: classify, right: extract })?;
    Ok(vec![builder.add("validate", &[entities, summary], Both { left: entities, right: summary })?])
}

fn hierarchy(builder: &mut Builder) -> Result<Vec<NodeId>> {
    let alone = builder.fixed("alone", 1, a)?;
    let first = builder.fixed("first", 1, a)?;
    builder.router(&[alone, first], |way| usize::from(way as usize >= 4))?;
    let second = builder.step("second", &[first], b)?;
    let third = builder.step("third", &[second], c)?;
    let branches = [
        builder.step("w", &[alone, third], a)?,
        builder.step("x", &[alone, third], b)?,
        builder.step("y", &[alone, third], c)?,
        builder.step("z", &[alone, third], d)?,
    ];
    Ok(vec![builder.add("sum", &branches, Sum)?])
}
