//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use std::time::Duration;

use orch_core::Error;
use orch_core::agent::escalation::desk;
use orch_eval::{Gate, Scorer, Suite};
use stand_ins::{beside_the_model_alone, model};

use crate::on_call::OnCall;
use crate::referral::Referral;
use crate::specialty::{learn, referrals};
use crate::workflow::refer;

/// What the model alone is told.
const TASK: &str = "Write a note to a specialist about the referral, in two short sentences.";

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Referrals, and for each the words of which one must stand in the note.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the referrals' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("referrals")
        .folder(folder().join("evals"))
        .data(referrals())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.65))
}

/// The suite of notes: the whole workflow, beside the model it uses without the tables.
pub fn answers() -> Suite {
    let whole = Suite::new("referrals-answers").folder(folder().join("evals")).data(labelled()).try_answers(
        Scorer::Contains,
        || {
            let (model, router) = (model(folder(), false)?, learn()?);
            // Nobody is on call, so that a note which a person must see waits, and is scored as it is.
            let on_call = OnCall { desk: desk(1).0, limit: Duration::from_secs(1) };
            Ok(async move |text: String| {
                let (patient, text) =
                    text.split_once(": ").ok_or_else(|| Error::message("a row has no patient"))?;
                let referral = Referral { patient: patient.to_owned(), text: text.to_owned() };
                Ok(refer(&router, &model, &on_call, &referral).await?.text)
            })
        },
    );
    beside_the_model_alone(whole, folder(), TASK)
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.50))
}
