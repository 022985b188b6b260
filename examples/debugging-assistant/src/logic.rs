//! What runs and is wrong: past cases that were alike, and a model that reasons from them.

use orch_core::model::ChatModel;
use orch_core::retrieve::{Hit, Retrieved, cited, grounded_prompt};
use orch_core::{Result, route, workflow};

use crate::advice::Advice;
use crate::cases::Cases;

/// Cases that are put before the model, at most.
const CASES: usize = 2;
/// Tokens of its answer, at most.
const MAX_TOKENS: u32 = 80;

workflow!(
    /// Answers from past cases. That there is none is an outcome, and asks nobody.
    pub async fn recall<M: ChatModel>(model: &M, cases: &Cases, question: &str) -> Result<Advice> {
        let found = cases.search(question, CASES).await?;
        let advice = route!(match found {
            Retrieved::Found(hits) => reason(model, question, hits),
            Retrieved::Nothing => nothing_alike(),
        })
        .await?;
        Ok(advice)
    }
);

/// Has a model answer from cases and nothing else.
async fn reason<M: ChatModel>(model: &M, question: &str, hits: &[Hit]) -> Result<Advice> {
    let request = grounded_prompt(question, hits).max_tokens(MAX_TOKENS).temperature(0.0);
    let reply = model.chat(&request).await?;
    let sources = cited(&reply.text, hits).sources.iter().map(|hit| hit.passage.document.clone()).collect();
    Ok(Advice { text: reply.text.trim().to_owned(), sources })
}

async fn nothing_alike() -> Result<Advice> {
    Ok(Advice::new("No past case is like this. Say what you expected, what came, and for which input."))
}
