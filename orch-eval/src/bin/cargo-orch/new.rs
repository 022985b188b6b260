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

/// Where a project has our crates from.
enum Source<'a> {
    Git(&'a str),
    Folder(PathBuf),
    Registry,
}

/// The sources this command was built from, where they are still there.
fn sources() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    folder.join("orch-core/Cargo.toml").exists().then(|| folder.to_owned())
}

/// Whether a folder that is to be made lies within those sources.
fn is_within_sources(folder: &Path) -> bool {
    let parents = folder.ancestors().skip(1);
    let mut parents = parents.map(|parent| if parent == "" { Path::new(".") } else { parent });
    let there = parents.find_map(|parent| parent.canonicalize().ok());
    let sources = sources().and_then(|sources| sources.canonicalize().ok());
    there.zip(sources).is_some_and(|(there, sources)| there.starts_with(sources))
}

impl<'a> Source<'a> {
    fn of(git: Option<&'a str>) -> Self {
        match (git, sources()) {
            (Some(url), _) => Self::Git(url),
            (None, Some(folder)) => Self::Folder(folder),
            (None, None) => Self::Registry,
        }
    }

    /// A crate of ours as a dependency.
    fn dependency(&self, name: &str) -> String {
        match self {
            Self::Git(url) => format!("{{ git = {url:?} }}"),
            Self::Folder(folder) => format!("{{ path = {:?} }}", folder.join(name).display().to_string()),
            Self::Registry => format!("{:?}", env!("CARGO_PKG_VERSION")),
        }
    }
}

pub(crate) fn run(folder: &Path, git: Option<&str>) -> Result<u8, Failure> {
    let source = Source::of(git);
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
    if is_within_sources(folder) {
        return Err(Failure::usage(
            "within orch's own sources `cargo orch` and the lock file are theirs; make the project outside, such as in `../NAME`",
        ));
    }
    let needs_sources = matches!(source, Source::Folder(_));
    let once = if needs_sources { ", once `Cargo.toml` names a repository or a version of orch" } else { "" };
    for (path, text) in FILES {
        let path = folder.join(path);
        let text = text
            .replace("{name}", name)
            .replace("{crate}", &name.replace('-', "_"))
            .replace("{once}", once)
            .replace("{core}", &source.dependency("orch-core"))
            .replace("{eval}", &source.dependency("orch-eval"));
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| Failure::blocked(format!("{}: cannot be written: {error}", path.display())))?;
    }
    say(&format!("made {}; try `cargo run`, `cargo test` and `cargo orch eval` there", folder.display()));
    if needs_sources {
        say(
            "it stands on the sources here, which another machine does not have: name a version or a repository in Cargo.toml before CI builds it, or make it with --git URL",
        );
    }
    Ok(0)
}
