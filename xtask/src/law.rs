//! The law of `workflow!`, on as many random programs as asked for.

use crate::{Failure, cargo, root, run, say};

/// How many programs `cargo xtask law` compiles and runs unless it is told otherwise.
pub(crate) const PROGRAMS: u64 = 10_000;
/// How many of them stand for all in `cargo xtask test`: rustc takes a quarter of an hour and more for all.
pub(crate) const SAMPLE: u64 = 2_500;

/// Writes `count` programs from seed `first` on, compiles them, and checks each.
pub(crate) fn run_programs(first: u64, count: u64) -> Result<(), Failure> {
    let folder = root().join("target/law");
    run(cargo()
        .args(["run", "--quiet", "--package", "law", "--bin", "generate", "--"])
        .arg(&folder)
        .args([first.to_string(), count.to_string()]))?;
    run(cargo()
        .current_dir(&folder)
        .args(["build", "--quiet", "--bins", "--target-dir"])
        .arg(folder.join("target")))?;
    let built = folder.join("target/debug");
    let batches = std::fs::read_dir(folder.join("src/bin")).map_err(|error| error.to_string())?;
    let mut failed = 0;
    for batch in batches.flatten() {
        let name = batch.path().with_extension("");
        let program = built.join(name.file_name().unwrap_or_default());
        if run(&mut std::process::Command::new(&program)).is_err() {
            failed += 1;
        }
    }
    if failed > 0 {
        return Err(format!("{failed} batches have programs that differ from what they must do"));
    }
    say(&format!("{count} programs do what they must"));
    Ok(())
}
