//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::articles::Articles;
use crate::desk::{Desk, Ticket};
use crate::intent::{Intent, learn, tickets};
use crate::workflow::answer;

/// What the model alone is told.
const TASK: &str = "You answer customers of a shop for smart home devices, in one or two short sentences.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Messages, and for each the words of which one must stand in the answer.
fn questions() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the tickets' test split, and what must hold on it.
pub fn support() -> Suite {
    Suite::new("support")
        .folder(folder().join("evals"))
        .data(tickets())
        .try_router(learn)
        .gate(Gate::pinned())
        .gate(Gate::no_regression().tolerate(0.01))
        .gate(Gate::accuracy().at_least(0.80))
        .gate(Gate::recall_of(Intent::Billing).at_least(0.85))
}

/// The suite of answers: the whole desk, beside the model it uses without a desk.
pub fn answers() -> Suite {
    let whole = Suite::new("support-answers").folder(folder().join("evals")).data(questions()).try_answers(
        Scorer::Contains,
        || {
            let model = model(folder(), false)?;
            let desk = Desk { router: learn()?, model, articles: Articles::default() };
            Ok(async move |text: String| Ok(answer(&desk, &Ticket { text }).await?.text))
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.80))
}
