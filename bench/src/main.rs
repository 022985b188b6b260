//! Prints what can be counted without a tool, or runs one scenario for a tool to count.
//!
//! `bench` prints a line for each scenario: name, allocations and bytes of orch's, then of the hand-written one.
//! `bench NAME orch|hand` runs one, once to warm up and once inside [`bench::measured`].

use std::io::Write as _;
use std::process::ExitCode;

use bench::{SCENARIOS, measured};

/// How often `run` allocates.
#[cfg(feature = "allocations")]
fn allocations(run: fn() -> u64) -> u64 {
    allocation_counter::measure(|| {
        run();
    })
    .count_total
}

/// Nobody counts.
#[cfg(not(feature = "allocations"))]
fn allocations(_: fn() -> u64) -> u64 {
    0
}

fn main() -> ExitCode {
    let runtime = bench::runtime();
    let _timers = runtime.enter();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    if arguments.is_empty() {
        for scenario in SCENARIOS {
            let (orch, hand) = (scenario.sizes)();
            let counts = (allocations(scenario.orch), allocations(scenario.hand));
            let line = format!("{} {} {} {orch} {hand}", scenario.name, counts.0, counts.1);
            if writeln!(out, "{line}").is_err() {
                return ExitCode::FAILURE;
            }
        }
        return ExitCode::SUCCESS;
    }
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == arguments[0]);
    let run = match (scenario, arguments.get(1).map(String::as_str)) {
        (Some(scenario), Some("orch")) => scenario.orch,
        (Some(scenario), Some("hand")) => scenario.hand,
        _ => return ExitCode::from(2),
    };
    let expected = run();
    if measured(run) == expected && expected > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
