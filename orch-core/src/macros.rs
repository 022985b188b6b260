//! The façades of the macros, and their grammar.

/// A chain of stages, each fed with what the one before gave.
///
/// ```text
/// pipeline!(stage, stage, ..)
/// stage := #[policy]* ( path | |value| future | call with `_` | route!(match _ { .. }) | fan_out!(..) | pipeline!(..) )
/// ```
///
/// A stage is a function of the incoming value that gives a future of a `Result`. A path is called with the
/// value; in a call, `_` stands where the value goes. The first error ends the chain and names its stage. A stage that takes
/// its value and may be tried again is given a copy: `#[retry(3)] own(_.clone())`.
///
/// ```
/// use orch_core::{Result, pipeline};
///
/// async fn parse(text: &str) -> Result<u32> {
///     Ok(text.parse()?)
/// }
/// async fn add(a: u32, b: u32) -> Result<u32> {
///     Ok(a + b)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let chain = pipeline!(parse, add(_, 1), |n: u32| async move { orch_core::Ok(n * 10) });
/// assert_eq!(chain.run("4").await?, 50);
/// assert_eq!(chain.plan().graph.steps[1].name, "add");
/// assert_eq!(chain.run("four").await.unwrap_err().path(), "parse");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! pipeline {
    ($($tokens:tt)*) => { $crate::__private::pipeline!($crate; $($tokens)*) };
}

/// Exactly one arm runs: the one the route says.
///
/// ```text
/// route!(match decision { #[policy]* path => future, .. })
/// ```
///
/// The value after `match` is a route, a [`Decision`](crate::router::Decision) of one, or any other closed
/// enum. It is matched by reference. Each arm is a future; they may be of different types as long as they give
/// the same. A wildcard is refused: a route added later must fail the build here.
///
/// ```
/// use orch_core::{Result, Route, route};
///
/// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// enum Size {
///     Small,
///     #[route(default)]
///     Large,
/// }
/// async fn cheap(n: u32) -> Result<u32> {
///     Ok(n)
/// }
/// async fn thorough(n: u32) -> Result<u32> {
///     Ok(n * 100)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let size = Size::Large;
/// let done = route!(match size {
///     Size::Small => cheap(1),
///     Size::Large => thorough(1),
/// })
/// .await?;
/// assert_eq!(done, 100);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! route {
    ($($tokens:tt)*) => { $crate::__private::route!($crate; $($tokens)*) };
}

/// Several futures at the same time, in one task.
///
/// ```text
/// fan_out!(#[policy]* name = future, ..)               a struct with those fields
/// fan_out!(Path { #[policy]* field: future, .. })      a struct of your own
/// fan_out!(for pattern in collection { future })       a `Vec` in the order of the input
/// ```
///
/// Each future gives a `Result`. Awaited as it is, the first error ends the whole, drops the other branches and
/// names its branch. Other joins are methods:
///
/// | | branches | a map |
/// |---|---|---|
/// | `.settle()` | each its own `Result` | likewise |
/// | `.keep()` | all; a failure keeps what had completed, in a [`Partial`](crate::Partial) | likewise |
/// | `.quorum(n)` | the first `n` that succeed; each field an `Option` | the first `n` values |
/// | `.first_ok()` | the value of the first that succeeds | `.quorum(1)` |
/// | `.reduce(init, merge)`, `.unordered()` | | folded, or listed, as the calls end |
/// | `.concurrency(n)`, `.spawn()` | | at most `n` at the same time; on the runtime's workers. Before the other methods |
///
/// Branches may borrow. What several answers come to is in [`vote`](crate::vote).
///
/// ```
/// use orch_core::{Result, fan_out};
///
/// async fn length(text: &str) -> Result<usize> {
///     Ok(text.len())
/// }
/// async fn number(text: &str) -> Result<u32> {
///     Ok(text.parse()?)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let text = String::from("42");
/// let both = fan_out!(length = length(&text), number = number(&text)).await?;
/// assert_eq!((both.length, both.number), (2, 42));
///
/// let texts = ["1", "two", "3"];
/// let numbers = fan_out!(for text in texts { number(text) }).concurrency(2).settle().await;
/// assert!(numbers[0].is_ok() && numbers[1].is_err() && numbers[2].is_ok());
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! fan_out {
    ($($tokens:tt)*) => { $crate::__private::fan_out!($crate; $($tokens)*) };
}

/// A named graph of steps: an `async fn`, and a companion of the same name with its plan.
///
/// The body is written in order and runs as a dataflow graph:
///
/// - a `let` whose value awaits is a step; it starts as soon as everything it names is ready, so steps that do
///   not need each other run at the same time;
/// - a `let` without an await is plain code: it runs as soon as what it names is ready if a later step needs it,
///   otherwise after the steps around it. Code that must run at one point in time is a statement of its own;
/// - any other statement is an ordering point: it waits for all above it, and all below wait for it;
/// - `if`, `match`, loops and blocks with awaits inside are graphs of their own. A `while` or a `loop` with
///   steps in it needs `#[max(n)]`;
/// - a value is dropped after its last use. A step's value may borrow from the arguments; one that borrows from
///   another step's value says so in its type: `let view: View<'_> = ..`;
/// - who takes a value, by naming it without `&`, waits for those who borrowed it before. What is `mut`, or behind
///   a `&mut`, keeps program order.
///
/// Policies are attributes on a step:
///
/// | | |
/// |---|---|
/// | `#[retry(3, backoff = 200ms..5s, when = path)]` | at most 3 attempts; waits double inside the range, with jitter; `when` decides by the error |
/// | `#[timeout(10s, total = 30s)]` | bounds one attempt, and all together |
/// | `#[hedge(after = 300ms)]` | a second attempt beside a slow first one; the first success wins |
/// | `#[limit(limiter)]` | each attempt takes a permit of a [`Limiter`](crate::Limiter) |
/// | `#[cache(store, key = expr)]` | looked up in a [`Cache`](crate::Cache) first; callers of one key share one call |
/// | `#[or(expr)]` | what to use when it has failed for good |
/// | `#[when(condition)]` | skipped unless; the value is then an `Option` |
/// | `#[effect]`, `#[effect(idempotent)]` | has a side effect: keeps program order; not retried unless idempotent, never hedged or cached |
/// | `#[flow]` | the call of another workflow: its plan nests, observers and deadline pass through |
/// | `#[name("..")]` | its name in plans, traces and errors |
/// | `#[max(8)]` | on a `while` or a `loop` with steps in it |
/// | `#[stream]` | the call gives a stream of tokens; its value is the whole of them, and who watches sees each as it comes |
///
/// `#[deadline(60s)]` on the workflow bounds it and every workflow it calls with `#[flow]`; the earlier deadline wins.
/// `#[cfg(..)]` and `#[cfg_attr(..)]` on a step put it, or its policy, into the graph or leave it out, with at most four
/// different conditions to a workflow. Likewise an arm of a `match` or a `route!` in it; a branch of a `fan_out!` and a stage of
/// a `pipeline!` cannot be left out so.
///
/// # Policies together
///
/// Any of them go on any kind of step: a call, another workflow, a `route!`, a `fan_out!`, an arm, a branch. From the
/// outside in they are `when`, `or`, `cache`, `retry`, `limit`, `timeout`, `hedge`, `stream`, the call. So each row
/// below stands outside the ones under it:
///
/// | | with those inside it |
/// |---|---|
/// | `when` | a step that is skipped looks nothing up, takes no permit and makes no attempt |
/// | `or` | stands in when the last attempt has failed, whatever for: an error, a timeout, both halves of a hedge. What it gives is not kept in the cache |
/// | `cache` | a hit takes no permit and no attempt, and streams nothing. What failed or timed out is not kept; the winner of a hedge is |
/// | `retry` | each attempt is limited, bounded and hedged anew. A timeout is worth another attempt; `when = path` is asked about errors of the step alone |
/// | `limit` | each attempt takes a permit and gives it back before the wait for the next. Waiting for one is not part of the attempt, so `timeout` does not bound it; `total` does. Both halves of a hedged attempt go on one permit |
/// | `timeout` | bounds one attempt, both halves of it where it is hedged, from the first token to the last where it streams. `total` bounds all attempts and the waits between them |
/// | `hedge` | starts the call a second time. The half that loses is dropped |
/// | `stream` | after a failed attempt the tokens begin anew; who watches is told of the retry |
///
/// `retry` waits as long as the error advises, if it is [`RetryAfter`](crate::RetryAfter) and that is longer than the
/// backoff. It begins no wait that would pass the deadline or the `total`, and none after the last attempt.
///
/// What makes no sense together is refused with the reason: `hedge` or `cache` on an `effect`, `retry` on one that is not
/// idempotent, `effect` on a branch, `hedge` on a `stream`, a `hedge` that begins after the timeout, a `total` below
/// one attempt. A value in `or` or `when` may await, and may not jump.
///
/// # Watching, streaming, dropping
///
/// The companion has the workflow's name, so a module that imports both has room for one of them. Beside the
/// [`PLAN`](crate::plan::Plan) it has `NAME::observed(&observer, ..)`, which tells an
/// [`Observer`](crate::Observer) of each step, and `NAME::stream(&mut events, ..)`, which runs the workflow as a stream
/// of its [`Events`](crate::Events).
///
/// A workflow is a future and nothing more: dropping it at any await drops every step that runs, and no task is left
/// behind. Only the calls of a `.spawn()`ed fan-out are tasks; they are aborted.
///
/// rustc proves `Send` for futures inside futures step by step, and its default limit ends at about 40 workflows
/// inside each other, as it does for hand-written `async fn`s. `#![recursion_limit = "256"]` in the crate moves it.
///
/// The error type is the declared one. It is `From` each step's error, and from [`Error`](crate::Error) where a step has a
/// timeout, a loop a bound, or the workflow a deadline.
///
/// ```
/// use orch_core::{Result, workflow};
///
/// async fn words(text: &str) -> Result<usize> {
///     Ok(text.split_whitespace().count())
/// }
/// async fn lines(text: &str) -> Result<usize> {
///     Ok(text.lines().count())
/// }
///
/// workflow!(
///     /// Words per line.
///     async fn density(text: &str) -> Result<f64> {
///         let words = words(text).await?; //   these two run
///         let lines = lines(text).await?; //   at the same time
///         Ok(words as f64 / lines as f64)
///     }
/// );
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(density("a b\nc d").await?, 2.0);
/// assert!(density::PLAN.graph.edges.is_empty());
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! workflow {
    ($($tokens:tt)*) => { $crate::__private::workflow!($crate; $($tokens)*); };
}

/// Names the step of an error whose type is not known here, and tells the observer.
#[doc(hidden)]
#[macro_export]
macro_rules! __fault {
    ($target:ty, $entered:expr, $failure:expr, $name:expr, $attempts:expr, $elapsed:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{DescribeAny as _, DescribeDisplay as _, Leave as _, LocateAny as _};
        let failure: $target = $failure;
        let failure = $crate::__private::Fault::<$target>(failure).at($name, $attempts, $elapsed);
        $crate::__private::Leave::failed($entered, (&&$crate::__private::Description(&failure)).describe());
        failure
    }};
}
