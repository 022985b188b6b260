//! What the macros cost the compiler: 100 workflows of 10 steps against the same written by hand, and the macro
//! crate by itself. CPU seconds, dependencies not counted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Failure, cargo, root, say};

const WORKFLOWS: usize = 100;
/// The CPU seconds in which the macro crate, and what it depends on, must build.
const MACRO_CRATE: f64 = 4.5;
/// What the built code may cost against the hand-written.
const BUILD: f64 = 1.15;
/// What checking it may cost. Each workflow is generic over its observer and has a plan, and rustc looks at both.
const CHECK: f64 = 1.4;
/// Each figure is the least of so many measurements.
const ROUNDS: usize = 3;

pub(crate) fn run() -> Result<(), Failure> {
    let folder = root().join("target/bench-build");
    package(&folder.join("orch"), "orch_side", "use orch_core::workflow;", workflow)?;
    package(&folder.join("hand"), "hand_side", "use futures_util::try_join;", by_hand)?;
    say("CPU seconds        orch    hand   ratio");
    let mut broken = Vec::new();
    for (command, most) in [("check", CHECK), ("build", BUILD)] {
        let orch = least(&folder, "orch", command)?;
        let hand = least(&folder, "hand", command)?;
        let ratio = orch / hand;
        say(&format!("cargo {command:<10} {orch:>6.2}  {hand:>6.2}  {ratio:>6.2}"));
        if ratio > most {
            broken.push(format!(
                "cargo {command} costs {ratio:.2} times the hand-written, and may cost {most}"
            ));
        }
    }
    let macros = macro_crate(&folder)?;
    say(&format!("orch-macros, cold  {macros:>6.2}"));
    if macros > MACRO_CRATE {
        broken.push(format!("orch-macros takes {macros:.2} CPU seconds, and may take {MACRO_CRATE}"));
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
}

/// The least CPU time of building the macro crate and what it depends on, as somebody's dependency.
fn macro_crate(folder: &Path) -> Result<f64, Failure> {
    let package = folder.join("user");
    let dependency = format!("orch-macros = {{ path = \"{}\" }}\n", root().join("orch-macros").display());
    write(&package, "user", &dependency, "")?;
    let cold = folder.join("cold");
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let _ = fs::remove_dir_all(&cold);
        let mut build = cargo();
        build.current_dir(&package).args(["build", "--quiet"]);
        least = least.min(cpu(build.env("CARGO_TARGET_DIR", &cold).env("CARGO_INCREMENTAL", "0"))?);
    }
    Ok(least)
}

/// The least CPU time of building one side, its dependencies being there.
fn least(folder: &Path, side: &str, command: &str) -> Result<f64, Failure> {
    let package = folder.join(side);
    let build = || {
        let mut cargo = cargo();
        cargo.current_dir(&package).args([command, "--quiet"]);
        cargo.env("CARGO_TARGET_DIR", folder.join("target")).env("CARGO_INCREMENTAL", "0");
        cargo
    };
    crate::run(&mut build())?;
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let source = package.join("src/lib.rs");
        let text = fs::read(&source).map_err(|error| error.to_string())?;
        fs::write(&source, text).map_err(|error| error.to_string())?;
        least = least.min(cpu(&mut build())?);
    }
    Ok(least)
}

/// The CPU seconds of a command and all it starts.
fn cpu(command: &mut Command) -> Result<f64, Failure> {
    let before = children()?;
    crate::run(command)?;
    Ok(children()? - before)
}

/// The CPU seconds of all children that have ended: fields 16 and 17 of `/proc/self/stat`, in ticks (proc(5)).
fn children() -> Result<f64, Failure> {
    let stat =
        fs::read_to_string("/proc/self/stat").map_err(|error| format!("no CPU times here: {error}"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux there is a Rust for.
    Ok(ticks as f64 / 100.0)
}

fn package(folder: &Path, name: &str, import: &str, draw: fn(&mut String, usize)) -> Result<(), Failure> {
    let dependencies = format!(
        "orch-core = {{ path = \"{}\" }}\n\
         futures-util = {{ version = \"0.3\", default-features = false, features = [\"async-await-macro\"] }}\n",
        root().join("orch-core").display()
    );
    let mut source = format!("{import}\nuse orch_core::{{Error, Result}};\n");
    for step in 0..40 {
        let _ = writeln!(source, "pub async fn s{step}(n: &u64) -> Result<u64> {{ Ok(n + {step}) }}");
    }
    source.push_str("pub async fn two(a: &u64, b: &u64) -> Result<u64> { Ok(a + b) }\n");
    source.push_str(NAMED);
    for number in 0..WORKFLOWS {
        draw(&mut source, number);
    }
    write(folder, name, &dependencies, &source)
}

/// Writes a package that is a workspace of its own.
fn write(folder: &Path, name: &str, dependencies: &str, source: &str) -> Result<(), Failure> {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}"
    );
    let written = fs::create_dir_all(folder.join("src"))
        .and_then(|()| fs::write(folder.join("Cargo.toml"), manifest))
        .and_then(|()| fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop))
        .and_then(|()| fs::write(folder.join("src/lib.rs"), source));
    written.map_err(|error| format!("{}: {error}", folder.display()))
}

/// Names the step an error came through, as a person would.
const NAMED: &str = "pub trait At<T> {
    fn at(self, step: &'static str) -> Result<T>;
}
impl<T> At<T> for Result<T> {
    fn at(self, step: &'static str) -> Result<T> {
        self.map_err(|error| Error::message(format!(\"{step}: {error}\")))
    }
}
";

/// The steps of workflow `number`.
fn steps(number: usize) -> [String; 10] {
    std::array::from_fn(|step| format!("s{}", (number * 7 + step) % 40))
}

fn workflow(out: &mut String, number: usize) {
    let [a, b, c, d, e, f, _, h, i, _] = steps(number);
    let _ = write!(
        out,
        "workflow!(
    pub async fn w{number}(n: u64) -> Result<u64> {{
        let a = {a}(&n).await?;
        let b = {b}(&a).await?;
        let c = {c}(&a).await?;
        let d = {d}(&b).await?;
        let e = {e}(&d).await?;
        let f = {f}(&c).await?;
        let g = two(&e, &f).await?;
        let h = {h}(&g).await?;
        let i = {i}(&g).await?;
        let j = two(&h, &i).await?;
        Ok(j)
    }}
);
"
    );
}

fn by_hand(out: &mut String, number: usize) {
    let [a, b, c, d, e, f, _, h, i, _] = steps(number);
    let _ = write!(
        out,
        "pub async fn w{number}(n: u64) -> Result<u64> {{
    let a = {a}(&n).await.at(\"{a}\")?;
    let (e, f) = try_join!(
        async {{
            let b = {b}(&a).await.at(\"{b}\")?;
            let d = {d}(&b).await.at(\"{d}\")?;
            {e}(&d).await.at(\"{e}\")
        }},
        async {{
            let c = {c}(&a).await.at(\"{c}\")?;
            {f}(&c).await.at(\"{f}\")
        }},
    )?;
    let g = two(&e, &f).await.at(\"two\")?;
    let (h, i) = try_join!(async {{ {h}(&g).await.at(\"{h}\") }}, async {{ {i}(&g).await.at(\"{i}\") }})?;
    two(&h, &i).await.at(\"two\")
}}
"
    );
}
