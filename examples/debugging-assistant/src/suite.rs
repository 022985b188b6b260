//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::cases::cases;
use crate::fault::{errors, learn};
use crate::workflow::assist;

/// What the model alone is told.
const TASK: &str = "You help programmers. Say in one or two short sentences what to do.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Messages, and for each the words of which one must stand in the advice.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the errors' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("errors")
        .folder(folder().join("evals"))
        .data(errors())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.72))
}

/// The suite of advice: the whole assistant, beside the model it uses without one.
pub fn answers() -> Suite {
    let whole = Suite::new("errors-answers").folder(folder().join("evals")).data(labelled()).try_answers(
        Scorer::Contains,
        || {
            let (model, router) = (model(folder(), false)?, learn()?);
            Ok(async move |text: String| {
                Ok(assist(&router, &model, &cases().await?, &text).await?.advice.text)
            })
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.50))
}
