//! The workflows, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use orch_core::memory::{InMemory, Memory};
use orch_core::model::{Message, ScriptedModel};
use orch_core::router::{By, Cascade, Router};
use research_assistant::{Effort, Library, Question, research};

fn always(effort: Effort) -> impl Router<Route = Effort> {
    Cascade::first("fixed", By::new("fixed", move |_: &str| Some(effort)), 0.5).otherwise(Effort::Other)
}

fn question(text: &str) -> Question {
    Question { conversation: "c".to_owned(), text: text.to_owned() }
}

const BEES: &str = "Why do colonies of bees die in spring?";

#[tokio::test]
async fn a_lookup_cites_and_the_conversation_goes_on() {
    let model = ScriptedModel::new("m").says("It was built in 1742 [1].").says("It has 7 arches [9].");
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let router = always(Effort::Lookup);
    let first = question("When was the stone bridge over the Alder built?");
    let answer = research(&router, &model, &library, &memory, &first).await.unwrap();
    assert_eq!(answer.found.text, "It was built in 1742 [1].");
    assert_eq!(answer.found.sources, ["old bridges"]);

    let second = question("How many arches has the stone bridge?");
    let answer = research(&router, &model, &library, &memory, &second).await.unwrap();
    assert!(answer.found.text.ends_with("(without a sound citation)") && answer.found.sources.is_empty());
    let asked = &model.asked()[1].messages;
    let roles: Vec<&str> = asked.iter().map(Message::role).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(asked[1].text(), first.text, "what was said before is there");
    assert_eq!(memory.recall("c", 1_000).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_comparison_is_a_table() {
    let table = r#"{"left": "heat pump", "right": "pellets", "rows": [["to run", "cheap", "more"]]}"#;
    let model = ScriptedModel::new("m").says(table);
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let text = question("heat pump or pellet boiler");
    let answer = research(&always(Effort::Comparison), &model, &library, &memory, &text).await.unwrap();
    let lines: Vec<&str> = answer.found.text.lines().collect();
    assert!(lines[0].contains("heat pump") && lines[0].contains("pellets"), "{lines:?}");
    assert!(lines[1].starts_with("to run") && lines[1].contains("cheap"), "{lines:?}");
    assert!(answer.found.sources.contains(&"pellet heating".to_owned()), "{:?}", answer.found.sources);
}

#[tokio::test]
async fn an_investigation_plans_reads_and_is_criticised() {
    let model = ScriptedModel::new("m")
        .says(
            r#"{"answer": null, "steps": [{"search": {"query": "bees spring"}},
                {"read": {"document": "bees in spring"}}]}"#,
        )
        .says(r#"{"answer": "They starved.", "steps": []}"#)
        .says("Colonies starved: too little honey in autumn.")
        .says(r#"{"good": false, "remark": "what of mites?"}"#)
        .says("Colonies starved, and mites weaken them.")
        .says(r#"{"good": true, "remark": ""}"#);
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let router = always(Effort::Investigation);
    let answer = research(&router, &model, &library, &memory, &question(BEES)).await.unwrap();
    assert_eq!(answer.found.text, "Colonies starved, and mites weaken them.");
    assert_eq!(answer.found.sources, ["bees in spring"]);
    let asked = model.asked();
    let told = asked[1].messages.last().map(Message::text).unwrap();
    assert!(told.contains("documents: ") && told.contains("too little honey"), "{told}");
    let again = asked[4].messages.last().map(Message::text).unwrap();
    assert_eq!(again, "Do it better: what of mites?");
}

#[tokio::test]
async fn a_plan_without_an_end_leaves_what_was_read() {
    let model = ScriptedModel::new("m")
        .says(r#"{"answer": null, "steps": [{"read": {"document": "bees in spring"}}]}"#)
        .says("I am lost.")
        .says("Still lost.")
        .says("Starved in forty snowstorms of bright plastic.")
        .says("Colonies often starved.")
        .says(r#"{"good": true, "remark": ""}"#);
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let router = always(Effort::Investigation);
    let answer = research(&router, &model, &library, &memory, &question(BEES)).await.unwrap();
    assert_eq!(answer.found.text, "Colonies often starved.", "the guard sent the first draft back");
    assert_eq!(answer.found.sources, ["bees in spring"]);
}

#[tokio::test]
async fn an_investigation_that_gathers_nothing_fails_and_is_not_remembered() {
    let plan = r#"{"answer": null, "steps": [{"read": {"document": "no such thing"}}]}"#;
    let model = ScriptedModel::new("m").says(plan).says(plan).says(plan);
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let router = always(Effort::Investigation);
    let error = research(&router, &model, &library, &memory, &question(BEES)).await.unwrap_err();
    assert_eq!(error.path(), "found/investigate/gather");
    assert!(error.to_string().contains("changed 1 times"), "{error}");
    let told = model.asked()[1].messages.last().map(|message| message.text().to_owned()).unwrap();
    assert!(told.contains("the library has no document called no such thing"), "{told}");
    assert!(memory.recall("c", 1_000).await.unwrap().is_empty());
}

#[tokio::test]
async fn small_talk_asks_no_model() {
    let model = ScriptedModel::new("m");
    let (library, memory) = (Library::open().await.unwrap(), Memory::new(InMemory::new()));
    let answer = research(&always(Effort::Other), &model, &library, &memory, &question("hi")).await.unwrap();
    assert!(answer.found.text.starts_with("I look things up") && model.asked().is_empty());
}
