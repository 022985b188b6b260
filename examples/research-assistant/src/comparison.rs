//! Side by side: a table.

use std::fmt::Write as _;

use orch_core::model::ChatModel;
use orch_core::structured::structured;
use orch_core::{Result, prompt};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Found;
use crate::library::{Library, names_of};

/// Passages that are put before the model, at most.
const PASSAGES: usize = 2;
/// Tokens of the table, at most.
const MAX_TOKENS: u32 = 80;

/// Two things side by side. The lengths are in the schema: a model that is held to it cannot copy whole sentences.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The name of one thing.
    #[schemars(length(max = 24))]
    pub left: String,
    /// The name of the other thing.
    #[schemars(length(max = 24))]
    pub right: String,
    /// What they differ in.
    #[schemars(length(max = 2))]
    pub rows: Vec<Row>,
}

/// An aspect, the left thing in it, and the right thing in it. As a list it takes fewer tokens than with names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Row(
    #[schemars(length(max = 24))] pub String,
    #[schemars(length(max = 24))] pub String,
    #[schemars(length(max = 24))] pub String,
);

impl Comparison {
    /// The table in lines.
    ///
    /// # Errors
    ///
    /// None: writing to a text does not fail.
    pub fn table(&self) -> Result<String> {
        let mut table = String::new();
        write!(table, "{:<24} | {:<24} | {}", "", self.left, self.right)?;
        for Row(aspect, left, right) in &self.rows {
            write!(table, "\n{aspect:<24} | {left:<24} | {right}")?;
        }
        Ok(table)
    }
}

/// Has a model fill a table from the library.
///
/// # Errors
///
/// When the search or the model fails, or what comes is twice no [`Comparison`].
pub async fn comparison<M: ChatModel>(model: &M, library: &Library, question: &str) -> Result<Found> {
    let found = library.search(question, PASSAGES).await?;
    let hits = found.hits();
    if hits.is_empty() {
        return Ok(Found::nothing("The library has nothing to compare there."));
    }
    let sources: Vec<&str> = hits.iter().map(|hit| hit.passage.text.as_str()).collect();
    let sources = sources.join("\n");
    let request = prompt!(
        system = "Compare by the sources only, in words as few as can be.\n{sources}",
        user = "{question}",
    );
    let request = request.max_tokens(MAX_TOKENS).temperature(0.0);
    let compared = structured::<Comparison>(model, request).await?.value;
    Ok(Found { text: compared.table()?, sources: names_of(hits) })
}
