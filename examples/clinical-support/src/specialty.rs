//! Who a referral can go to, and the router that decides.

use std::path::{Path, PathBuf};

use orch_core::router::{By, Cascade, Keyword, Learned, Router};
use orch_core::{Result, Route};
use orch_eval::Dataset;

use crate::codes::by_code;

/// Who a referral can go to.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Specialty {
    /// Heart and blood pressure.
    #[route(keywords("murmur", "pacemaker", "atrial fibrillation", "palpitations"))]
    Cardiology,
    /// Brain, nerves and muscles.
    #[route(keywords("seizure", "migraine", "tremor", "multiple sclerosis"))]
    Neurology,
    /// Gut, liver and pancreas.
    #[route(keywords("colonoscopy", "diarrhoea", "liver", "colitis"))]
    Gastroenterology,
    /// Hormones and metabolism.
    #[route(keywords("thyroid", "hba1c", "cortisol", "goitre"))]
    Endocrinology,
    /// Lungs and breathing, asleep too.
    #[route(keywords("asthma", "spirometry", "copd", "cough"))]
    Pulmonology,
    /// None of these: a general practitioner reads it.
    #[route(default)]
    General,
}

/// The file of labelled referrals.
#[must_use]
pub fn referrals() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/referrals.jsonl")
}

/// The router: the codes first, then what the referrals' train split taught, then the declared keywords for what that
/// left open.
///
/// # Errors
///
/// When the referrals cannot be read, or name a specialty that is not a [`Specialty`].
pub fn learn() -> Result<impl Router<Route = Specialty>> {
    let learned = Learned::fit(&Dataset::load(referrals())?.examples()?)?;
    let sure = learned.abstains_below();
    Ok(Cascade::first("code", By::new("code", by_code), 0.5)
        .then("learned", learned, sure)
        .then("keyword", Keyword::declared()?, 0.6)
        .otherwise(Specialty::General))
}
