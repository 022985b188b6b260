//! The repository's own tasks: `cargo xtask test`, and the benches and tools it is made of.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

mod build_time;
mod cost;
mod eval;
mod fuzz;
mod law;
mod miri;
mod models;
mod nightly;
mod peers;
mod routers;
mod test;
mod tools;

/// Why a task could not be done.
type Failure = String;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("test") => test::run_all(),
        Some("bench-build") => build_time::run(),
        Some("bench-cost") => tools::valgrind().and_then(|valgrind| cost::run(&valgrind)),
        Some("bench-eval") => eval::bench(),
        Some("bench-peers") => tools::valgrind().and_then(|valgrind| peers::run(&valgrind)),
        Some("bench-routers") => match std::env::args_os().nth(2) {
            Some(folder) => routers::bench(Path::new(&folder)),
            None => Err("`bench-routers` wants a folder of labelled data".to_owned()),
        },
        Some("fuzz") => {
            number(2, 0).and_then(|seconds| fuzz::run_all(Some(seconds).filter(|seconds| *seconds > 0)))
        }
        Some("law") => number(2, law::PROGRAMS)
            .and_then(|count| Ok((count, number(3, 0)?)))
            .and_then(|(count, first)| law::run_programs(first, count)),
        Some("miri") => miri::run_all(),
        Some("long") => models::install_large().and_then(|()| test::long()),
        Some("models") => models::install(),
        Some("model-server") => number(2, 8081).and_then(models::serve),
        Some("tools") => tools::install(),
        _ => Err(TASKS.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

const TASKS: &str = "the tasks are `test`, `bench-build`, `bench-cost`, `bench-eval`, `bench-peers`, `bench-routers FOLDER`, `fuzz [SECONDS]`, `law [COUNT [SEED]]`, `long`, `miri`, `models`, `model-server [PORT]` and `tools`";

/// A number on the command line, if it is there.
fn number(index: usize, otherwise: u64) -> Result<u64, Failure> {
    std::env::args()
        .nth(index)
        .map_or(Ok(otherwise), |text| text.parse().map_err(|_| format!("`{text}` is no number")))
}

/// Writes a line to standard output.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Where tools are installed, but for Chromium and the nightly compiler, which are the machine's.
fn tools_folder() -> PathBuf {
    root().join("target/tools")
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program is there and runs.
fn works(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}

/// Whether nobody is there to install what is missing.
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown} ended with {status}")),
        Err(error) => Err(format!("{shown} cannot be run: {error}")),
    }
}

/// Does each job that keeps one core busy, as many at a time as there are cores, whatever the others find.
fn on_all_cores<T: Sync>(jobs: &[T], work: impl Fn(&T) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            failed.extend(work(job).err());
        }
        failed
    };
    let failed: Vec<Failure> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..available_parallelism().map_or(1, Into::into)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|_| vec!["a thread died".to_owned()]))
            .collect()
    });
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}
