//! The workflow, with a model that says what it is told to.
#![allow(clippy::unwrap_used, reason = "tests")]

use orch_core::model::ScriptedModel;
use orch_core::router::{By, Cascade, Router};
use support_desk::{Articles, Desk, Intent, Reply, Ticket, answer};

fn always(intent: Intent) -> impl Router<Route = Intent> {
    Cascade::first("fixed", By::new("fixed", move |_: &str| Some(intent)), 0.5).otherwise(Intent::Other)
}

/// The reply to a ticket of an intent, with a model that says one thing, and how often it was asked.
async fn replied(intent: Intent, text: &str, says: &str) -> (Reply, usize) {
    let model = ScriptedModel::new("m").says(says);
    let desk = Desk { router: always(intent), model: &model, articles: Articles::default() };
    let reply = answer(&desk, &Ticket { text: text.to_owned() }).await.unwrap();
    let asked = model.asked().len();
    (reply, asked)
}

const BLACK: &str = "My camera shows a black picture";

#[tokio::test]
async fn an_answer_that_stands_on_its_article_leaves() {
    let says = "Switch the camera's privacy mode off in the app.";
    let (reply, asked) = replied(Intent::Technical, BLACK, says).await;
    assert_eq!(reply.text, format!("{says} (From our help: The camera's picture is black.)"));
    assert_eq!(reply.source, Some("The camera's picture is black"));
    assert!(!reply.needs_review && asked == 1);
}

#[tokio::test]
async fn what_the_model_makes_up_does_not() {
    let says = "We grant everyone a lifetime refund and send ten dragons tomorrow.";
    let (reply, _) = replied(Intent::Technical, BLACK, says).await;
    assert!(!reply.text.contains("dragons") && reply.text.starts_with("Take the cover off"), "{reply:?}");
    assert!(!reply.needs_review);
}

#[tokio::test]
async fn where_nothing_fits_a_person_answers_and_no_model_is_asked() {
    let (reply, asked) = replied(Intent::Product, "Do you know lentil soup?", "no").await;
    assert!(reply.text.contains("A colleague will read") && reply.source.is_none());
    assert_eq!(asked, 0);
    let (reply, asked) = replied(Intent::Billing, "order 48213 was charged twice!!", "no").await;
    assert!(reply.text.contains("order 48213") && reply.needs_review, "an upset customer's is read first");
    assert_eq!(asked, 0);
}
