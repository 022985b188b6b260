//! What is known, in two sentences, and what they leave out.

use orch_core::model::ChatModel;
use orch_core::router::Label as _;
use orch_core::{Result, prompt};

use crate::referral::Referral;
use crate::specialty::Specialty;
use crate::tables::Background;

/// Tokens of a note, at most.
const MAX_TOKENS: u32 = 80;

/// Has a model write the note, and adds what it left out: a model forgets, and a warning must not be.
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
    Ok(completed(reply.text.trim(), background))
}

/// The note, and word for word what is known and does not stand in it.
fn completed(note: &str, background: &Background) -> String {
    let Background { history, labs, contraindications } = background;
    let warnings = contraindications.iter().map(ToString::to_string);
    let known = warnings.chain(history.iter().chain(labs).cloned());
    let said = note.to_lowercase();
    let left_out: Vec<String> = known.filter(|line| !said.contains(&line.to_lowercase())).collect();
    if left_out.is_empty() { note.to_owned() } else { format!("{note}\nAlso: {}.", left_out.join("; ")) }
}

fn listed(lines: &[String]) -> String {
    if lines.is_empty() { "none".to_owned() } else { lines.join("; ") }
}
