//! Learns a router from the example's uploads, sends some new ones through the chain of events, draws the workflow, and
//! says how good the router and the answers are.

use std::fmt::Write as _;
use std::io::Write as _;

use event_chain::{Archive, Step, Upload, paper, suite, take_in};
use orch_core::event::Event as _;
use orch_core::{Error, Result};

/// Uploads of today; none of them is among those the router learned from.
const INCOMING: [(&str, &str); 7] = [
    ("scan-1", "Gas, last quarter: 214 kWh used, 61.30 to be paid by 15 March."),
    ("scan-2", "Tenancy of the cellar room from 1 April, 45 euros a month,\nnotice of four weeks."),
    ("scan-3", "   \n "),
    ("scan-4", "Your policy for the bicycle: insured up to 900 euros against theft, premium 4.80 a month."),
    ("scan-5", "Blood test of 12.02.2024: iron low, everything else normal. Please come again in June."),
    ("scan-6", "Dear parents, class 4b goes to the zoo on 9 May. Please give your child 6.50 and a hat."),
    ("scan-7", "Two cups of flour, one of sugar, four eggs; bake until golden."),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let archive = Archive::new(paper::learn()?);
    let uploads = INCOMING.map(|(name, file)| Upload { name: name.to_owned(), file: file.to_owned() });
    let intake = take_in(&archive, uploads.into()).await?;

    let mut out = String::from("Who handles what\n\n");
    for (event, handlers) in Step::HANDLERS {
        writeln!(out, "  {event}: {}", handlers.join(", "))?;
    }
    writeln!(out, "\nStored\n")?;
    for file in archive.stored() {
        writeln!(out, "  {}: {}", file.name, file.summary)?;
    }
    let drained = intake.drained;
    writeln!(out, "\n{} uploads, {} events", intake.sent, drained.events)?;
    writeln!(out, "{} handlers did what they should, {} failed", drained.completed, drained.failed)?;
    for failure in &intake.failures {
        writeln!(out, "  {} of {} ({}): {}", failure.handler, failure.event, failure.file, failure.why)?;
    }
    writeln!(out, "\nThe workflow\n\n{}", take_in::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on uploads it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
