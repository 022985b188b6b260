//! What the macros cost against hand-written code: instructions by callgrind, allocations and bytes by the
//! bench itself. Fails when a claim does not hold.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::Valgrind;
use crate::{Failure, cargo, root, say};

/// The function whose instructions are counted.
pub(crate) const MEASURED: &str = "bench::measured";
/// Instructions may exceed the hand-written ones by this share.
const INSTRUCTIONS: f64 = 1.02;
/// And always by this many: how the compiler lays out a function shifts with what stands beside it.
const LAYOUT: u64 = 20;
/// The share by which the future's size may exceed the hand-written one's.
const BYTES: f64 = 1.05;

pub(crate) fn run(valgrind: &Valgrind) -> Result<(), Failure> {
    build(true)?;
    let program = root().join("target/measured/bench");
    let output = Command::new(&program).output().map_err(|error| error.to_string())?;
    build(false)?;
    say("scenario         instructions      allocations    future, bytes");
    say("                  orch    hand      orch  hand      orch    hand");
    let mut broken = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, figures @ ..] = fields.as_slice() else { continue };
        let figures: Vec<u64> = figures.iter().filter_map(|figure| figure.parse().ok()).collect();
        let [orch_allocations, hand_allocations, orch_bytes, hand_bytes] = figures[..] else {
            return Err(format!("the bench printed `{line}`"));
        };
        let orch = instructions(valgrind, &program, &[name, "orch"], MEASURED)?;
        let hand = instructions(valgrind, &program, &[name, "hand"], MEASURED)?;
        say(&format!(
            "{name:<14} {orch:>7} {hand:>7}   {orch_allocations:>7} {hand_allocations:>5}   {orch_bytes:>7} {hand_bytes:>7}"
        ));
        let exceeds = |ours: u64, theirs: u64, share: f64| ours as f64 > theirs as f64 * share;
        if exceeds(orch, hand, INSTRUCTIONS) && orch > hand + LAYOUT {
            broken.push(format!("{name}: {orch} instructions against {hand}"));
        }
        if orch_allocations > hand_allocations {
            broken.push(format!("{name}: {orch_allocations} allocations against {hand_allocations}"));
        }
        if exceeds(orch_bytes, hand_bytes, BYTES) {
            broken.push(format!("{name}: {orch_bytes} bytes against {hand_bytes}"));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
}

/// Builds the bench, with or without the counter of allocations, which costs instructions itself.
pub(crate) fn build(counts_allocations: bool) -> Result<(), Failure> {
    let mut build = cargo();
    build.args(["build", "--profile", "measured", "--quiet", "--package", "bench"]);
    if !counts_allocations {
        build.arg("--no-default-features");
    }
    crate::run(&mut build)
}

/// The instructions of one run inside the function `measured`.
pub(crate) fn instructions(
    valgrind: &Valgrind,
    program: &Path,
    arguments: &[&str],
    measured: &str,
) -> Result<u64, Failure> {
    let mut command = Command::new(&valgrind.program);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(format!("--toggle-collect={measured}")).arg(program).args(arguments);
    if let Some(library) = &valgrind.library {
        command.env("VALGRIND_LIB", PathBuf::from(library));
    }
    let output = command.output().map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let counted = words.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    match counted {
        Some(counted) if output.status.success() && counted > 0 => Ok(counted),
        _ => Err(format!("valgrind counted nothing for {}: {words}", arguments.join(" "))),
    }
}
