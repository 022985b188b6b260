//! The workflow: router, handler, quality check.

use orch_core::model::ChatModel;
use orch_core::router::Router;
use orch_core::{Result, route, workflow};

use crate::desk::{Desk, Reply, Ticket};
use crate::handlers::{billing, check, mood, order_number, person, returns, shipping};
use crate::help::help;
use crate::intent::Intent;

workflow!(
    /// Answers a support ticket.
    pub async fn answer<R: Router<Route = Intent>, M: ChatModel>(
        desk: &Desk<R, M>,
        ticket: &Ticket,
    ) -> Result<Reply> {
        let intent = desk.router.decide(&ticket.text).await?;
        let mood = mood(ticket).await?; //           runs beside `decide`
        let order = order_number(ticket).await?; //  and beside both
        let draft = route!(match intent {
            Intent::Billing => billing(order.as_deref()),
            Intent::Shipping => shipping(order.as_deref()),
            Intent::Returns => returns(order.as_deref()),
            Intent::Technical => help(&desk.model, &desk.articles, ticket),
            Intent::Account => help(&desk.model, &desk.articles, ticket),
            Intent::Subscription => help(&desk.model, &desk.articles, ticket),
            Intent::Product => help(&desk.model, &desk.articles, ticket),
            Intent::Other => person(ticket),
        })
        .await?;
        let needs_review = check(&draft, mood, intent.confidence).await?;
        Ok(Reply {
            text: draft.text,
            source: draft.article.map(|article| article.title),
            intent: intent.route,
            confidence: intent.confidence,
            decided_by: intent.decided_by,
            needs_review,
        })
    }
);
