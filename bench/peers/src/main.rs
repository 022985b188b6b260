//! Prints what can be counted without a tool, or runs one scenario for a tool to count.
//!
//! `peers` prints a line for each scenario of each peer: peer, scenario, allocations of one run.
//! `peers PEER SCENARIO` runs one, once to warm up and once inside [`peers::measured`].

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
        let counted = allocation_counter::measure(|| value = run.run());
        check(pair, value)?;
        writeln!(out, "{} {} {}", pair.peer, pair.scenario, counted.count_total)?;
    }
    Ok(())
}

/// Runs one inside the function a tool counts.
fn count(pair: Pair) -> Result<()> {
    let runtime = peers::runtime()?;
    let _timers = runtime.enter();
    let mut run = warm(pair)?;
    check(pair, measured(&mut *run))
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
