//! The workflows, with people who answer, are late, or are not there.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use enterprise_requests::outcome::Done;
use enterprise_requests::{Case, Category, Ruling, Tier, Tiers, handle, review};
use orch_core::Kind;
use orch_core::agent::escalation::{Inbox, desk};
use orch_core::guard::{Refusal, Untrusted};
use orch_core::router::{By, Cascade, Router};

fn always(category: Category) -> impl Router<Route = Category> {
    Cascade::first("fixed", By::new("fixed", move |_: &str| Some(category)), 0.5).otherwise(Category::Other)
}

fn untrusted(text: &str) -> Untrusted<String> {
    Untrusted::new(text.to_owned())
}

fn tiers() -> (Tiers, Inbox<Case, Ruling>, Inbox<Case, Ruling>) {
    let (first, first_inbox) = desk(4);
    let (above, above_inbox) = desk(4);
    let first = Tier { name: "first", desk: first, limit: Duration::from_mins(30) };
    let above = Tier { name: "above", desk: above, limit: Duration::from_hours(4) };
    (Tiers { first, above }, first_inbox, above_inbox)
}

fn automated(reply: &str) -> Done {
    Done::Automated { reply: reply.to_owned() }
}

#[tokio::test]
async fn code_does_what_code_can() {
    let (tiers, _first, _above) = tiers();
    for (category, text, reply) in [
        (Category::Access, "No VPN today", "The owner of the vpn was asked to open it for you."),
        (Category::Purchase, "a lamp for 80", "Ordered for 80."),
        (Category::Purchase, "2 desks, 900", "900 is above 250: the budget's owner has to sign."),
        (Category::Facilities, "water in the hall", "Somebody comes at once."),
        (Category::Other, "lol", "This does not look like a request; nothing was done."),
    ] {
        let outcome = handle(&always(category), &tiers, untrusted(text)).await.unwrap();
        assert_eq!((outcome.category, outcome.done), (category, automated(reply)), "{text}");
    }
}

#[tokio::test]
async fn a_reviewer_sees_what_the_guards_let_pass() {
    let (tiers, mut first, _above) = tiers();
    let person = tokio::spawn(async move {
        let asked = first.next().await.unwrap();
        let case = asked.question.clone();
        asked.answer(Ruling::Granted);
        case
    });
    let text = untrusted("Ask ann@example.org, she saw it");
    let outcome = handle(&always(Category::ManualReview), &tiers, text).await.unwrap();
    assert_eq!(outcome.done, Done::Reviewed { by: "first".to_owned(), ruling: Ruling::Granted });
    let case = person.await.unwrap();
    assert_eq!(case, Case { text: "Ask [email address], she saw it".to_owned(), escalated: None });
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_in_time_is_passed_over() {
    let (tiers, mut first, mut above) = tiers();
    let sleeper = tokio::spawn(async move {
        let asked = first.next().await.unwrap();
        tokio::time::sleep(Duration::from_hours(1)).await;
        asked.answer(Ruling::Granted)
    });
    let person = tokio::spawn(async move {
        let asked = above.next().await.unwrap();
        let escalated = asked.question.escalated.clone();
        asked.answer(Ruling::Refused { why: "no".to_owned() });
        escalated
    });
    let done = review(&tiers, "a gift").await.unwrap();
    let ruling = Ruling::Refused { why: "no".to_owned() };
    assert_eq!(done, Done::Reviewed { by: "above".to_owned(), ruling });
    assert_eq!(person.await.unwrap().unwrap(), "first: nobody answered within 1800s");
    assert!(!sleeper.await.unwrap(), "the answer of the first tier came too late");
}

#[tokio::test]
async fn a_request_nobody_decides_stays_open() {
    let (tiers, first, above) = tiers();
    drop((first, above));
    let outcome = handle(&always(Category::ManualReview), &tiers, untrusted("a gift")).await.unwrap();
    let nobody = |tier: &str| format!("{tier}: there is nobody to answer");
    assert_eq!(outcome.done, Done::Open { asked: vec![nobody("first"), nobody("above")] });
}

#[tokio::test]
async fn a_secret_goes_no_further_than_the_guard() {
    let (tiers, _first, _above) = tiers();
    let text = untrusted("the login is password: hunter2-hunter2");
    let error = handle(&always(Category::Access), &tiers, text).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Guard, "clear"));
    assert_eq!(error.downcast_ref::<Refusal>().unwrap().guard, "secrets");
    assert!(!error.to_string().contains("hunter2"));
}
