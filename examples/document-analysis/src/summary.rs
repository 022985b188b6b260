//! A document in a sentence.

use orch_core::model::ChatModel;
use orch_core::router::Label as _;
use orch_core::{Result, prompt};

use crate::entities::Entities;
use crate::kind::Kind;

/// Tokens of a summary, at most.
const MAX_TOKENS: u32 = 60;

/// Bytes of a document's beginning, at most.
const OPENING: usize = 200;

/// Has a model say in a sentence what a document says.
///
/// # Errors
///
/// When the model fails.
pub async fn summary<M: ChatModel>(model: &M, kind: Kind, entities: &Entities, text: &str) -> Result<String> {
    let (label, named) = (kind.label(), entities.listed());
    let request = prompt!(
        system = "Summarise the document in one short sentence. Use its own words and numbers.",
        user = "Kind: {label}\nIt names: {named}\n\n{text}",
    );
    let reply = model.chat(&request.max_tokens(MAX_TOKENS).temperature(0.0)).await?;
    Ok(reply.text.trim().to_owned())
}

/// How a text begins, up to the last whole word that fits.
#[must_use]
pub fn opening(text: &str) -> String {
    if text.len() <= OPENING {
        return text.to_owned();
    }
    let part = &text[..text.floor_char_boundary(OPENING)];
    format!("{} ..", part.rsplit_once(' ').map_or(part, |(words, _)| words))
}
