//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_core::Error;
use orch_eval::{Gate, Scorer, Suite};

use crate::archive::Archive;
use crate::paper::{learn, uploads};
use crate::workflow::{Upload, take_in};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Uploads, and for each the words of which one must stand in its line in the archive.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the uploads' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("uploads")
        .folder(folder().join("evals"))
        .data(uploads())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.45))
}

/// The suite of what the chain comes to.
pub fn answers() -> Suite {
    Suite::new("uploads-answers")
        .folder(folder().join("evals"))
        .data(labelled())
        .try_answers(Scorer::Contains, || {
            let archive = Archive::new(learn()?);
            Ok(async move |text: String| {
                let upload = Upload { name: text.clone(), file: text.clone() };
                take_in(&archive, vec![upload]).await?;
                let stored = archive.stored().into_iter().find(|stored| stored.name == text);
                stored.map(|stored| stored.summary).ok_or_else(|| Error::message("it was not stored"))
            })
        })
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.80))
}
