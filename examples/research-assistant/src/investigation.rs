//! An investigation: gather by a plan, write, have it criticised, write again.

use orch_core::agent::{Improve, Review};
use orch_core::guard::{Checked, Grounded, Guard as _};
use orch_core::model::ChatModel;
use orch_core::structured::structured;
use orch_core::{Result, prompt, workflow};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Found;
use crate::library::Library;
use crate::steps::{Findings, gather};

/// Drafts, at most.
const ROUNDS: u32 = 2;
/// Tokens of a draft, and of what the critic says.
const MAX_TOKENS: u32 = 80;

workflow!(
    /// Investigates a question.
    pub async fn investigate<M: ChatModel>(model: &M, library: &Library, question: &str) -> Result<Found> {
        let findings = gather(model, library, question).await?;
        let found = write_up(model, question, &findings).await?;
        Ok(found)
    }
);

/// What the critic says of a draft.
#[derive(Debug, Deserialize, JsonSchema)]
struct Critique {
    /// Whether the draft answers the question.
    good: bool,
    /// What to do better, in a few words; empty when it is good.
    remark: String,
}

/// Writes until the critic is content, twice at most.
async fn write_up<M: ChatModel>(model: &M, question: &str, findings: &Findings) -> Result<Found> {
    let improved = Improve::rounds(ROUNDS)
        .run(
            async |before: Option<(String, String)>| write(model, question, findings, before).await,
            async |draft: String| criticise(model, question, findings, &draft).await,
        )
        .await?;
    let note = if improved.accepted { "" } else { " (the critic was not content)" };
    Ok(Found { text: format!("{}{note}", improved.draft), sources: findings.sources.clone() })
}

/// Writes a draft, or writes it again with a remark in mind.
async fn write<M: ChatModel>(
    model: &M,
    question: &str,
    findings: &Findings,
    before: Option<(String, String)>,
) -> Result<String> {
    let known = findings.texts.join("\n");
    let mut request = prompt!(
        system = "Answer in two short sentences from what is known.\nKnown:\n{known}",
        user = "{question}",
    );
    if let Some((draft, remark)) = before {
        let again = prompt!(assistant = "{draft}", user = "Do it better: {remark}");
        request.messages.extend(again.messages);
    }
    let reply = model.chat(&request.max_tokens(MAX_TOKENS).temperature(0.0)).await?;
    Ok(reply.text.trim().to_owned())
}

/// Looks at a draft: a guard first, which costs nothing, then a model.
async fn criticise<M: ChatModel>(
    model: &M,
    question: &str,
    findings: &Findings,
    draft: &str,
) -> Result<Review> {
    if let Checked::Refused { reason } = Grounded::in_sources(&findings.texts).check(draft).await? {
        return Ok(Review::Revise(reason));
    }
    let request = prompt!(
        system = "You are a critic. Does the answer answer the question?",
        user = "Question: {question}\nAnswer: {draft}",
    );
    let request = request.max_tokens(MAX_TOKENS).temperature(0.0);
    let Critique { good, remark } = structured::<Critique>(model, request).await?.value;
    Ok(if good || remark.trim().is_empty() { Review::Accept } else { Review::Revise(remark) })
}
