//! What the tests need and a machine may not have. All of it goes under `target/tools`, but for toolchain
//! components, which belong to the toolchain.

use std::path::PathBuf;
use std::process::Command;

use crate::{Failure, in_ci, root, run, say, tools_folder, works};

/// Installs what is missing. On a developer's machine a tool that cannot be had is only reported; the tests that
/// need it then say that they are skipped. In CI it is an error.
pub(crate) fn install() -> Result<(), Failure> {
    let mut missing = Vec::new();
    for (name, install) in [
        ("rust-analyzer", rust_analyzer as fn() -> Result<(), Failure>),
        ("valgrind", || valgrind().map(drop)),
        ("mermaid", || npm("mermaid", "mermaid")),
        ("playwright", || npm("page", "playwright-core")),
        ("aimock", || npm("aimock", "@copilotkit/aimock")),
        ("MCP servers", || npm("mcp", "@modelcontextprotocol/server-filesystem")),
        ("chromium", chromium),
        ("models", crate::models::install),
        ("llama.cpp", || llama().map(drop)),
    ] {
        match install() {
            Ok(()) => say(&format!("{name}: ready")),
            Err(failure) => {
                say(&format!("{name}: cannot be installed: {failure}"));
                missing.push(name);
            }
        }
    }
    if missing.is_empty() || !in_ci() { Ok(()) } else { Err(format!("missing: {}", missing.join(", "))) }
}

/// llama.cpp's server: a Python that has it.
pub(crate) fn llama() -> Result<PathBuf, Failure> {
    python("llama", &["xllamacpp==2026.10.11549"])
}

/// The language server, for the completion tests.
fn rust_analyzer() -> Result<(), Failure> {
    if works("rust-analyzer", "--version") {
        return Ok(());
    }
    run(Command::new("rustup").current_dir(root()).args(["component", "add", "rust-analyzer", "rust-src"]))
}

/// How to run valgrind, which counts instructions: the machine's own, or Debian's package unpacked.
pub(crate) struct Valgrind {
    pub(crate) program: PathBuf,
    /// Where its own tools are, when they are not where it was built for.
    pub(crate) library: Option<PathBuf>,
}

pub(crate) fn valgrind() -> Result<Valgrind, Failure> {
    if works("valgrind", "--version") {
        return Ok(Valgrind { program: "valgrind".into(), library: None });
    }
    let folder = tools_folder().join("valgrind");
    let found = Valgrind {
        program: folder.join("usr/bin/valgrind"),
        library: Some(folder.join("usr/libexec/valgrind")),
    };
    if found.program.exists() {
        return Ok(found);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for package in ["valgrind", "libc6-dbg"] {
        run(Command::new("apt-get").current_dir(&folder).args(["download", package]))?;
    }
    let packages = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    for package in packages.flatten().map(|entry| entry.path()) {
        if package.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("-x").arg(&package).arg(&folder))?;
        }
    }
    if found.program.exists() { Ok(found) } else { Err("Debian's package has no program".to_owned()) }
}

/// A folder of `xtask` with a `package.json` and scripts, and the package they stand on: the diagrams' own parser, the
/// driver of the browser that reads the report's page, and servers for the adapters.
fn npm(name: &str, package: &str) -> Result<(), Failure> {
    let (from, folder) = (root().join("xtask").join(name), tools_folder().join(name));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for file in std::fs::read_dir(&from).map_err(|error| error.to_string())?.flatten() {
        std::fs::copy(file.path(), folder.join(file.file_name())).map_err(|error| error.to_string())?;
    }
    if folder.join("node_modules").join(package).join("package.json").exists() {
        return Ok(());
    }
    run(Command::new("npm").current_dir(&folder).args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
    ]))
}

/// The browser that reads the report's page: Debian's.
fn chromium() -> Result<(), Failure> {
    if works("chromium", "--version") {
        return Ok(());
    }
    // A new machine may not know yet what there is to install. Where a password would be needed this fails.
    let install = "apt-get install --yes --quiet --no-install-recommends chromium fonts-dejavu-core";
    let script = format!(
        "as=; [ \"$(id -u)\" = 0 ] || as='sudo -n'; export DEBIAN_FRONTEND=noninteractive; \
         $as {install} || {{ $as apt-get update --quiet && $as {install}; }}"
    );
    run(Command::new("sh").args(["-c", &script]))
}

/// A Python of its own with some packages.
pub(crate) fn python(name: &str, packages: &[&str]) -> Result<PathBuf, Failure> {
    let folder = tools_folder().join(name);
    let python = folder.join("bin/python");
    if !folder.join("ready").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let flags = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(flags).args(packages))?;
        std::fs::write(folder.join("ready"), "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}
