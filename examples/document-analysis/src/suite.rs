//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::document::Document;
use crate::kind::{documents, learn};
use crate::workflow::analyse;

/// What the model alone is told.
const TASK: &str = "Summarise the document in one short sentence. Use its own words and numbers.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Documents, and for each the words of which one must stand in the summary.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the documents' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("documents")
        .folder(folder().join("evals"))
        .data(documents())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.60))
}

/// The suite of summaries: the whole workflow, beside the model it uses without one.
pub fn answers() -> Suite {
    let whole = Suite::new("documents-answers").folder(folder().join("evals")).data(labelled()).try_answers(
        Scorer::Contains,
        || {
            let (model, router) = (model(folder(), false)?, learn()?);
            Ok(async move |text: String| {
                let document = Document { name: "scan".to_owned(), text };
                let analysis = analyse(&router, &model, &document).await?;
                Ok(analysis.shown().to_owned())
            })
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.50))
}
