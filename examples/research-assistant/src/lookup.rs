//! One look: a search, and an answer with citations.

use orch_core::Result;
use orch_core::model::{ChatModel, Message};
use orch_core::retrieve::{Retrieved, cited, grounded_prompt};

use crate::answer::Found;
use crate::library::Library;

/// Passages that are put before the model, at most.
const PASSAGES: usize = 2;
/// Tokens of the answer, at most.
const MAX_TOKENS: u32 = 60;

/// Answers from the library and from nothing else. What was said before stands between the sources and the question.
///
/// # Errors
///
/// When the search or the model fails.
pub async fn lookup<M: ChatModel>(
    model: &M,
    library: &Library,
    before: &[Message],
    question: &str,
) -> Result<Found> {
    let Retrieved::Found(hits) = library.search(question, PASSAGES).await? else {
        return Ok(Found::nothing("The library has nothing about that."));
    };
    let mut request = grounded_prompt(question, &hits).max_tokens(MAX_TOKENS).temperature(0.0);
    request.messages.splice(1..1, before.iter().cloned());
    let reply = model.chat(&request).await?;
    let cited = cited(&reply.text, &hits);
    let sources = cited.sources.iter().map(|hit| hit.passage.document.clone()).collect();
    // A source that is not there is no source: the reader is told.
    let note = if cited.is_sound() { "" } else { " (without a sound citation)" };
    Ok(Found { text: format!("{}{note}", reply.text.trim()), sources })
}
