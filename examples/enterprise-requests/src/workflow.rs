//! The workflow: guards, category, and code or a person.

use orch_core::guard::{Injection, Length, NoSecrets, PersonalData, Untrusted};
use orch_core::router::Router;
use orch_core::{Result, route, workflow};

use crate::category::Category;
use crate::handlers::{access, facilities, nothing, people, purchase, travel};
use crate::outcome::Outcome;
use crate::tiers::{Tiers, review};

/// Characters of a request, at most.
const LONGEST: usize = 2_000;

workflow!(
    /// Handles a request. One with a secret or with instructions in it is refused before anybody sees it; what says who
    /// somebody is, is masked.
    pub async fn handle<R: Router<Route = Category>>(
        router: &R,
        tiers: &Tiers,
        request: Untrusted<String>,
    ) -> Result<Outcome> {
        #[name("clear")]
        let request = request
            .checked_by(&(Length::at_most(LONGEST), NoSecrets::refused(), PersonalData::masked()))
            .await?;
        #[name("instructions")]
        let text = request.cleared_by(&Injection::refused()).await?;
        #[name("category")]
        let category = router.decide(&text).await?;
        let done = route!(match category {
            Category::Access => access(&text),
            Category::People => people(&text),
            Category::Purchase => purchase(&text),
            Category::Travel => travel(&text),
            Category::Facilities => facilities(&text),
            #[flow]
            Category::ManualReview => review(tiers, &text),
            Category::Other => nothing(),
        })
        .await?;
        Ok(Outcome {
            category: category.route,
            confidence: category.confidence,
            decided_by: category.decided_by,
            done,
        })
    }
);
