//! The workflows, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use clinical_support::codes::by_code;
use clinical_support::{
    OnCall, Question, Referral, Release, Ruling, Specialty, Validation, refer, refer_all,
};
use orch_core::agent::escalation::{Inbox, desk};
use orch_core::model::{ChatReply, ChatRequest, Message, ScriptedModel, Usage};
use orch_core::router::{By, Cascade, Router};
use orch_core::{Error, Result};

fn router() -> impl Router<Route = Specialty> {
    Cascade::first("code", By::new("code", by_code), 0.5).otherwise(Specialty::General)
}

fn referral(patient: &str, text: &str) -> Referral {
    Referral { patient: patient.to_owned(), text: text.to_owned() }
}

fn on_call() -> (OnCall, Inbox<Question, Ruling>) {
    let (desk, inbox) = desk(4);
    (OnCall { desk, limit: Duration::from_mins(1) }, inbox)
}

/// Says what stands in the referral, and nothing else.
fn repeats(request: &ChatRequest) -> Result<ChatReply> {
    let text = request.messages.last().map(Message::text).unwrap_or_default();
    if text.contains("overloads") {
        return Err(Error::message("overloaded"));
    }
    let said = text.lines().find_map(|line| line.strip_prefix("Referral: ")).unwrap_or_default();
    Ok(ChatReply::new(said, Usage::default()))
}

#[tokio::test]
async fn a_code_decides_and_what_is_clear_is_sent_without_a_person() {
    let model = ScriptedModel::new("m").answers(repeats);
    let (on_call, inbox) = on_call();
    drop(inbox);
    let referral = referral("P-104", "Narrow valve, I35.0, breathless on stairs.");
    let note = refer(&router(), &model, &on_call, &referral).await.unwrap();
    assert_eq!((note.specialty, note.decided_by), (Specialty::Cardiology, "code"));
    assert_eq!(note.background.history, ["smoked until 2015"]);
    assert_eq!(note.background.labs, ["LDL 4.1"]);
    assert_eq!((note.validation, note.release), (Validation::Sound, Release::Cleared));
}

#[test]
fn the_three_lookups_wait_for_the_specialist_and_not_for_each_other() {
    let graph = &refer::PLAN.graph;
    let names: Vec<&str> = graph.steps.iter().map(|step| step.name).collect();
    let wanted = ["specialist", "history", "labs", "contraindications", "synthesis", "validate", "release"];
    assert_eq!(names, wanted);
    assert_eq!(graph.edges, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 5), (5, 6)]);
}

#[tokio::test]
async fn a_person_decides_where_something_speaks_against_it() {
    let model = ScriptedModel::new("m").answers(repeats);
    let (on_call, mut inbox) = on_call();
    let person = tokio::spawn(async move {
        let asked = inbox.next().await.unwrap();
        let question = asked.question.clone();
        asked.answer(Ruling::Stop { why: "no MRI".to_owned() });
        question
    });
    let referral = referral("P-101", "Double vision since Tuesday, G45.9.");
    let note = refer(&router(), &model, &on_call, &referral).await.unwrap();
    assert_eq!(note.release, Release::Stopped { why: "no MRI".to_owned() });
    let question = person.await.unwrap();
    assert_eq!(question.reasons, ["no MRI: there is a pacemaker"]);
    // What the model left out stands in the note all the same.
    let also = "no MRI: there is a pacemaker; pacemaker since 2019; sodium normal";
    assert_eq!(question.note, format!("{}\nAlso: {also}.", referral.text));
}

#[tokio::test]
async fn a_note_with_a_dose_is_not_sent_and_neither_when_nobody_is_there() {
    let model = ScriptedModel::new("m").says("Give 5 mg for the narrow valve, I35.0.");
    let (on_call, inbox) = on_call();
    drop(inbox);
    let referral = referral("P-106", "Narrow valve, I35.0.");
    let note = refer(&router(), &model, &on_call, &referral).await.unwrap();
    assert_eq!(note.validation, Validation::Unsound { why: "it names a dose".to_owned() });
    assert_eq!(note.release, Release::Waiting { why: "there is nobody to answer".to_owned() });
}

#[tokio::test]
async fn in_a_batch_one_failure_takes_no_other_with_it() {
    let model = ScriptedModel::new("m").answers(repeats);
    let (on_call, inbox) = on_call();
    drop(inbox);
    let texts = ["Narrow valve, I35.0.", "This one overloads the model.", "Cough for months, J45.0."];
    let referrals: Vec<Referral> = texts.iter().map(|text| referral("P-106", text)).collect();
    let notes = refer_all(&router(), &model, &on_call, &referrals).await.unwrap();
    let specialties: Vec<Option<Specialty>> =
        notes.iter().map(|note| note.as_ref().ok().map(|note| note.specialty)).collect();
    assert_eq!(specialties, [Some(Specialty::Cardiology), None, Some(Specialty::Pulmonology)]);
    let error = notes[1].as_ref().unwrap_err();
    assert!(error.to_string().contains("overloaded") && error.path().ends_with("synthesis"), "{error}");
}
