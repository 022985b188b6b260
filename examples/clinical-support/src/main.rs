//! Learns a router from the example's referrals, refers one as it comes in and then a batch, with a person on call,
//! draws the workflows, and says how good the router and the answers are. `--live` asks a model; without it, recorded answers are
//! used.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use clinical_support::on_call::{OnCall, Question, Ruling};
use clinical_support::{Note, Referral, refer, refer_all, specialty, suite};
use orch_core::agent::escalation::{Inbox, desk};
use orch_core::{Error, Result};

/// A referral that came in now; it is not among those the router learned from.
const NOW: (&str, &str) = ("P-101", "Dizzy since Tuesday and sees double, G45.9 suspected. Soon, please.");

/// Those of this morning.
const MORNING: [(&str, &str); 5] = [
    ("P-102", "Blood in the stool twice, weight stable, 61. Colonoscopy please."),
    ("P-103", "Wheezes at night since the cat moved in, J45.0, spray helps a little."),
    ("P-104", "Pressure behind the breastbone on stairs, gone after a minute of rest."),
    ("P-105", "Murmur over the aorta, I35.0, for a first look."),
    ("P-106", "Needs a form for the sports club signed."),
];

fn referral((patient, text): (&str, &str)) -> Referral {
    Referral { patient: patient.to_owned(), text: text.to_owned() }
}

/// The person on call, for this program: looks at the reasons and says no to what would bleed.
async fn person(mut inbox: Inbox<Question, Ruling>) {
    while let Some(asked) = inbox.next().await {
        let bleeds = asked.question.reasons.iter().any(|reason| reason.contains("bleed"));
        let ruling = if bleeds { Ruling::Stop { why: "call me first".to_owned() } } else { Ruling::Send };
        asked.answer(ruling);
    }
}

fn write(out: &mut String, referral: &Referral, note: &Result<Note>) -> Result<()> {
    writeln!(out, "> {}: {}", referral.patient, referral.text)?;
    match note {
        Ok(note) => {
            let specialty = format!("{:?}", note.specialty);
            writeln!(out, "  {specialty} ({:.2}, by {})", note.confidence, note.decided_by)?;
            for contraindication in &note.background.contraindications {
                writeln!(out, "  {contraindication}")?;
            }
            writeln!(out, "  {}", note.text)?;
            writeln!(out, "  {:?}, {:?}\n", note.validation, note.release)?;
        }
        Err(error) => writeln!(out, "  not referred: {error}\n")?,
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let router = specialty::learn()?;
    let (desk, inbox) = desk(8);
    let person = tokio::spawn(person(inbox));
    let on_call = OnCall { desk, limit: Duration::from_mins(5) };

    let mut out = String::from("An example, and no medical device: all patients are invented.\n\nNow\n\n");
    let now = referral(NOW);
    let note = refer(&router, &model, &on_call, &now).await;
    write(&mut out, &now, &note)?;

    writeln!(out, "This morning, four at the same time\n")?;
    let morning: Vec<Referral> = MORNING.map(referral).into();
    let notes = refer_all(&router, &model, &on_call, &morning).await?;
    for (referral, note) in morning.iter().zip(&notes) {
        write(&mut out, referral, note)?;
    }
    // Nobody can ask any more, so the person goes home.
    drop(on_call);
    person.await?;

    writeln!(out, "The workflow for one\n\n{}", refer::PLAN.mermaid())?;
    writeln!(out, "The workflow for many\n\n{}", refer_all::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on referrals it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
