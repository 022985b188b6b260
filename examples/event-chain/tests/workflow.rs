//! The chain of events, with keywords alone.
#![allow(clippy::unwrap_used, reason = "tests")]

use event_chain::{Archive, Failure, Paper, Step, Upload, take_in};
use orch_core::event::{Drained, Event as _};
use orch_core::router::{Cascade, Example, Keyword, Learned};

fn upload(name: &str, file: &str) -> Upload {
    Upload { name: name.to_owned(), file: file.to_owned() }
}

/// An archive in which the keywords decide: what was learned is never sure enough.
fn archive() -> Archive {
    let examples = [
        ("pay this sum", Paper::Bill),
        ("the sum is open", Paper::Bill),
        ("sign here please", Paper::Agreement),
        ("both sides sign", Paper::Agreement),
    ];
    let examples: Vec<_> = examples.map(|(text, paper)| Example::new(text, Some(paper))).into();
    let learned = Learned::fit(&examples).unwrap();
    let router = Cascade::first("learned", learned, 1.1)
        .then("keyword", Keyword::declared().unwrap(), 0.6)
        .otherwise(Paper::Other);
    Archive::new(router)
}

#[tokio::test]
async fn uploads_are_stored_and_an_empty_one_stops_nothing() {
    let archive = archive();
    let uploads = vec![
        upload("lease", "Tenancy agreement: the landlord lets the flat from 1 May for 812 euros a month."),
        upload("empty", " \n"),
        upload("cover", "Your policy: the bicycle is insured against theft, premium 4.80 a month."),
    ];
    let intake = take_in(&archive, uploads).await.unwrap();
    // Six events for each of the two, one for the empty one; `Extracted` has two handlers.
    let Drained { events, completed, failed, left, .. } = intake.drained;
    assert_eq!((intake.sent, events, completed, failed, left), (3, 13, 14, 1, 0));
    let failure = Failure {
        file: "empty".to_owned(),
        event: "Uploaded",
        handler: "extract",
        why: "empty is empty".to_owned(),
    };
    assert_eq!(intake.failures, [failure]);

    let mut stored = archive.stored();
    stored.sort_by(|a, b| a.name.cmp(&b.name));
    let papers: Vec<(&str, Paper)> = stored.iter().map(|file| (file.name.as_str(), file.paper)).collect();
    assert_eq!(papers, [("cover", Paper::Insurance), ("lease", Paper::Agreement)]);
    assert_eq!(stored[0].summary, "insurance, dates: none, sums: 4.80");
    assert_eq!(stored[1].summary, "agreement, dates: 1 May, sums: 812");
    assert_eq!(archive.log().len(), 2);
}

#[tokio::test]
async fn more_uploads_than_the_bus_has_room_for_are_all_taken_in() {
    let archive = archive();
    let uploads: Vec<Upload> = (0..50).map(|number| upload(&format!("scan-{number}"), "a bill")).collect();
    let intake = take_in(&archive, uploads).await.unwrap();
    assert_eq!((intake.sent, intake.drained.events, intake.drained.failed), (50, 300, 0));
    assert_eq!(archive.stored().len(), 50);
}

#[tokio::test]
async fn nothing_is_taken_in_from_nothing() {
    let intake = take_in(&archive(), Vec::new()).await.unwrap();
    assert_eq!((intake.sent, intake.drained), (0, Drained::default()));
}

#[test]
fn two_handlers_take_a_text_on() {
    assert_eq!(Step::HANDLERS[1], ("Extracted", &["classify", "search"] as &[&str]));
}
