//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_core::memory::{InMemory, Memory};
use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::answer::Question;
use crate::effort::{learn, questions};
use crate::library::Library;
use crate::workflow::research;

/// What the model alone is told.
const TASK: &str = "Answer the question in one short sentence.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Questions, and for each the words of which one must stand in the answer.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the questions' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("questions")
        .folder(folder().join("evals"))
        .data(questions())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.55))
}

/// The suite of answers: the whole assistant, beside the model it uses without a library.
pub fn answers() -> Suite {
    let whole = Suite::new("questions-answers").folder(folder().join("evals")).data(labelled()).try_answers(
        Scorer::Contains,
        || {
            let (model, router) = (model(folder(), false)?, learn()?);
            Ok(async move |text: String| {
                let (library, memory) = (Library::open().await?, Memory::new(InMemory::new()));
                let question = Question { conversation: "suite".to_owned(), text };
                Ok(research(&router, &model, &library, &memory, &question).await?.found.text)
            })
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.50))
}
