//! How good the router and the answers must be.

use std::path::{Path, PathBuf};

use std::time::Duration;

use orch_core::agent::escalation::desk;
use orch_core::guard::Untrusted;
use orch_eval::{Gate, Scorer, Suite};

use crate::category::{learn, requests};
use crate::outcome::Done;
use crate::tiers::{Tier, Tiers};
use crate::workflow::handle;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Requests, and for each the words of which one must stand in what was done.
fn labelled() -> PathBuf {
    folder().join("data/answers.jsonl")
}

/// The routing suite: the requests' test split, and what must hold on it.
pub fn routing() -> Suite {
    Suite::new("requests")
        .folder(folder().join("evals"))
        .data(requests())
        .try_router(learn)
        .gate(Gate::no_regression().tolerate(0.02))
        .gate(Gate::accuracy().at_least(0.55))
}

/// The suite of what is done about a request.
pub fn answers() -> Suite {
    Suite::new("requests-answers")
        .folder(folder().join("evals"))
        .data(labelled())
        .try_answers(Scorer::Contains, || {
            let router = learn()?;
            // Nobody sits at the desks: what goes to people stays open, and that is what is scored.
            let tier = |name| Tier { name, desk: desk(1).0, limit: Duration::from_secs(1) };
            let tiers = Tiers { first: tier("first tier"), above: tier("head of compliance") };
            Ok(async move |text: String| {
                let outcome = handle(&router, &tiers, Untrusted::new(text)).await?;
                Ok(match outcome.done {
                    Done::Automated { reply } => reply,
                    Done::Reviewed { .. } | Done::Open { .. } => "asked a person".to_owned(),
                })
            })
        })
        .gate(Gate::no_regression())
        .gate(Gate::accuracy().at_least(0.70))
}
