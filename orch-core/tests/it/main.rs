//! The macros, the runtime and the routers, from the outside.
// rustc proves `Send` for a future inside a future step by step, for hand-written `async fn`s too: its default limit
// of 128 ends at about 40 of them inside each other, and `large.rs` nests 64.
#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unused_async,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

mod adversaries;
mod agents;
mod agents_at_work;
mod cancellation;
mod combinations;
mod editor;
mod errors;
mod events;
mod fan_out;
mod few_examples;
mod knowledge;
mod large;
mod models;
mod natural;
mod observers;
mod pipeline;
mod plan;
mod policies;
mod registry;
mod route;
mod routers;
mod tools;
mod ui;
mod workflow;

use std::sync::Mutex;
use std::time::Duration;

use orch_core::Result;
use tokio::time::{Instant, sleep};

/// Gives `value` after `ms` milliseconds.
async fn after<T>(ms: u64, value: T) -> Result<T> {
    sleep(Duration::from_millis(ms)).await;
    Ok(value)
}

/// Gives the sum of two borrowed numbers after `ms` milliseconds.
async fn sum(ms: u64, a: &u32, b: &u32) -> Result<u32> {
    sleep(Duration::from_millis(ms)).await;
    Ok(a + b)
}

/// What happened, in order.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes its start and its end.
async fn noted(log: &Log, name: &str, ms: u64) -> Result<u32> {
    log.note(format!("{name} starts"));
    sleep(Duration::from_millis(ms)).await;
    log.note(format!("{name} ends"));
    Ok(u32::try_from(ms).unwrap())
}

/// How long a future takes on the paused clock, in milliseconds, and what it gives.
async fn timed<T>(future: impl Future<Output = T>) -> (u64, T) {
    let start = Instant::now();
    let value = future.await;
    (u64::try_from(start.elapsed().as_millis()).unwrap(), value)
}

fn assert_send<T: Send>(value: T) -> T {
    value
}
