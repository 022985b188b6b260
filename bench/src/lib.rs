//! The same orchestrations twice: by orch's macros, and by the `async` code an expert would write.
//!
//! Each step is one trivial async call, so what is seen is the orchestration. `cargo xtask bench-cost` counts
//! instructions, allocations and bytes; `cargo bench -p bench` measures time.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub mod hand;
pub mod orch;
pub mod policies;
pub mod steps;

/// One orchestration, once by orch and once by hand.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Runs it as orch compiles it.
    pub orch: fn() -> u64,
    /// Runs it as written by hand.
    pub hand: fn() -> u64,
    /// The sizes of both futures, in bytes: orch's, then the hand-written one's.
    pub sizes: fn() -> (usize, usize),
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! scenario {
    ($name:literal, $function:ident, $input:expr) => {
        scenario!($name, orch::$function, hand::$function, $input)
    };
    ($name:literal, $orch:path, $hand:path, $input:expr) => {
        Scenario {
            name: $name,
            orch: || finish($orch(black_box($input))),
            hand: || finish($hand(black_box($input))),
            sizes: || (size_of_val(&$orch($input)), size_of_val(&$hand($input))),
        }
    };
}

/// Everything that is measured.
pub const SCENARIOS: [Scenario; 15] = [
    scenario!("chain-10", chain_10, 1),
    scenario!("pipeline-10", pipeline_10, 1),
    scenario!("fan-out-8", fan_out_8, 1),
    scenario!("route-8", route_8, steps::Way::E),
    scenario!("route-8-alone", route_8_alone, steps::Way::E),
    scenario!("document", document, 1),
    scenario!("chain-100", chain_100, 1),
    scenario!("hierarchy", hierarchy, steps::Way::E),
    scenario!("map-1000-at-16", map_1000, 1),
    scenario!("guarded-10", guarded_10, 1),
    scenario!("hedged-5", policies::orch::hedged_5, policies::hand::hedged_5, 1),
    scenario!("limited-5", policies::orch::limited_5, policies::hand::limited_5, 1),
    scenario!("optional-5", policies::orch::optional_5, policies::hand::optional_5, 1),
    scenario!("deadline-5", policies::orch::deadline_5, policies::hand::deadline_5, 1),
    scenario!("streamed-16", policies::orch::streamed_16, policies::hand::streamed_16, 1),
];

/// Runs a future that never waits.
fn finish(future: impl Future<Output = orch_core::Result<u64>>) -> u64 {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(value)) => value,
        _ => 0,
    }
}

/// Makes timers work for as long as it is held.
///
/// # Panics
///
/// When no runtime can be made.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// The call whose instructions are counted: the counter is switched on and off by this function's name.
#[inline(never)]
pub fn measured(run: fn() -> u64) -> u64 {
    run()
}
