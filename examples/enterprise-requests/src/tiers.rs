//! Review by people: a tier with a deadline, and the tier above it.

use std::time::Duration;

use orch_core::agent::escalation::Desk;
use orch_core::{Result, route, workflow};

use crate::outcome::Done;

/// What a reviewer is shown. What the guards masked stays masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The request.
    pub text: String,
    /// Why the tier below has not decided; `None` where there is none below.
    pub escalated: Option<String>,
}

/// What a reviewer decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is done.
    Granted,
    /// It is not done.
    Refused {
        /// Why.
        why: String,
    },
}

/// People who review, and how long they have.
#[derive(Clone, Debug)]
pub struct Tier {
    /// What they are called.
    pub name: &'static str,
    /// Where they are asked.
    pub desk: Desk<Case, Ruling>,
    /// How long they have.
    pub limit: Duration,
}

/// Both tiers.
#[derive(Clone, Debug)]
pub struct Tiers {
    /// Who is asked first.
    pub first: Tier,
    /// Who is asked when the first do not answer.
    pub above: Tier,
}

/// What asking a tier came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They decided.
    Ruled(Ruling),
    /// They have not, in time or at all.
    Unanswered(String),
}

workflow!(
    /// Has a person decide. When nobody in the first tier answers in time, the tier above is asked.
    pub async fn review(tiers: &Tiers, text: &str) -> Result<Done> {
        let answer = ask(&tiers.first, text, None).await?;
        let done = route!(match answer {
            Answer::Ruled(ruling) => ruled(&tiers.first, ruling),
            Answer::Unanswered(why) => escalate(tiers, text, why),
        })
        .await?;
        Ok(done)
    }
);

/// Asks a tier. That nobody answers is an outcome.
async fn ask(tier: &Tier, text: &str, escalated: Option<&str>) -> Result<Answer> {
    let case = Case { text: text.to_owned(), escalated: escalated.map(str::to_owned) };
    Ok(match tier.desk.ask(case, tier.limit).await {
        Ok(ruling) => Answer::Ruled(ruling),
        Err(unanswered) => Answer::Unanswered(format!("{}: {unanswered}", tier.name)),
    })
}

async fn ruled(tier: &Tier, ruling: &Ruling) -> Result<Done> {
    Ok(Done::Reviewed { by: tier.name.to_owned(), ruling: ruling.clone() })
}

/// Asks the tier above, and says why it has to.
async fn escalate(tiers: &Tiers, text: &str, why: &str) -> Result<Done> {
    match ask(&tiers.above, text, Some(why)).await? {
        Answer::Ruled(ruling) => ruled(&tiers.above, &ruling).await,
        Answer::Unanswered(above) => Ok(Done::Open { asked: vec![why.to_owned(), above] }),
    }
}
