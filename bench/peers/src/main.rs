//! Prints what can be counted without a tool, or runs one scenario for a tool to count.
//!
//! `peers` prints a line for each scenario of each peer: peer, scenario, allocations of one run.
//! `peers PEER SCENARIO` runs one, once to warm up and once inside [`peers::measured`].
//!
//! The allocator that counts adds about a hundred instructions to each allocation, and some forty where it is told
//! not to count. A build without the feature `allocations` has neither, and prints `-` for the allocations.

use std::io::Write as _;
use std::process::ExitCode;

use peers::steps::Result;
use peers::{Pair, Run, expected, measured, pairs};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [] => list(),
        [peer, scenario] => match pairs().find(|pair| pair.peer == peer && pair.scenario == scenario) {
            Some(pair) => count(pair),
            None => return ExitCode::from(2),
        },
        _ => return ExitCode::from(2),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the allocations of everything.
fn list() -> Result<()> {
    let runtime = peers::runtime()?;
    let _timers = runtime.enter();
    let mut out = std::io::stdout();
    for pair in pairs() {
        let mut run = warm(pair)?;
        let mut value = 0;
        let allocations = counted(|| value = run.run());
        check(pair, value)?;
        writeln!(out, "{} {} {allocations}", pair.peer, pair.scenario)?;
    }
    Ok(())
}

/// Runs one inside the function a tool counts.
fn count(pair: Pair) -> Result<()> {
    let runtime = peers::runtime()?;
    let _timers = runtime.enter();
    let mut run = warm(pair)?;
    let mut value = 0;
    uncounted(|| value = measured(&mut *run));
    check(pair, value)
}

/// The allocations of a call.
#[cfg(feature = "allocations")]
fn counted(call: impl FnOnce()) -> String {
    allocation_counter::measure(call).count_total.to_string()
}

/// This build cannot count them.
#[cfg(not(feature = "allocations"))]
fn counted(call: impl FnOnce()) -> String {
    call();
    "-".to_owned()
}

/// A call whose allocations are not counted.
#[cfg(feature = "allocations")]
fn uncounted(call: impl FnOnce()) {
    allocation_counter::opt_out(call);
}

/// A call whose allocations are not counted.
#[cfg(not(feature = "allocations"))]
fn uncounted(call: impl FnOnce()) {
    call();
}

/// Makes one ready and runs it once.
fn warm(pair: Pair) -> Result<Box<dyn Run>> {
    let mut run = (pair.build)()?;
    run.prepare();
    check(pair, run.run())?;
    run.prepare();
    Ok(run)
}

/// Compares a result with what the scenario returns.
fn check(pair: Pair, value: u64) -> Result<()> {
    if value > 0 && value == expected(pair.scenario) {
        return Ok(());
    }
    Err(format!("{} {} returned {value}", pair.peer, pair.scenario).into())
}
