//! What a request can be about, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// What a request is about.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Accounts, rights, badges and mailboxes.
    #[route(keywords("vpn", "badge", "mailbox", "password"))]
    Access,
    /// Pay, leave, sickness and papers of employment.
    #[route(keywords("payslip", "parental leave", "salary", "overtime"))]
    People,
    /// Things to be bought, orders and suppliers.
    #[route(keywords("purchase order", "toner", "standing order", "supplier"))]
    Purchase,
    /// Trips, and what they cost.
    #[route(keywords("per diem", "hotel", "flight", "visa"))]
    Travel,
    /// Rooms, buildings and what stands in them.
    #[route(keywords("heating", "meeting room", "dishwasher", "parking space"))]
    Facilities,
    /// What a person must decide: conflicts, the law, suspicions and whatever may hurt somebody.
    #[route(keywords("lawyer", "works council", "harassment", "bribe"))]
    ManualReview,
    /// No request.
    #[route(default)]
    Other,
}

/// The file of labelled requests.
#[must_use]
pub fn requests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/requests.jsonl")
}

/// The router: what the requests' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the requests cannot be read, or name a category that is not a [`Category`].
pub fn learn() -> Result<impl Router<Route = Category>> {
    let learned = Learned::fit(&Dataset::load(requests())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Category::Other))
}
