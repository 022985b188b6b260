//! How many instructions a decision takes: a time that no busy machine can change.

use std::process::Command;

/// Says to a process which suite's decisions it is to make and nothing else.
const SUITE: &str = "ORCH_COUNT";
/// Cases that are counted.
pub(super) const CASES: usize = 100;

/// Whether this process was started to have the decisions of this suite counted.
pub(super) fn is_counted(suite: &str) -> bool {
    std::env::var(SUITE).is_ok_and(|name| name == suite)
}

/// What is counted. Its name is how valgrind finds it, so it stays a function of its own.
#[inline(never)]
pub(super) fn one_decision<T>(decide: impl FnOnce() -> T) -> T {
    std::hint::black_box(decide())
}

/// Instructions of one of so many decisions, on average: this program is run again under valgrind, which counts those
/// within [`one_decision`].
pub(super) fn instructions(suite: &str, decisions: usize) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| format!("the program is not found: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*one_decision*"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(SUITE, suite)
        .output()
        .map_err(|_| "valgrind counts them, and it is not installed".to_owned())?;
    let words = String::from_utf8_lossy(&output.stderr);
    let collected =
        words.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse::<f64>().ok());
    match collected {
        Some(count) if count > 0.0 => Ok(count / decisions.max(1) as f64),
        _ => Err(format!("valgrind counted none: {}", words.lines().last().unwrap_or_default())),
    }
}
