//! The workflow, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use business_document::{Concern, Document, Finding, Report, Side, review};
use orch_core::model::{Message, ScriptedModel};
use orch_core::router::{By, Cascade, Router};
use orch_core::{Budget, Limits};

/// Money where a paragraph speaks of a loan, law where it speaks of a clause.
fn router() -> impl Router<Route = Concern> {
    let by_word = |text: &str| {
        let side = if text.contains("loan") { Concern::Financial } else { Concern::Legal };
        (text.contains("loan") || text.contains("clause")).then_some(side)
    };
    Cascade::first("word", By::new("word", by_word), 0.5).otherwise(Concern::Other)
}

fn document() -> Document {
    Document::new("Plan", "The loan is due.\n\nA clause forbids it.\n\n\n\nThe loan again.\n\nHello.")
}

fn says(point: &str, weight: u8) -> String {
    format!(r#"{{"point": "{point}", "weight": {weight}}}"#)
}

fn side(report: &Report, concern: Concern) -> &Side {
    report.sides.iter().find(|side| side.concern == concern).unwrap()
}

#[tokio::test]
async fn four_sides_read_and_the_router_says_which_leads() {
    let model = ScriptedModel::new("m")
        .says(says("money", 7))
        .says(says("law", 200))
        .says(says("market", 1))
        .says(says("operations", 0));
    let budget = Budget::new(Limits::new().calls(4));
    let report = review(&router(), &model, &budget, &document()).await.unwrap();
    let concerns: Vec<Concern> = report.paragraphs.iter().map(|(concern, _)| *concern).collect();
    assert_eq!(concerns, [Concern::Financial, Concern::Legal, Concern::Financial, Concern::Other]);
    assert_eq!(report.lead, Some(Concern::Financial));
    assert_eq!(report.sides[0].concern, Concern::Financial, "the leading side comes first");
    let law = Finding { point: "law".to_owned(), weight: 10 };
    assert_eq!(side(&report, Concern::Legal).saw, Ok(law), "a weight has an upper bound");
    assert_eq!(budget.spent().calls(), 4);
    let asked = model.asked();
    let told: Vec<&str> =
        asked.iter().filter_map(|request| request.messages.last()).map(Message::text).collect();
    assert!(told[0].contains("the money") && told[3].contains("operations"), "{told:?}");
    let text = document().text();
    assert!(told.iter().all(|told| told.starts_with(&text)), "{told:?}");
}

#[tokio::test]
async fn a_side_that_fails_or_finds_the_budget_empty_takes_no_other_with_it() {
    let model = ScriptedModel::new("m")
        .says(says("money", 7))
        .says("I would rather not.")
        .says("Really.")
        .says(says("market", 1));
    // The second side asks twice, so that nothing is left for the fourth.
    let budget = Budget::new(Limits::new().calls(4));
    let report = review(&router(), &model, &budget, &document()).await.unwrap();
    assert!(side(&report, Concern::Financial).saw.is_ok() && side(&report, Concern::Market).saw.is_ok());
    let legal = side(&report, Concern::Legal).saw.clone().unwrap_err();
    assert!(legal.contains("gave no value of the type"), "{legal}");
    let operations = side(&report, Concern::Operations).saw.clone().unwrap_err();
    assert!(operations.contains("the budget has no calls left"), "{operations}");
    assert_eq!(model.asked().len(), 4);
}
