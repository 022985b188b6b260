//! The workflow: the paragraphs' concerns beside four readings, then a report.

use orch_core::model::{ChatModel, Metered, Price};
use orch_core::router::Router;
use orch_core::{Budget, Result, fan_out, workflow};

use crate::concern::Concern;
use crate::document::Document;
use crate::finding::finding;
use crate::report::{Report, report};

workflow!(
    /// Reads a document from four sides.
    pub async fn review<R: Router<Route = Concern>, M: ChatModel>(
        router: &R,
        model: &M,
        budget: &Budget,
        document: &Document,
    ) -> Result<Report> {
        let text = document.text();
        let metered = Metered::new(model, budget, Price::default());
        let concerns = fan_out!(for paragraph in &document.paragraphs {
            router.decide(paragraph)
        })
        .await?;
        // All four spend from the same budget. Settled, one that fails is a result like the others.
        let sides = fan_out!(
            financial = finding(&metered, Concern::Financial, &text),
            legal = finding(&metered, Concern::Legal, &text),
            market = finding(&metered, Concern::Market, &text),
            operations = finding(&metered, Concern::Operations, &text),
        )
        .settle()
        .await;
        let sides = [
            (Concern::Financial, sides.financial),
            (Concern::Legal, sides.legal),
            (Concern::Market, sides.market),
            (Concern::Operations, sides.operations),
        ];
        let report = report(document, &concerns, sides).await?;
        Ok(report)
    }
);
