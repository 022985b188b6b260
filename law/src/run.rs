//! The steps that generated workflows call, and the comparison with what must come of them.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use orch_core::{Cache, Kind, Limiter, Route};
use tokio::time::{Instant, sleep};

use crate::interpret::{Failed, Why, expect};
use crate::model::Program;
use crate::value::{Value, mix};

/// The error of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepFailed(pub u32);

impl fmt::Display for StepFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} failed", self.0)
    }
}

impl std::error::Error for StepFailed {}

/// Three ways to go.
#[allow(missing_docs)]
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    A,
    B,
    #[route(default)]
    C,
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct Env {
    seen: Mutex<Seen>,
    cache: Cache<u32, Value>,
    limiter: Limiter,
}

impl Default for Env {
    fn default() -> Self {
        Self { seen: Mutex::default(), cache: Cache::new(1_000), limiter: Limiter::concurrency(1_000) }
    }
}

#[derive(Debug, Default)]
struct Seen {
    begun: HashMap<u32, u32>,
    running: usize,
    /// What the loops noted.
    rounds: Vec<u64>,
    /// The calls, in the order in which they began.
    calls: Vec<u32>,
}

impl Env {
    fn with<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `flag`, hidden from the compiler.
    #[must_use]
    pub fn is(&self, flag: bool) -> bool {
        std::hint::black_box(flag)
    }

    /// What calls have given, by their number.
    #[must_use]
    pub fn cache(&self) -> &Cache<u32, Value> {
        &self.cache
    }

    /// A limiter that lets everybody in.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Notes a round of a loop.
    pub fn note(&self, round: u64, value: &Value) {
        self.with(|seen| seen.rounds.push(round ^ value.0));
    }

    /// The way of a number.
    #[must_use]
    pub fn way(&self, number: usize) -> Way {
        Way::ALL[number % 3]
    }

    /// `value`, or nothing.
    #[must_use]
    pub fn maybe(&self, flag: bool, value: Value) -> Option<Value> {
        flag.then_some(value)
    }
}

/// A running call: counted for as long as it is not dropped.
struct Running<'a>(&'a Env);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.with(|seen| seen.running -= 1);
    }
}

async fn attempt(env: &Env, id: u32, delay: u64, fails: u32) -> Result<(), StepFailed> {
    let made = env.with(|seen| {
        seen.running += 1;
        let made = seen.begun.entry(id).or_default();
        *made += 1;
        *made
    });
    let _running = Running(env);
    env.with(|seen| seen.calls.push(id));
    sleep(Duration::from_millis(delay)).await;
    if made <= fails { Err(StepFailed(id)) } else { Ok(()) }
}

/// A step that borrows.
///
/// # Errors
///
/// In its first `fails` attempts.
pub async fn step(env: &Env, id: u32, delay: u64, fails: u32, uses: &[&Value]) -> Result<Value, StepFailed> {
    attempt(env, id, delay, fails).await?;
    let own = Value(u64::from(id));
    Ok(mix(&uses.iter().copied().chain([&own]).collect::<Vec<_>>()))
}

/// A step that takes a value.
///
/// # Errors
///
/// In its first `fails` attempts.
pub async fn take(
    env: &Env,
    id: u32,
    delay: u64,
    fails: u32,
    taken: Value,
    uses: &[&Value],
) -> Result<Value, StepFailed> {
    attempt(env, id, delay, fails).await?;
    let own = Value(u64::from(id));
    Ok(mix(&[&taken].into_iter().chain(uses.iter().copied()).chain([&own]).collect::<Vec<_>>()))
}

/// A call of a map.
///
/// # Errors
///
/// Never.
pub async fn item_step<const N: usize>(
    env: &Env,
    id: u32,
    delay: u64,
    uses: [&Value; N],
) -> Result<Value, StepFailed> {
    let item = env.with(|seen| seen.begun.get(&id).copied().unwrap_or(0));
    attempt(env, id, delay, 0).await?;
    let (item, own) = (Value(u64::from(item)), Value(u64::from(id)));
    Ok(mix(&uses.iter().copied().chain([&item, &own]).collect::<Vec<_>>()))
}

/// A workflow that has been called. It is boxed so that what runs it is compiled once, and not for each program; and it
/// must be `Send`.
pub type Called<'a> = Pin<Box<dyn Future<Output = orch_core::Result<Value>> + Send + 'a>>;

/// Runs the workflow of a seed and compares: the result, the time, the attempts, and that nothing is left.
async fn check(seed: u64, workflow: fn(&Env) -> Called<'_>) -> Result<(), String> {
    let env = &Env::default();
    let program = Program::random(seed);
    let expected = expect(&program);
    // The paused clock ticks in whole milliseconds: begin on one.
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    let result = workflow(env).await;
    let took = start.elapsed().as_millis() as u64;
    let differs = |what: &str, found: &dyn fmt::Debug, wanted: &dyn fmt::Debug| {
        Err(format!("seed {seed}: {what} is {found:?}, and must be {wanted:?}"))
    };
    match (&result, &expected.result) {
        (Ok(value), Ok(wanted)) if value == wanted => {}
        (Err(error), Err(Failed { why: Why::Timeout, .. })) if error.kind() == Kind::Timeout => {}
        (Err(error), Err(Failed { why: Why::LoopBound, .. })) if error.kind() == Kind::LoopBound => {}
        (Err(error), Err(Failed { id, why: Why::Step, .. }))
            if error.downcast_ref::<StepFailed>() == Some(&StepFailed(*id)) => {}
        _ => return differs("the result", &result, &expected.result),
    }
    if took != expected.end {
        return differs("the makespan", &took, &expected.end);
    }
    let begun = env.with(|seen| seen.begun.clone());
    let all = |id: &u32| {
        let (made, sure) =
            (begun.get(id).copied().unwrap_or(0), expected.begun.get(id).copied().unwrap_or(0));
        (sure..=sure + expected.perhaps.get(id).copied().unwrap_or(0)).contains(&made)
    };
    if !begun.keys().chain(expected.begun.keys()).all(all) {
        return differs("what was begun", &begun, &expected.begun);
    }
    let (calls, rounds) = env.with(|seen| (seen.calls.clone(), seen.rounds.clone()));
    let effects: Vec<u32> = calls.into_iter().filter(|id| expected.effects.contains(id)).collect();
    if effects != expected.effects {
        return differs("the order of the effects", &effects, &expected.effects);
    }
    if rounds != expected.rounds {
        return differs("what the loops noted", &rounds, &expected.rounds);
    }
    let left = env.with(|seen| seen.running);
    if left > 0 {
        return differs("what still runs", &left, &0);
    }
    Ok(())
}

/// Checks the workflow of a seed on a paused clock of its own; prints what differs and counts it.
pub fn paused(seed: u64, workflow: fn(&Env) -> Called<'_>, failed: &mut u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(check(seed, workflow)),
        Err(error) => Err(error.to_string()),
    };
    if let Err(differs) = outcome {
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{differs}");
        *failed += 1;
    }
}
