//! The fuzz targets, each for a while.

use std::path::{Path, PathBuf};

use crate::{Failure, cargo, nightly, root, run, say, tools_folder};

const TARGETS: [&str; 8] =
    ["workflow", "route", "fan_out", "pipeline", "derive", "router_file", "rules", "dataset"];

/// How long all of them together run in CI, in seconds.
pub(crate) const IN_CI: u64 = 80;

/// Runs every target for its share of `seconds`, beginning with the inputs that are kept. A new input that finds new
/// code goes to `target/fuzz-corpus`, a crash to `fuzz/artifacts`.
pub(crate) fn run_all(seconds: u64) -> Result<(), Failure> {
    nightly::install()?;
    let tools = cargo_fuzz()?;
    let share = (seconds / TARGETS.len() as u64).max(1);
    fuzz(&tools, &["build"])?;
    let mut failed = Vec::new();
    for target in TARGETS {
        let found = root().join("target/fuzz-corpus").join(target);
        let kept = root().join("fuzz/corpus").join(target);
        for folder in [&found, &kept] {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let (found, kept, time) =
            (found.display().to_string(), kept.display().to_string(), format!("-max_total_time={share}"));
        say(&format!("{target}: {share} s"));
        // An input that takes ten seconds is one that hangs.
        let limits = ["-timeout=10", "-max_len=512", "-verbosity=0", "-print_final_stats=1"];
        let arguments = [&["run", target, &found, &kept, "--", &time], &limits[..]].concat();
        if fuzz(&tools, &arguments).is_err() {
            failed.push(target);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("fuzzing found something in {}", failed.join(", "))) }
}

/// Runs `cargo fuzz`. Nothing here is unsafe, so there is no sanitizer: what is looked for are panics and hangs.
fn fuzz(tools: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools.to_path_buf()].into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| error.to_string())?;
    let (command, rest) = arguments.split_first().unwrap_or((&"list", &[]));
    let mut fuzz = nightly::cargo();
    fuzz.args(["fuzz", command, "--fuzz-dir", "fuzz", "--target-dir", "target/fuzz", "--sanitizer", "none"]);
    run(fuzz.args(rest).env("PATH", path))
}

/// The folder with `cargo-fuzz` in it.
fn cargo_fuzz() -> Result<PathBuf, Failure> {
    let folder = tools_folder().join("fuzz");
    if !folder.join("bin/cargo-fuzz").exists() {
        run(cargo().args(["install", "--quiet", "--locked", "cargo-fuzz", "--root"]).arg(&folder))?;
    }
    Ok(folder.join("bin"))
}
