//! What one side of the business sees in a document.

use orch_core::model::ChatModel;
use orch_core::structured::structured;
use orch_core::{Result, prompt};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::concern::Concern;

/// Tokens of a finding, at most.
const MAX_TOKENS: u32 = 80;
/// The largest weight.
const MOST: u8 = 10;

/// What one side sees.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Finding {
    /// The point that matters most, in one short sentence.
    pub point: String,
    /// How much it matters, from 0 (not at all) to 10 (it decides all).
    pub weight: u8,
}

/// Has a model read a document from one side.
///
/// # Errors
///
/// When the model fails, the budget has not enough left, or what comes is twice no [`Finding`].
pub async fn finding<M: ChatModel>(model: &M, concern: Concern, text: &str) -> Result<Finding> {
    let task = task(concern);
    let request = prompt!(system = "You read a business document.", user = "{text}\n\n{task}");
    let request = request.max_tokens(MAX_TOKENS).temperature(0.0);
    let Finding { point, weight } = structured::<Finding>(model, request).await?.value;
    Ok(Finding { point, weight: weight.min(MOST) })
}

/// What the model is told to look at.
fn task(concern: Concern) -> &'static str {
    match concern {
        Concern::Financial => "Look only at the money: earnings, costs, debts.",
        Concern::Legal => "Look only at the law: contracts, permits, claims.",
        Concern::Market => "Look only at the market: customers, rivals, demand.",
        Concern::Operations => "Look only at operations: people, machines, stock.",
        Concern::Other => "Look at what matters most.",
    }
}
