//! `new`: a project that builds, tests and passes its own evaluation.

use std::path::{Path, PathBuf};

use crate::{Failure, say};

/// The files of the project, by where they go.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("starter/Cargo.toml.in")),
    ("README.md", include_str!("starter/README.md")),
    (".gitignore", "/target\n"),
    (".github/workflows/evaluate.yml", include_str!("starter/evaluate.yml")),
    ("src/lib.rs", include_str!("starter/lib.rs")),
    ("src/main.rs", include_str!("starter/main.rs")),
    ("src/messages.txt", include_str!("starter/messages.txt")),
    ("evals/routing.rs", include_str!("starter/routing.rs")),
    ("evals/data/routing.jsonl", include_str!("starter/routing.jsonl")),
];

/// Words that are taken: by the language, its libraries, and what the project stands on.
const TAKEN: [&str; 56] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "orch-core",
    "orch-eval",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tokio",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "use",
    "virtual",
    "while",
];

pub(crate) fn run(folder: &Path) -> Result<u8, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter));
    if !fits || TAKEN.contains(&name) {
        return Err(Failure::usage(format!(
            "`{name}` is no name for a package: write small letters, digits, `-` and `_`, and no word of Rust's"
        )));
    }
    if folder.exists() {
        return Err(Failure::usage(format!("{} is there already; name another folder", folder.display())));
    }
    for (path, text) in FILES {
        let path = folder.join(path);
        let text = text
            .replace("{name}", name)
            .replace("{crate}", &name.replace('-', "_"))
            .replace("{core}", &dependency("orch-core"))
            .replace("{eval}", &dependency("orch-eval"));
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| Failure::blocked(format!("{}: cannot be written: {error}", path.display())))?;
    }
    say(&format!("made {}; try `cargo run`, `cargo test` and `cargo orch eval` there", folder.display()));
    if dependency("orch-core").contains("path") {
        say(
            "it stands on the sources here, which another machine does not have: name a version or a repository in Cargo.toml before CI builds it",
        );
    }
    Ok(0)
}

/// Where a crate of ours is had: beside this one where that is still there, else from the registry.
fn dependency(name: &str) -> String {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    match here.parent().map(|parent| parent.join(name)).filter(|path| path.join("Cargo.toml").exists()) {
        Some(path) => format!("{{ path = {:?} }}", path.display().to_string()),
        None => format!("{:?}", env!("CARGO_PKG_VERSION")),
    }
}
