//! The orchestrations of the bench, by other libraries.
//!
//! Each peer is a feature, so a build holds only what is asked for. Features of shared dependencies add up, so the
//! purest figures come from a build with one peer.
//!
//! A run holds the orchestration and nothing else: graphs, services and runtimes are made before it. State that a
//! library wants new for every run, such as a session, is made inside the run. A library that needs a runtime gets
//! tokio's on the current thread, and entering it is part of the run. The others are polled directly, as the bench
//! polls its own.
//!
//! What is left out, and why:
//!
//! | peer | what | why |
//! |---|---|---|
//! | rig-core | versions from 0.40 on | their pipelines were removed, so 0.39 stands in |
//! | swiftide-tasks | the default build | it declares Rust 1.97, so cargo wants `--ignore-rust-version` |
//! | dagrs, `dfir_rs`, graph-flow, swiftide-tasks | map-1000-at-16 | nothing limits how many steps run at once |
//! | tower | fan-out-8, document, hierarchy | nothing joins the answers of different services |
//! | all but boxed and tower | guarded-10 | retry, timeout or both are missing |
//!
//! None needs threads of its own.

// Ten chained tower services need more than 128.
#![recursion_limit = "256"]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub mod steps;

#[cfg(feature = "boxed")]
pub mod boxed;
#[cfg(feature = "dagrs")]
pub mod dagrs;
#[cfg(feature = "dfir")]
pub mod dfir;
#[cfg(feature = "graph-flow")]
pub mod graph_flow;
#[cfg(feature = "rig")]
pub mod rig;
#[cfg(feature = "swiftide")]
pub mod swiftide;
#[cfg(feature = "tower")]
pub mod tower;

use steps::Result;

/// One scenario of one peer, ready to run.
pub trait Run {
    /// Makes the next run possible. It is not counted.
    fn prepare(&mut self) {}

    /// Runs once. The result is 0 when the run failed.
    fn run(&mut self) -> u64;
}

impl<F: FnMut() -> u64> Run for F {
    fn run(&mut self) -> u64 {
        self()
    }
}

/// Makes one scenario ready.
pub type Build = fn() -> Result<Box<dyn Run>>;

/// One scenario of one peer.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The peer's name on the command line.
    pub peer: &'static str,
    /// The scenario's name on the command line: the bench's.
    pub scenario: &'static str,
    /// Makes it ready.
    pub build: Build,
}

/// What each scenario returns.
pub const EXPECTED: [(&str, u64); 7] = [
    ("chain-10", 11),
    ("fan-out-8", 16),
    ("route-8", 6),
    ("document", 8),
    ("hierarchy", 20),
    ("map-1000-at-16", 501_500),
    ("guarded-10", 11),
];

/// The peers of this build.
const PEERS: &[(&str, &[(&str, Build)])] = &[
    #[cfg(feature = "boxed")]
    ("boxed", boxed::SCENARIOS),
    #[cfg(feature = "dagrs")]
    ("dagrs", dagrs::SCENARIOS),
    #[cfg(feature = "dfir")]
    ("dfir_rs", dfir::SCENARIOS),
    #[cfg(feature = "graph-flow")]
    ("graph-flow", graph_flow::SCENARIOS),
    #[cfg(feature = "rig")]
    ("rig-core", rig::SCENARIOS),
    #[cfg(feature = "swiftide")]
    ("swiftide-tasks", swiftide::SCENARIOS),
    #[cfg(feature = "tower")]
    ("tower", tower::SCENARIOS),
];

/// Everything this build can measure.
pub fn pairs() -> impl Iterator<Item = Pair> {
    PEERS.iter().flat_map(|&(peer, scenarios)| {
        scenarios.iter().map(move |&(scenario, build)| Pair { peer, scenario, build })
    })
}

/// What a scenario returns, or 0 for one that does not exist.
#[must_use]
pub fn expected(scenario: &str) -> u64 {
    EXPECTED.iter().find(|(name, _)| *name == scenario).map_or(0, |(_, value)| *value)
}

/// The call whose instructions are counted: the counter is switched on and off by this function's name.
#[inline(never)]
pub fn measured(run: &mut dyn Run) -> u64 {
    black_box(run.run())
}

/// Runs a future that never waits.
pub fn finish<E>(future: impl Future<Output = std::result::Result<u64, E>>) -> u64 {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(value)) => value,
        _ => 0,
    }
}

/// A runtime on the current thread, with timers.
///
/// # Errors
///
/// When the system refuses what it needs.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?)
}
