//! Learns a router from the example's requests, handles some new ones with two people at their desks, draws the
//! workflows, and says how good the router and the answers are.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use enterprise_requests::outcome::Done;
use enterprise_requests::{Case, Ruling, Tier, Tiers, category, handle, review, suite};
use orch_core::agent::escalation::{Inbox, desk};
use orch_core::guard::Untrusted;
use orch_core::{Error, Result};

/// Requests that came in today; none of them is among those the router learned from.
const INCOMING: [&str; 9] = [
    "My badge does not open the garage since Monday",
    "Where do I find the form for parental leave? Write to ann@example.org please.",
    "We need a second screen for the intern, 180 in the catalogue",
    "How do I get the hotel in Lyon back, I paid it myself",
    "The heating in room 4.12 is stuck at 28 degrees",
    "A supplier offered me concert tickets, may I take them?",
    "My colleague makes remarks about my accent every day and I don't know whom to tell",
    "the wiki login is password: hunter2-hunter2, please add Tom",
    "who has seen my blue umbrella lol",
];

/// A reviewer, for this program: answers what they may, and sets the rest aside.
async fn reviewer(mut inbox: Inbox<Case, Ruling>, decides_all: bool) {
    while let Some(asked) = inbox.next().await {
        if asked.question.text.contains("tickets") {
            asked.answer(Ruling::Refused { why: "gifts of bidders go back".to_owned() });
        } else if decides_all {
            asked.answer(Ruling::Granted);
        }
        // What is set aside is answered by nobody, and goes to the tier above.
    }
}

fn write(out: &mut String, done: &Done) -> Result<()> {
    match done {
        Done::Automated { reply } => writeln!(out, "  {reply}\n")?,
        Done::Reviewed { by, ruling } => writeln!(out, "  {by}: {ruling:?}\n")?,
        Done::Open { asked } => writeln!(out, "  still open: {}\n", asked.join("; "))?,
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let router = category::learn()?;
    let (first, first_inbox) = desk(8);
    let (above, above_inbox) = desk(8);
    let people = [tokio::spawn(reviewer(first_inbox, false)), tokio::spawn(reviewer(above_inbox, true))];
    let tiers = Tiers {
        first: Tier { name: "first tier", desk: first, limit: Duration::from_mins(30) },
        above: Tier { name: "head of compliance", desk: above, limit: Duration::from_hours(24) },
    };

    let mut out = String::from("Incoming requests\n\n");
    for text in INCOMING {
        // What somebody wrote can be read by no model and no router before a guard has cleared it.
        let request = Untrusted::new(text.to_owned());
        match handle(&router, &tiers, request).await {
            Ok(outcome) => {
                let category = format!("{:?}", outcome.category);
                writeln!(out, "> {text}")?;
                writeln!(out, "  {category} ({:.2}, by {})", outcome.confidence, outcome.decided_by)?;
                write(&mut out, &outcome.done)?;
            }
            Err(error) => writeln!(out, "> (a request)\n  refused: {error}\n")?,
        }
    }
    // Nobody can ask any more, so the reviewers go home.
    drop(tiers);
    for person in people {
        person.await?;
    }

    writeln!(out, "The workflow\n\n{}", handle::PLAN.mermaid())?;
    writeln!(out, "The one inside it, for what people decide\n\n{}", review::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on requests it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
