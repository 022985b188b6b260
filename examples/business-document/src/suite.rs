//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_core::{Budget, Limits};
use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::concern::{learn, passages};
use crate::document::Document;
use crate::workflow::review;

/// What the model alone is told.
const TASK: &str = "Say what matters most in the business document, a short sentence each for money, law, market and operations.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Documents, and for each the words of which one must stand in the report.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the passages' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("passages")
        .folder(folder().join("evals"))
        .data(passages())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.38))
}

/// The suite of reports: the whole workflow, beside the model it uses without one.
pub fn answers() -> Suite {
    let whole = Suite::new("passages-answers").folder(folder().join("evals")).data(labelled()).try_answers(
        Scorer::Contains,
        || {
            let (model, router) = (model(folder(), false)?, learn()?);
            Ok(async move |text: String| {
                let budget = Budget::new(Limits::new().calls(8));
                let report = review(&router, &model, &budget, &Document::new("a document", &text)).await?;
                let points = report.sides.into_iter().map(|side| match side.saw {
                    Ok(finding) => finding.point,
                    Err(why) => why,
                });
                Ok(points.collect::<Vec<_>>().join("\n"))
            })
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.50))
}
