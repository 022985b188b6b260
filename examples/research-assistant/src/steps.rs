//! The steps of an investigation: what a plan may be made of, and what each does.

use orch_core::Result;
use orch_core::agent::{PlanExecute, StepRun};
use orch_core::model::ChatModel;
use orch_core::retrieve::Retrieved;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::library::{Library, names, names_of};

/// Steps that may be done in all.
const MAX_STEPS: usize = 4;
/// Tokens of a plan, at most.
const MAX_TOKENS: u32 = 80;

/// What the planner is told.
const TASK: &str = "You plan research in a library. Read one or two of its documents by their names, or \
                    search for others. When you know enough, answer in a sentence. The documents:";

/// A step of an investigation. The planner can write no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Looks for documents.
    Search {
        /// A few words.
        query: String,
    },
    /// Reads a document that was found.
    Read {
        /// Its name.
        document: String,
    },
    /// Keeps a thought for the answer.
    Note {
        /// The thought.
        text: String,
    },
}

/// What an investigation has gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was read and noted, in order.
    pub texts: Vec<String>,
    /// The documents that were read.
    pub sources: Vec<String>,
}

/// Has a model plan, and does what it plans. A plan that comes to no answer still leaves what was gathered.
///
/// # Errors
///
/// When nothing was gathered.
pub async fn gather<M: ChatModel>(model: &M, library: &Library, question: &str) -> Result<Findings> {
    let planner = PlanExecute::<_, Step>::new(model)
        .system(format!("{TASK} {}.", names().join(", ")))
        .max_steps(MAX_STEPS)
        .max_revisions(1)
        .max_tokens(MAX_TOKENS);
    let run = planner.run(question, async |step: Step, _| carry_out(library, &step).await);
    let mut findings = Findings::default();
    match run.await {
        Ok(run) => {
            for StepRun { step, result } in run.done {
                findings.keep(&step, result.ok());
            }
            findings.texts.push(run.answer);
        }
        Err(error) => {
            for (step, result) in &error.done {
                findings.keep(&serde_json::from_str(step)?, result.clone().ok());
            }
            if findings.texts.is_empty() {
                return Err(error.into());
            }
        }
    }
    Ok(findings)
}

impl Findings {
    /// Keeps what a step gave. What a search gave is names, and no finding.
    fn keep(&mut self, step: &Step, gave: Option<String>) {
        let Some(text) = gave else { return };
        match step {
            Step::Search { .. } => {}
            Step::Read { document } => {
                self.sources.push(document.clone());
                self.texts.push(text);
            }
            Step::Note { .. } => self.texts.push(text),
        }
    }
}

/// Does a step. One that fails is no failure of the plan: the planner is told.
async fn carry_out(library: &Library, step: &Step) -> Result<String> {
    match step {
        Step::Search { query } => Ok(match library.search(query, 3).await? {
            Retrieved::Found(hits) => format!("documents: {}", names_of(&hits).join(", ")),
            Retrieved::Nothing => "no document".to_owned(),
        }),
        Step::Read { document } => Ok(library.read(document)?.to_owned()),
        Step::Note { text } => Ok(text.clone()),
    }
}
