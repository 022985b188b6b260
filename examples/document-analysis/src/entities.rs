//! Who and what a document names.

use orch_core::model::ChatModel;
use orch_core::structured::structured;
use orch_core::{Result, prompt};
use schemars::JsonSchema;
use serde::Deserialize;

/// Tokens of the list, at most.
const MAX_TOKENS: u32 = 80;

/// Who and what a document names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Entities {
    /// People and firms, two at most.
    pub names: Vec<String>,
    /// Dates as they are written, two at most.
    pub dates: Vec<String>,
    /// Sums of money as they are written, two at most.
    pub amounts: Vec<String>,
}

impl Entities {
    /// All of them in a line; `nothing` where there are none.
    #[must_use]
    pub fn listed(&self) -> String {
        let all: Vec<&str> =
            self.names.iter().chain(&self.dates).chain(&self.amounts).map(String::as_str).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }
}

/// Has a model list what a document names.
///
/// # Errors
///
/// When the model fails, or twice writes what is no such list.
pub async fn entities<M: ChatModel>(model: &M, text: &str) -> Result<Entities> {
    let request = prompt!(
        system = "List what the document names. Leave a list empty where it names none.",
        user = "{text}",
    );
    let request = request.max_tokens(MAX_TOKENS).temperature(0.0);
    Ok(structured::<Entities>(model, request).await?.value)
}
