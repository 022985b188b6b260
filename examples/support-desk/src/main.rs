//! Learns a router from the example's tickets, answers some new ones, draws the workflow, and says how good the router
//! and the answers are. `--live` asks a model; without it, recorded answers are used.

use std::fmt::Write as _;
use std::io::Write as _;

use orch_core::{Error, Result};
use support_desk::{Articles, Desk, Ticket, answer, intent, suite};

/// Tickets that came in today; none of them is among those the router learned from.
const INCOMING: [&str; 8] = [
    "My camera shows a black picture since this morning, the light on it is green though",
    "you charged my card two times for order 48213!!",
    "Where is my parcel? Order 51877 should have been here on Monday",
    "cant log in anymore, the reset mail never arrives",
    "The lock I got is broken, I would like to exchange it",
    "how do i cancel the monthly plan",
    "Will the thermostat work with underfloor heating?",
    "Can you recommend a good recipe for lentil soup?",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let desk = Desk { router: intent::learn()?, model, articles: Articles::default() };
    let mut out = String::from("Incoming tickets\n\n");
    for text in INCOMING {
        let ticket = Ticket { text: text.to_owned() };
        let reply = answer(&desk, &ticket).await?;
        let review = if reply.needs_review { ", to be reviewed" } else { "" };
        let route = format!("{:?}", reply.intent);
        writeln!(out, "> {text}")?;
        writeln!(out, "  {route} ({:.2}, by {}{review})", reply.confidence, reply.decided_by)?;
        writeln!(out, "  {}\n", reply.text)?;
    }
    writeln!(out, "The workflow\n\n{}", answer::PLAN.mermaid())?;
    let report = suite::support().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on tickets it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
