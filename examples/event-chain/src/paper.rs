//! What an upload can be, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{Cascade, Keyword, Learned, Nothing, Stages};
use orch_core::{Result, Route};
use orch_eval::Dataset;

/// What an upload is.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paper {
    /// Something to be paid, or paid back.
    #[route(keywords("invoice", "instalment", "amount due", "meter reading"))]
    Bill,
    /// What two parties agreed on: leases, loans, terms.
    #[route(keywords("tenancy", "landlord", "minimum term", "agreement"))]
    Agreement,
    /// Policies, cover and claims.
    #[route(keywords("policy", "insured", "premium", "sum insured"))]
    Insurance,
    /// Findings, prescriptions, appointments with a doctor.
    #[route(keywords("vaccination", "blood test", "therapy", "befund"))]
    Medical,
    /// Letters and lists of a school.
    #[route(keywords("dear parents", "pupils", "class trip", "homework"))]
    School,
    /// Anything else.
    #[route(default)]
    Other,
}

/// The router of the archive: what was learned, then keywords, then [`Paper::Other`].
pub type PaperRouter = Cascade<Stages<Stages<Nothing, Learned<Paper>>, Keyword<Paper>>, Paper>;

/// The file of labelled uploads.
#[must_use]
pub fn uploads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/uploads.jsonl")
}

/// The router: what the uploads' train split taught, then the declared keywords for what that left open.
///
/// # Errors
///
/// When the uploads cannot be read, or name a paper that is not a [`Paper`].
pub fn learn() -> Result<PaperRouter> {
    let learned = Learned::fit(&Dataset::load(uploads())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Paper::Other))
}
