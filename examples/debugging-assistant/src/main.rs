//! Learns a router from the example's messages, helps with some new ones, draws the workflow, and says how good the
//! router and the answers are. `--live` asks a model; without it, recorded answers are used.

use std::fmt::Write as _;
use std::io::Write as _;

use debugging_assistant::{assist, cases, fault, recall, suite};
use orch_core::{Error, Result};

/// Messages that came in today; none of them is among those the router learned from.
const INCOMING: [&str; 7] = [
    "error: expected `}`, found end of file\n --> src/cart.rs:41:9\nfn total(items: &[Item]) { items.iter()",
    "SyntaxError: invalid syntax on line 7: print(sum(prices)",
    "Traceback (most recent call last): KeyError: 'customer_id' when I read the config",
    "java.lang.NullPointerException at OrderService.save(OrderService.java:88), only for guests",
    "The average of 3 and 4 comes out as 3, both numbers are int, and nothing complains.",
    "Sorting my list gives 1, 10, 2 instead of 1, 2, 10",
    "Which editor do you like best?",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let model =
        stand_ins::model(env!("CARGO_MANIFEST_DIR"), std::env::args().any(|argument| argument == "--live"))?;
    let (router, cases) = (fault::learn()?, cases::cases().await?);
    let mut out = String::from("Incoming messages\n\n");
    for text in INCOMING {
        writeln!(out, "> {}", text.replace('\n', "\n> "))?;
        match assist(&router, &model, &cases, text).await {
            Ok(answer) => {
                let fault = format!("{:?}", answer.fault);
                writeln!(out, "  {fault} ({:.2}, by {})", answer.confidence, answer.decided_by)?;
                writeln!(out, "  {}", answer.advice.text)?;
                if !answer.advice.sources.is_empty() {
                    writeln!(out, "  from: {}", answer.advice.sources.join(", "))?;
                }
                writeln!(out)?;
            }
            Err(error) => writeln!(out, "  no advice: {error}\n")?,
        }
    }
    writeln!(out, "The workflow\n\n{}", assist::PLAN.mermaid())?;
    writeln!(out, "The one inside it, for what runs and is wrong\n\n{}", recall::PLAN.mermaid())?;
    let report = suite::routing().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The router on messages it has not seen\n\n{}", report.terminal())?;
    let report = suite::answers().run().map_err(|error| Error::message(error.to_string()))?;
    writeln!(out, "The answers, beside those of the model alone\n\n{}", report.terminal())?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}
