//! The workflow, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use document_analysis::{Document, Kind, Verdict, analyse};
use orch_core::model::{Message, ScriptedModel};
use orch_core::router::{By, Cascade, Router};

fn always(kind: Kind) -> impl Router<Route = Kind> {
    Cascade::first("fixed", By::new("fixed", move |_: &str| Some(kind)), 0.5).otherwise(Kind::Other)
}

fn document(text: &str) -> Document {
    Document { name: "scan".to_owned(), text: text.to_owned() }
}

const INVOICE: &str = "Invoice 17\nAnna Berg owes 40 euros for two chairs.\nPage 1";
const ENTITIES: &str = r#"{"names": ["Anna Berg"], "dates": [], "amounts": ["40 euros"]}"#;

#[tokio::test]
async fn a_document_is_sorted_read_and_summarised() {
    let model = ScriptedModel::new("m").says(ENTITIES).says("Anna Berg owes 40 euros for two chairs.");
    let analysis = analyse(&always(Kind::Invoice), &model, &document(INVOICE)).await.unwrap();
    assert_eq!(analysis.shown(), analysis.summary);
    assert_eq!((analysis.kind, analysis.verdict), (Kind::Invoice, Verdict::Sound));
    assert_eq!(analysis.entities.listed(), "Anna Berg, 40 euros");
    let asked = model.asked();
    let summary = asked[1].messages.last().map(Message::text).unwrap();
    assert!(summary.contains("Kind: invoice") && summary.contains("Anna Berg, 40 euros"), "{summary}");
    assert!(!summary.contains("Page"), "page numbers are left out: {summary}");
}

#[test]
fn kind_and_entities_wait_for_the_text_and_not_for_each_other() {
    let names: Vec<&str> = analyse::PLAN.graph.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["extract", "classify", "entities", "summary", "validate"]);
    assert_eq!(analyse::PLAN.graph.edges, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
}

#[tokio::test]
async fn a_summary_with_a_number_of_its_own_is_an_outcome() {
    let model = ScriptedModel::new("m").says(ENTITIES).says("Anna Berg owes 90 euros for two chairs.");
    let analysis = analyse(&always(Kind::Invoice), &model, &document(INVOICE)).await.unwrap();
    assert_eq!(analysis.shown(), "Invoice 17 Anna Berg owes 40 euros for two chairs.");
    let Verdict::Unsound { guard, reason } = analysis.verdict else { panic!("it was let pass") };
    assert_eq!((guard.as_str(), reason.as_str()), ("groundedness", "no source has a number it names"));
    assert_eq!(analysis.kind, Kind::Invoice, "the rest holds");
}

#[tokio::test]
async fn a_document_without_text_costs_nothing() {
    let model = ScriptedModel::new("m");
    let error = analyse(&always(Kind::Other), &model, &document("\n Page 3 \n")).await.unwrap_err();
    assert_eq!(error.path(), "extract");
    assert!(model.asked().is_empty());
}
