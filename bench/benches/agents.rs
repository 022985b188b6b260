//! What an agent costs beyond its model: time and allocations of a turn, and the memory of a thousand agents. Fails where
//! a bound does not hold.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use allocation_counter::measure;
use orch_core::agent::React;
use orch_core::model::{ChatReply, Message, ScriptedModel, ToolCall, Usage};
use orch_core::{Result, tool};

/// Adds two whole numbers.
#[tool(reads)]
async fn add(a: i64, b: i64) -> Result<i64> {
    Ok(a + b)
}

/// Asks for the tool until it has asked `calls` times, then answers.
fn model(calls: u32, delay: Duration) -> ScriptedModel {
    ScriptedModel::new("scripted").takes(delay).answers(move |request| {
        let asked = request.messages.iter().filter(|message| matches!(message, Message::Tool(_))).count();
        if asked >= calls as usize {
            return Ok(ChatReply::new("done", Usage::default()));
        }
        let arguments = format!("{{\"a\": {asked}, \"b\": 1}}");
        let call = ToolCall::new(format!("call_{asked}"), "add", arguments);
        Ok(ChatReply::asking(vec![call], Usage::default()))
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// The median time of a turn that calls a tool, model included.
fn turn() -> Duration {
    let runtime = runtime();
    let mut times: Vec<Duration> = (0..2_000)
        .map(|_| {
            let agent = React::new(model(7, Duration::ZERO), add::tool());
            let began = Instant::now();
            let done = runtime.block_on(agent.run("go")).unwrap();
            assert_eq!(done.turns, 8);
            began.elapsed() / done.turns
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Bytes allocated by a turn that calls a tool, and one that answers, after so many messages.
fn allocated(history: usize) -> u64 {
    let runtime = runtime();
    let agent = React::new(model(1, Duration::ZERO), add::tool());
    let mut conversation: Vec<Message> = Vec::with_capacity(history + 8);
    conversation.extend((0..history).map(|number| Message::user(format!("message {number}"))));
    measure(|| {
        let done = runtime.block_on(agent.go_on(conversation, "go")).unwrap();
        assert_eq!((done.turns, done.calls), (2, 1));
        std::mem::forget(done);
    })
    .bytes_total
}

/// The most bytes allocated at a time by so many agents at the same time, of eight turns each.
fn together(agents: usize) -> u64 {
    let runtime = runtime();
    let agents: Vec<_> =
        (0..agents).map(|_| React::new(model(7, Duration::from_millis(1)), add::tool())).collect();
    measure(|| {
        let all = agents.iter().map(|agent| agent.run("go"));
        let done = runtime.block_on(futures_util::future::join_all(all));
        assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| done.turns == 8)));
    })
    .bytes_max
}

fn main() {
    let turn = turn();
    println!("a turn with a tool: {:.1} µs (at most 20)", turn.as_secs_f64() * 1e6);
    let (short, long) = (allocated(10), allocated(10_000));
    println!("allocated by a turn: {short} bytes after 10 messages, {long} after 10,000 (at most 64 more)");
    let memory = together(1_000) as f64 / f64::from(1 << 20);
    println!("1,000 agents at the same time: {memory:.1} MiB (at most 100)");
    assert!(turn <= Duration::from_micros(20), "a turn takes too long");
    assert!(long <= short + 64, "a turn allocates by its history");
    assert!(memory < 100.0, "a thousand agents take too much memory");
}
