//! What a paragraph can be about, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// The side of a business a paragraph concerns.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    /// Money: earnings, costs, debts and what they come to.
    #[route(keywords("cash flow", "turnover", "gross margin", "write-down"))]
    Financial,
    /// Law: contracts, permits, claims and duties.
    #[route(keywords("clause", "liability", "permit", "lawsuit"))]
    Legal,
    /// The market: customers, rivals, prices and demand.
    #[route(keywords("competitor", "competitors", "market share", "rivals"))]
    Market,
    /// Operations: people, machines, stock and how work is done.
    #[route(keywords("warehouse", "scrap rate", "downtime", "night shift"))]
    Operations,
    /// Nothing that has to be looked at.
    #[route(default)]
    Other,
}

/// The file of labelled passages.
#[must_use]
pub fn passages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/passages.jsonl")
}

/// The router: what the passages' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the passages cannot be read, or name a side that is not a [`Concern`].
pub fn learn() -> Result<impl Router<Route = Concern>> {
    let learned = Learned::fit(&Dataset::load(passages())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Concern::Other))
}
