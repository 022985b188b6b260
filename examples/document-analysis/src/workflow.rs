//! The workflow: text, kind and entities, summary, check.

use orch_core::model::ChatModel;
use orch_core::router::Router;
use orch_core::{Result, workflow};

use crate::document::{Analysis, Document};
use crate::entities::entities;
use crate::extract::extract;
use crate::kind::Kind;
use crate::summary::{opening, summary};
use crate::validate::validate;

workflow!(
    /// Reads a document.
    pub async fn analyse<R: Router<Route = Kind>, M: ChatModel>(
        router: &R,
        model: &M,
        document: &Document,
    ) -> Result<Analysis> {
        let text = extract(document).await?;
        #[name("classify")]
        let kind = router.decide(&text).await?; //          these two run
        let entities = entities(model, &text).await?; //    at the same time
        let summary = summary(model, kind.route, &entities, &text).await?;
        let verdict = validate(&text, &summary).await?;
        Ok(Analysis {
            kind: kind.route,
            confidence: kind.confidence,
            decided_by: kind.decided_by,
            entities,
            summary,
            verdict,
            opening: opening(&text),
        })
    }
);
