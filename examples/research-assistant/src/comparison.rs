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

/// Two things side by side.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The first thing, in a word or two.
    pub first: String,
    /// The second thing, in a word or two.
    pub second: String,
    /// Two rows at most.
    pub rows: Vec<Row>,
}

/// One aspect of both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Row {
    /// The aspect, in a word.
    pub aspect: String,
    /// The first thing in this, in a word or two.
    pub first: String,
    /// The second thing in this, in a word or two.
    pub second: String,
}

impl Comparison {
    /// The table in lines.
    ///
    /// # Errors
    ///
    /// None: writing to a text does not fail.
    pub fn table(&self) -> Result<String> {
        let mut table = String::new();
        write!(table, "{:<16} | {:<20} | {:<20}", "", self.first, self.second)?;
        for Row { aspect, first, second } in &self.rows {
            write!(table, "\n{aspect:<16} | {first:<20} | {second:<20}")?;
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
