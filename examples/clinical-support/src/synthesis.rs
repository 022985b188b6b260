//! What is known, in two sentences.

use orch_core::model::ChatModel;
use orch_core::router::Label as _;
use orch_core::{Result, prompt};

use crate::referral::Referral;
use crate::specialty::Specialty;
use crate::tables::Background;

/// Tokens of a note, at most.
const MAX_TOKENS: u32 = 80;

/// Has a model write the note.
///
/// # Errors
///
/// When the model fails.
pub async fn synthesis<M: ChatModel>(
    model: &M,
    specialty: Specialty,
    referral: &Referral,
    background: &Background,
) -> Result<String> {
    let (label, text) = (specialty.label(), &referral.text);
    let (history, labs) = (listed(&background.history), listed(&background.labs));
    let warnings: Vec<String> = background.contraindications.iter().map(ToString::to_string).collect();
    let warnings = listed(&warnings);
    let request = prompt!(
        system = "Write a note to a specialist in two short sentences, with the words that are given.",
        user = "To: {label}\nReferral: {text}\nHistory: {history}\nLabs: {labs}\nWarnings: {warnings}",
    );
    let reply = model.chat(&request.max_tokens(MAX_TOKENS).temperature(0.0)).await?;
    Ok(reply.text.trim().to_owned())
}

fn listed(lines: &[String]) -> String {
    if lines.is_empty() { "none".to_owned() } else { lines.join("; ") }
}
