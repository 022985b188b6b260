//! The smallest workflow: two steps at the same time, then one that needs both.

use orch_core::{Result, workflow};

async fn words(text: &str) -> Result<usize> {
    Ok(text.split_whitespace().count())
}

async fn lines(text: &str) -> Result<usize> {
    Ok(text.lines().count())
}

async fn describe(words: usize, lines: usize) -> Result<String> {
    Ok(format!("{words} words on {lines} lines"))
}

workflow!(
    /// Describes a text.
    async fn summary(text: &str) -> Result<String> {
        let words = words(text).await?;
        let lines = lines(text).await?;
        let summary = describe(words, lines).await?;
        Ok(summary)
    }
);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let summary = summary("to be or not to be\nthat is the question").await?;
    #[allow(clippy::print_stdout, reason = "this is what the program is for")]
    {
        println!("{summary}\n\n{}", summary::PLAN.mermaid());
    }
    Ok(())
}
