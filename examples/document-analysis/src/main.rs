//! Learns a router from the example's documents, analyses some new ones, draws the workflow, and says how good the
//! router and the answers are. `--live` asks a model; without it, recorded answers are used.

use std::fmt::Write as _;
use std::io::Write as _;

use document_analysis::{Analysis, Document, Verdict, analyse, kind, suite};
use orch_core::{Error, Result};

/// Documents that came in today; none of them is among those the router learned from.
const INCOMING: [(&str, &str); 6] = [
    (
        "scan 1",
        "Invoice no. 2093\nLindqvist Joinery\n\n2 oak shelves at 140.00, delivery 25.00.\n\
         Total 305.00, due on 14 March.\nPage 1",
    ),
    (
        "scan 2",
        "The owner lets the boat house to the rowing club from 1 May to 30 September.\n\
         The rent is 220 a month. Either party may give notice of six weeks.",
    ),
    (
        "scan 3",
        "Inspection of the footbridge on 6 June. Two of the 48 planks are rotten, the railing is sound.\n\
         We recom-\nmend new planks before winter.",
    ),
    (
        "scan 4",
        "Dear Mr Okafor, thank you for your patience. The new key for the mail box is at the front desk\n\
         and costs you nothing. With kind regards, Petra Wolf",
    ),
    (
        "scan 5",
        "Board meeting of 9 April. Present: Ines, Tom, Ada. The budget of 4,000 for the summer party was\n\
         approved. Tom books the band. The meeting closed at 18.40.",
    ),
    ("scan 6", "\n\nPage 1\n"),
];

fn write(out: &mut String, analysis: &Analysis) -> Result<()> {
    let kind = format!("{:?}", analysis.kind);
    writeln!(out, "  {kind} ({:.2}, by {})", analysis.confidence, analysis.decided_by)?;
    writeln!(out, "  names {}", analysis.entities.listed())?;
    writeln!(out, "  {}", analysis.summary)?;
    match &analysis.verdict {
        Verdict::Sound => writeln!(out, "  the summary stands on the document\n")?,
        Verdict::Unsound { guard, reason } => {
            writeln!(out, "  not to be used: {guard}: {reason}\n  in its place: {}\n", analysis.shown())?;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let router = kind::learn()?;
    let mut out = String::from("Incoming documents\n\n");
    for (name, text) in INCOMING {
        let document = Document { name: name.to_owned(), text: text.to_owned() };
        writeln!(out, "> {name}")?;
        match analyse(&router, &model, &document).await {
            Ok(analysis) => write(&mut out, &analysis)?,
            Err(error) => writeln!(out, "  not analysed: {error}\n")?,
        }
    }
    writeln!(out, "The workflow\n\n{}", analyse::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on documents it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
