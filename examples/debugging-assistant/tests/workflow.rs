//! The workflow, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use debugging_assistant::cases::cases;
use debugging_assistant::syntax::{Bracket, place, unbalanced};
use debugging_assistant::{Fault, assist};
use orch_core::agent::{AgentError, AgentErrorKind};
use orch_core::model::{Message, ScriptedModel};
use orch_core::router::{By, Cascade, Router};

fn always(fault: Fault) -> impl Router<Route = Fault> {
    Cascade::first("fixed", By::new("fixed", move |_: &str| Some(fault)), 0.5).otherwise(Fault::Other)
}

#[test]
fn a_message_says_where_the_compiler_stopped() {
    for (text, wanted) in [
        ("error: expected `;`, found `let`\n  --> src/main.rs:12:30", Some((12, Some(30)))),
        ("at ProductList (ProductList.jsx:22)", Some((22, None))),
        ("J'ai une erreur à la ligne 88.", Some((88, None))),
        ("Parse error on line 4, column 9", Some((4, Some(9)))),
        ("it broke at 12:30 today", None),
    ] {
        assert_eq!(place(text), wanted, "{text}");
    }
}

#[test]
fn brackets_are_counted_but_for_quoted_ones() {
    assert_eq!(unbalanced("f(a, b {\n  g();\n}"), Some(Bracket { letter: '(', line: 1, column: 2 }));
    assert_eq!(unbalanced("f(a]"), Some(Bracket { letter: ']', line: 1, column: 4 }));
    assert_eq!(unbalanced("expected `)` in f(a[0])"), None);
}

#[tokio::test]
async fn a_syntax_error_asks_no_model() {
    let model = ScriptedModel::new("m");
    let text = "error: expected `)`\n --> src/main.rs:3:7\nprintln!(\"{}\", total(a, b;";
    let answer = assist(&always(Fault::Syntax), &model, &cases().await.unwrap(), text).await.unwrap();
    assert!(answer.advice.text.starts_with("Look at line 3, column 7."), "{}", answer.advice.text);
    assert!(answer.advice.text.contains("has no other half"));
    assert!(model.asked().is_empty());
}

#[tokio::test]
async fn an_agent_looks_an_exception_up() {
    let model =
        ScriptedModel::new("m").calls("explain", r#"{"name": "KeyError"}"#).says("Use get with a default.");
    let cases = cases().await.unwrap();
    let answer = assist(&always(Fault::Runtime), &model, &cases, "KeyError: 'id'").await.unwrap();
    assert_eq!(answer.advice.text, "Use get with a default.");
    assert_eq!(answer.advice.sources, ["table of exceptions"]);
    let asked = model.asked();
    let told = asked[1].messages.iter().any(|message| message.text().contains("has no such key"));
    assert!(told, "{:?}", asked[1].messages);
}

#[tokio::test]
async fn an_agent_that_only_asks_is_stopped() {
    let model = (0..9).fold(ScriptedModel::new("m"), |model, number| {
        model.calls("explain", &format!(r#"{{"name": "Mystery{number}"}}"#))
    });
    let cases = cases().await.unwrap();
    let error = assist(&always(Fault::Runtime), &model, &cases, "Mystery").await.unwrap_err();
    assert_eq!(error.path(), "advice/runtime");
    let kind = &error.downcast_ref::<AgentError>().unwrap().kind;
    assert!(matches!(kind, AgentErrorKind::Turns { max: 3 }), "{kind:?}");
    assert_eq!(model.asked().len(), 3);
}

#[tokio::test]
async fn past_cases_answer_and_none_is_an_outcome() {
    let model = ScriptedModel::new("m").says("Make one number a float [1].");
    let cases = cases().await.unwrap();
    let logic = always(Fault::Logic);
    let answer = assist(&logic, &model, &cases, "my average is a whole number, int / int").await.unwrap();
    assert_eq!(answer.advice.sources, ["integer division"]);
    let sources = model.asked()[0].messages.last().map(|message| message.text().to_owned()).unwrap();
    assert!(sources.starts_with("<source number=\"[1]\">\ninteger division"), "{sources}");
    let answer = assist(&logic, &model, &cases, "zzyzx").await.unwrap();
    assert!(answer.advice.text.starts_with("No past case") && answer.advice.sources.is_empty());
    assert_eq!(model.asked().len(), 1, "nothing found asks nobody");
    assert!(matches!(model.asked()[0].messages.last(), Some(Message::User(_))));
}

#[tokio::test]
async fn what_is_no_fault_gets_told_what_there_is() {
    let model = ScriptedModel::new("m");
    let cases = cases().await.unwrap();
    let answer = assist(&always(Fault::Other), &model, &cases, "hello").await.unwrap();
    assert!(answer.advice.text.starts_with("I help with errors") && model.asked().is_empty());
}
