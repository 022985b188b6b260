//! Learns a router from the example's questions, answers some new ones in one conversation, draws the workflows, and
//! says how good the router and the answers are. `--live` asks a model; without it, recorded answers are used.

use std::fmt::Write as _;
use std::io::Write as _;

use orch_core::memory::{InMemory, Memory};
use orch_core::{Error, Result};
use research_assistant::{Library, Question, effort, investigate, research, suite};

/// Questions of a conversation; none of them is among those the router learned from.
const ASKED: [&str; 6] = [
    "In which year was the stone bridge over the Alder built?",
    "How many arches does it have?",
    "Heat pump or pellet boiler: compare what they cost to install and to run",
    "Why do colonies of bees die in spring, and what could a keeper do about it?",
    "What is the difference between night trains and flights?",
    "Good evening, how are you?",
];

const CONVERSATION: &str = "today";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let (router, library) = (effort::learn()?, Library::open().await?);
    let memory = Memory::new(InMemory::new());
    let mut out = String::from("A conversation\n\n");
    for text in ASKED {
        let question = Question { conversation: CONVERSATION.to_owned(), text: text.to_owned() };
        writeln!(out, "> {text}")?;
        match research(&router, &model, &library, &memory, &question).await {
            Ok(answer) => {
                let effort = format!("{:?}", answer.effort);
                writeln!(out, "  {effort} ({:.2}, by {})", answer.confidence, answer.decided_by)?;
                writeln!(out, "  {}", answer.found.text.replace('\n', "\n  "))?;
                if !answer.found.sources.is_empty() {
                    writeln!(out, "  from: {}", answer.found.sources.join(", "))?;
                }
                writeln!(out)?;
            }
            Err(error) => writeln!(out, "  no answer: {error}\n")?,
        }
    }
    let kept = memory.recall(CONVERSATION, usize::MAX).await?;
    writeln!(out, "The conversation has {} messages\n", kept.len())?;
    writeln!(out, "The workflow\n\n{}", research::PLAN.mermaid())?;
    writeln!(out, "The one inside it, for what needs a plan\n\n{}", investigate::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on questions it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
