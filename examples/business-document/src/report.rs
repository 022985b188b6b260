//! What all sides come to.

use std::cmp::Reverse;

use orch_core::router::Decision;
use orch_core::{Result, vote};

use crate::concern::Concern;
use crate::document::Document;
use crate::finding::Finding;

/// What four sides saw in a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The document's title.
    pub title: String,
    /// The side that most paragraphs concern; `None` where they concern none.
    pub lead: Option<Concern>,
    /// For each paragraph the side it concerns most, and how sure the router is of it.
    pub paragraphs: Vec<(Concern, f64)>,
    /// The four sides, that with the most paragraphs first.
    pub sides: Vec<Side>,
}

/// What one side saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The side.
    pub concern: Concern,
    /// How many paragraphs concern it most.
    pub paragraphs: usize,
    /// What it saw, or why it saw nothing.
    pub saw: Result<Finding, String>,
}

/// Puts the sides together.
///
/// # Errors
///
/// None today: a side that failed is part of the report.
pub async fn report(
    document: &Document,
    concerns: &[Decision<Concern>],
    sides: [(Concern, Result<Finding>); 4],
) -> Result<Report> {
    let about = concerns.iter().map(|decision| decision.route).filter(|concern| *concern != Concern::Other);
    let lead = vote::majority(about).map(|vote| vote.winner);
    let mut sides: Vec<Side> = sides
        .into_iter()
        .map(|(concern, saw)| Side {
            concern,
            paragraphs: concerns.iter().filter(|decision| decision.route == concern).count(),
            saw: saw.map_err(|error| error.to_string()),
        })
        .collect();
    sides.sort_by_key(|side| Reverse(side.paragraphs));
    let paragraphs = concerns.iter().map(|decision| (decision.route, decision.confidence)).collect();
    Ok(Report { title: document.title.clone(), lead, paragraphs, sides })
}
