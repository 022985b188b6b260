//! Learns a router from the example's passages, reads some new documents from four sides within one budget, draws the
//! workflow, and says how good the router and the answers are. `--live` asks a model; without it, recorded answers are used.

use std::fmt::Write as _;
use std::io::Write as _;

use business_document::{Document, Report, concern, review, suite};
use orch_core::{Budget, Error, Limits, Result};

/// Documents of this week; none of their paragraphs is among those the router learned from.
const INCOMING: [(&str, &str); 3] = [
    (
        "Bakery, third quarter",
        "Turnover rose by 6 percent and the margin fell by 2, as flour and power cost more.\n\n\
         The oven in hall 2 stood still for nine days. A spare motor is now kept in stock.\n\n\
         The loan of 80,000 falls due in May, and the bank wants to see the budget first.",
    ),
    (
        "Plan for a second shop",
        "Two rivals have opened in the old town since spring, both cheaper than us.\n\n\
         The landlord's contract has a clause that forbids hot food. Our lawyer thinks it is void.\n\n\
         Customers over 60 buy twice as much as the others, and nobody advertises to them.",
    ),
    ("Greetings", "The choir of the staff sings on Friday at noon in the canteen. Everybody is welcome."),
];

fn write(out: &mut String, report: &Report) -> Result<()> {
    match report.lead {
        Some(lead) => writeln!(out, "  mostly {lead:?}")?,
        None => writeln!(out, "  about nothing that has to be looked at")?,
    }
    for (number, (concern, confidence)) in report.paragraphs.iter().enumerate() {
        writeln!(out, "  paragraph {}: {concern:?} ({confidence:.2})", number + 1)?;
    }
    for side in &report.sides {
        match &side.saw {
            Ok(finding) => writeln!(out, "  {:?} [{}/10] {}", side.concern, finding.weight, finding.point)?,
            Err(why) => writeln!(out, "  {:?} saw nothing: {why}", side.concern)?,
        }
    }
    writeln!(out)?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let router = concern::learn()?;
    let budget = Budget::new(Limits::new().calls(40).tokens(80_000));
    let mut out = String::from("Incoming documents\n\n");
    for (title, text) in INCOMING {
        let document = Document::new(title, text);
        // What a document spends, the whole spends; no document has more than its part.
        let part = budget.part(Limits::new().calls(8));
        writeln!(out, "> {title}")?;
        match review(&router, &model, &part, &document).await {
            Ok(report) => write(&mut out, &report)?,
            Err(error) => writeln!(out, "  not read: {error}\n")?,
        }
    }
    let spent = budget.spent();
    writeln!(out, "Spent: {} calls, {} tokens\n", spent.calls(), spent.tokens())?;
    writeln!(out, "The workflow\n\n{}", review::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on passages it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
