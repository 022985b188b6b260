//! The fuzz targets, each for a while.

use std::path::{Path, PathBuf};

use crate::{Failure, cargo, nightly, on_all_cores, root, run, say, tools_folder};

const TARGETS: [&str; 9] =
    ["workflow", "route", "fan_out", "pipeline", "derive", "router_file", "rules", "dataset", "extract"];

/// Inputs each target is given in CI. They are drawn from a fixed seed, so that what CI says of a change does not depend
/// on luck; the search that may take any path is `cargo xtask fuzz SECONDS`.
const RUNS_IN_CI: u32 = 10_000;

/// Runs every target, beginning with the inputs that are kept: for `seconds` in all, with inputs that are new each
/// time, or without that as far as CI goes. An input that finds new code goes to `target/fuzz-corpus`, a crash to
/// `fuzz/artifacts`.
pub(crate) fn run_all(seconds: Option<u64>) -> Result<(), Failure> {
    nightly::install()?;
    let tools = cargo_fuzz()?;
    fuzz(&tools, &["build"])?;
    on_all_cores(&TARGETS, |target| run_one(&tools, target, seconds))
}

/// Runs one target.
fn run_one(tools: &Path, target: &str, seconds: Option<u64>) -> Result<(), Failure> {
    let found = root().join("target").join(if seconds.is_some() { "fuzz-corpus" } else { "fuzz-in-ci" });
    let (found, kept) = (found.join(target), root().join("fuzz/corpus").join(target));
    if seconds.is_none() && found.exists() {
        // What an earlier run found would lead this one elsewhere.
        std::fs::remove_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    }
    for folder in [&found, &kept] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let extent = match seconds {
        Some(seconds) => format!("-max_total_time={}", (seconds / TARGETS.len() as u64).max(1)),
        None => format!("-runs={RUNS_IN_CI}"),
    };
    // 0 is a seed of the clock's.
    let seed = format!("-seed={}", u8::from(seconds.is_none()));
    let (found, kept) = (found.display().to_string(), kept.display().to_string());
    say(&format!("{target}: {extent}"));
    // An input that takes ten seconds is one that hangs.
    let limits = ["-timeout=10", "-max_len=512", "-verbosity=0", "-print_final_stats=1"];
    let arguments = [&["run", target, &found, &kept, "--", &extent, &seed], &limits[..]].concat();
    fuzz(tools, &arguments).map_err(|failure| format!("{target}: {failure}"))
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
