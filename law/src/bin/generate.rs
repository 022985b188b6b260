//! `generate FOLDER FIRST COUNT`: writes a crate of programs, in batches that compile one by one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use law::model::Program;
use law::print::source;

/// Programs to a batch.
const BATCH: u64 = 250;

const HEAD: &str = "#![allow(warnings)]\n\
    use law::run::{Env, Way, item_step, paused, step, take};\n\
    use law::value::{Value, instead, mix, mix_all};\n\
    use orch_core::{Result, fan_out, route, workflow};\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, count] = arguments.as_slice() else { return ExitCode::from(2) };
    let (Ok(first), Ok(count)) = (first.parse(), count.parse()) else { return ExitCode::from(2) };
    match write(Path::new(folder), first, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write(folder: &Path, first: u64, count: u64) -> std::io::Result<()> {
    let law = Path::new(env!("CARGO_MANIFEST_DIR"));
    let batches = folder.join("src/bin");
    if batches.exists() {
        std::fs::remove_dir_all(&batches)?;
    }
    std::fs::create_dir_all(&batches)?;
    let core = law.join("../orch-core");
    let manifest = format!(
        "[package]\nname = \"corpus\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nlaw = {{ path = \"{}\" }}\n\
         orch-core = {{ path = \"{}\" }}\n\n[workspace]\n\n[profile.dev]\npanic = \"abort\"\ndebug = false\nincremental = false\n\
         debug-assertions = false\noverflow-checks = false\n\n[profile.dev.build-override]\nopt-level = 3\n",
        law.display(),
        core.display()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::copy(law.join("../Cargo.lock"), folder.join("Cargo.lock"))?;
    for (batch, start) in (first..first + count).step_by(BATCH as usize).enumerate() {
        let seeds = start..(start + BATCH).min(first + count);
        let mut out = String::from(HEAD);
        let mut runs = String::new();
        for seed in seeds {
            out.push_str(&source(&Program::random(seed)));
            let _ = writeln!(runs, "paused({seed}, |env| Box::pin(w{seed}(env, Value(7))), &mut failed);");
        }
        let _ = write!(
            out,
            "fn main() -> std::process::ExitCode {{\nlet mut failed = 0;\n{runs}\nif failed == 0 {{ 0.into() }} else {{ 1.into() }}\n}}\n"
        );
        std::fs::write(batches.join(format!("batch_{batch:03}.rs")), out)?;
    }
    Ok(())
}
