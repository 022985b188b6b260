//! Where a ticket can go, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// Where a support ticket can go.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Devices, apps and pairing that do not work.
    #[route(keywords("firmware", "bluetooth", "factory reset"))]
    Technical,
    /// Charges, invoices and ways to pay.
    #[route(keywords("invoice", "charged twice", "vat"))]
    Billing,
    /// Parcels on their way.
    #[route(keywords("tracking number", "courier", "customs"))]
    Shipping,
    /// Signing in, and who may.
    #[route(keywords("password", "two-factor", "log in"))]
    Account,
    /// Sending things back, exchanges and warranty.
    #[route(keywords("return label", "warranty"))]
    Returns,
    /// The cloud plan: what it includes, changing and cancelling it.
    #[route(keywords("cloud plan", "free trial"))]
    Subscription,
    /// Questions before buying.
    #[route(keywords("compatible"))]
    Product,
    /// Anything a person should look at.
    #[route(default)]
    Other,
}

/// The file of labelled tickets.
#[must_use]
pub fn tickets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/tickets.jsonl")
}

/// The router: what the tickets' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the tickets cannot be read, or name a route that is not an [`Intent`].
pub fn learn() -> Result<impl Router<Route = Intent>> {
    let learned = Learned::fit(&Dataset::load(tickets())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Intent::Other))
}
