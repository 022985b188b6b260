//! graph-flow: tasks in a graph that read and write a shared context, with a session for each run.
//!
//! The session is made inside the run, as every run needs its own. A fan-out spawns its branches on tokio, so the run
//! enters a runtime. A fan-out has no limit, and there is no retry, so map-1000-at-16 and guarded-10 are left out.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use graph_flow::{
    Context, ExecutionStatus, FanOutTask, Graph, GraphBuilder, GraphError, NextAction, Session, Task,
    TaskResult,
};
use tokio::runtime::Runtime;

use crate::steps::{self, Result, a, b, both, c, d, e, f, g, h, i, j};
use crate::{Build, Run, runtime};

/// Everything this peer can do.
pub const SCENARIOS: &[(&str, Build)] = &[
    ("chain-10", || ready(chain_10()?, "n", 1)),
    ("fan-out-8", || ready(fan_out_8()?, "n", 1)),
    ("route-8", || ready(route_8()?, "way", 4)),
    ("document", || ready(document()?, "n", 1)),
    ("hierarchy", || ready(hierarchy()?, "way", 4)),
];

/// Where the branches of a fan-out leave their values.
const BRANCHES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn ready(graph: Graph, key: &'static str, input: u64) -> Result<Box<dyn Run>> {
    let runtime = runtime()?;
    Ok(Box::new(move || once(&runtime, &graph, key, black_box(input)).unwrap_or(0)))
}

fn once(runtime: &Runtime, graph: &Graph, key: &str, input: u64) -> Result<u64> {
    let start = graph.start_task_id().ok_or("an empty graph")?;
    let mut session = Session::new_from_task("run".to_owned(), start);
    session.context.set(key, input)?;
    let result = runtime.block_on(graph.execute_session(&mut session))?;
    match result.status {
        ExecutionStatus::Completed => Ok(read(&session.context, "out")?),
        _ => Err("the graph stopped early".into()),
    }
}

fn read(context: &Context, key: &str) -> graph_flow::Result<u64> {
    context.get(key).ok_or_else(|| GraphError::ContextError(key.to_owned()))
}

fn failed(error: &steps::Error) -> GraphError {
    GraphError::TaskExecutionFailed(error.to_string())
}

/// Where a step's value comes from.
#[derive(Clone, Copy)]
enum From {
    Key(&'static str),
    Fixed(u64),
}

/// One step: reads a value, writes a value.
struct Step<F> {
    id: &'static str,
    from: From,
    to: &'static str,
    next: NextAction,
    call: F,
}

#[async_trait]
impl<F, A> Task for Step<F>
where
    F: Fn(u64) -> A + Send + Sync,
    A: Future<Output = Result<u64>> + Send,
{
    fn id(&self) -> &str {
        self.id
    }

    async fn run(&self, context: Context) -> graph_flow::Result<TaskResult> {
        let n = match self.from {
            From::Key(key) => read(&context, key)?,
            From::Fixed(n) => n,
        };
        let value = (self.call)(n).await.map_err(|error| failed(&error))?;
        context.set(self.to, value)?;
        Ok(TaskResult::new(None, self.next.clone()))
    }
}

fn step<F, A>(id: &'static str, from: From, to: &'static str, step: F) -> Arc<dyn Task>
where
    F: Fn(u64) -> A + Send + Sync + 'static,
    A: Future<Output = Result<u64>> + Send + 'static,
{
    Arc::new(Step { id, from, to, next: NextAction::ContinueAndExecute, call: step })
}

/// The same, and the graph ends here.
fn last<F, A>(id: &'static str, from: From, step: F) -> Arc<dyn Task>
where
    F: Fn(u64) -> A + Send + Sync + 'static,
    A: Future<Output = Result<u64>> + Send + 'static,
{
    Arc::new(Step { id, from, to: "out", next: NextAction::End, call: step })
}

/// Does nothing: the edges decide.
struct Router;

#[async_trait]
impl Task for Router {
    fn id(&self) -> &'static str {
        "router"
    }

    async fn run(&self, _: Context) -> graph_flow::Result<TaskResult> {
        Ok(TaskResult::move_to_next_direct())
    }
}

/// Adds up what the branches left, and the graph ends here.
struct Sum(usize);

#[async_trait]
impl Task for Sum {
    fn id(&self) -> &'static str {
        "sum"
    }

    async fn run(&self, context: Context) -> graph_flow::Result<TaskResult> {
        let mut sum = 0;
        for key in &BRANCHES[..self.0] {
            sum += read(&context, key)?;
        }
        context.set("out", sum)?;
        Ok(TaskResult::new(None, NextAction::End))
    }
}

/// Adds two values.
struct Both {
    id: &'static str,
    left: &'static str,
    right: &'static str,
    to: &'static str,
    next: NextAction,
}

#[async_trait]
impl Task for Both {
    fn id(&self) -> &str {
        self.id
    }

    async fn run(&self, context: Context) -> graph_flow::Result<TaskResult> {
        let (left, right) = (read(&context, self.left)?, read(&context, self.right)?);
        let value = both(&left, &right).await.map_err(|error| failed(&error))?;
        context.set(self.to, value)?;
        Ok(TaskResult::new(None, self.next.clone()))
    }
}

/// Adds tasks that follow each other.
fn chain(mut builder: GraphBuilder, tasks: &[Arc<dyn Task>]) -> GraphBuilder {
    for task in tasks {
        builder = builder.add_task(Arc::clone(task));
    }
    for pair in tasks.windows(2) {
        builder = builder.add_edge(pair[0].id(), pair[1].id());
    }
    builder
}

fn fan_out(branches: Vec<Arc<dyn Task>>) -> Arc<dyn Task> {
    FanOutTask::new("fan-out", branches).with_next_action(NextAction::ContinueAndExecute)
}

fn chain_10() -> Result<Graph> {
    let n = From::Key("n");
    let tasks = [
        step("a", n, "n", a),
        step("b", n, "n", b),
        step("c", n, "n", c),
        step("d", n, "n", d),
        step("e", n, "n", e),
        step("f", n, "n", f),
        step("g", n, "n", g),
        step("h", n, "n", h),
        step("i", n, "n", i),
        last("j", n, j),
    ];
    Ok(chain(GraphBuilder::new("chain-10"), &tasks).build()?)
}

fn fan_out_8() -> Result<Graph> {
    let n = From::Key("n");
    let branches = fan_out(vec![
        step("a", n, "a", a),
        step("b", n, "b", b),
        step("c", n, "c", c),
        step("d", n, "d", d),
        step("e", n, "e", e),
        step("f", n, "f", f),
        step("g", n, "g", g),
        step("h", n, "h", h),
    ]);
    Ok(chain(GraphBuilder::new("fan-out-8"), &[branches, Arc::new(Sum(8))]).build()?)
}

/// One conditional edge for each way but the last, which is where the others lead when they do not hold.
fn route_8() -> Result<Graph> {
    let ways = [
        last("a", From::Fixed(1), a),
        last("b", From::Fixed(2), b),
        last("c", From::Fixed(3), c),
        last("d", From::Fixed(4), d),
        last("e", From::Fixed(5), e),
        last("f", From::Fixed(6), f),
        last("g", From::Fixed(7), g),
        last("h", From::Fixed(8), h),
    ];
    let mut builder = GraphBuilder::new("route-8").add_task(Arc::new(Router));
    for way in &ways {
        builder = builder.add_task(Arc::clone(way));
    }
    for (wanted, way) in (0_u64..7).zip(&ways) {
        let holds = move |context: &Context| context.get::<u64>("way") == Some(wanted);
        builder = builder.add_conditional_edge("router", holds, way.id(), "h");
    }
    Ok(builder.build()?)
}

fn document() -> Result<Graph> {
    let text = From::Key("text");
    let tasks: [Arc<dyn Task>; 4] = [
        step("extract", From::Key("n"), "text", a),
        fan_out(vec![
            step("classify", text, "class", |n| async move { steps::one(&n).await }),
            step("entities", text, "entities", |n| async move { steps::one(&n).await }),
        ]),
        Arc::new(Both {
            id: "summary",
            left: "class",
            right: "text",
            to: "summary",
            next: NextAction::ContinueAndExecute,
        }),
        Arc::new(Both {
            id: "validate",
            left: "entities",
            right: "summary",
            to: "out",
            next: NextAction::End,
        }),
    ];
    Ok(chain(GraphBuilder::new("document"), &tasks).build()?)
}

fn hierarchy() -> Result<Graph> {
    let n = From::Key("n");
    let branches =
        fan_out(vec![step("w", n, "a", a), step("x", n, "b", b), step("y", n, "c", c), step("z", n, "d", d)]);
    let builder = GraphBuilder::new("hierarchy").add_task(Arc::new(Router)).add_task(step(
        "alone",
        From::Fixed(1),
        "n",
        a,
    ));
    let long = [
        step("first", From::Fixed(1), "n", a),
        step("second", n, "n", b),
        step("third", n, "n", c),
        branches,
        Arc::new(Sum(4)),
    ];
    Ok(chain(builder, &long)
        .add_edge("alone", "fan-out")
        .add_conditional_edge(
            "router",
            |context| context.get::<u64>("way").is_some_and(|way| way >= 4),
            "first",
            "alone",
        )
        .build()?)
}
