//! The whole plan first, then its steps.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};
use crate::model::{ChatModel, ChatRequest, Message, Usage};
use crate::structured::{NoValue, structured};
use crate::tool::shortened;

/// Bytes of what a step gave that the planner is told.
const MAX_REPORTED: usize = 16 << 10;

/// A planner that writes all steps of a task before the first is done, and revises them by what came of those that were.
///
/// What a step is, is a type of yours; the planner can only write such. A task that needs no steps is answered at once.
///
/// ```
/// use orch_core::agent::PlanExecute;
/// use orch_core::model::ScriptedModel;
///
/// #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(rename_all = "snake_case")]
/// enum Step {
///     Search { query: String },
///     Read { page: u32 },
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let planner = ScriptedModel::new("test")
///     .says(r#"{"answer": null, "steps": [{"search": {"query": "hubs"}}, {"read": {"page": 2}}]}"#)
///     .says(r#"{"answer": "A hub connects.", "steps": []}"#);
/// let run = PlanExecute::<_, Step>::new(planner)
///     .run("What is a hub?", async |step: Step, _| match step {
///         Step::Search { query } => Ok(format!("3 pages about {query}")),
///         Step::Read { page } => Ok(format!("page {page}: a hub connects")),
///     })
///     .await?;
/// assert_eq!((run.answer.as_str(), run.done.len(), run.revisions), ("A hub connects.", 2, 0));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct PlanExecute<P, S> {
    planner: P,
    system: String,
    max_steps: usize,
    max_revisions: u32,
    max_tokens: u32,
    step: PhantomData<fn() -> S>,
}

/// What the planner writes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Planned<S> {
    /// The answer, when the task needs no steps, or none any more; otherwise null.
    pub answer: Option<String>,
    /// The steps that are still to be done, in order; empty when there is an answer.
    pub steps: Vec<S>,
}

/// A step that was done, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRun<S> {
    /// The step.
    pub step: S,
    /// What it gave, or why it failed.
    pub result: Result<String, String>,
}

/// How a task was done.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRun<S> {
    /// The answer.
    pub answer: String,
    /// The steps that were done, in order, those that failed too; none when the task needed none.
    pub done: Vec<StepRun<S>>,
    /// How often the plan was changed.
    pub revisions: u32,
    /// What the planner used.
    pub usage: Usage,
}

/// Why a plan came to no answer.
#[derive(Debug)]
pub struct PlanError {
    /// Why.
    pub kind: PlanErrorKind,
    /// The steps that were done, as JSON, and what came of each.
    pub done: Vec<(String, Result<String, String>)>,
    /// What the planner used.
    pub usage: Usage,
}

/// Why a plan came to no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanErrorKind {
    /// The plans have more steps than may be done.
    Steps {
        /// How many may be.
        max: usize,
    },
    /// The planner would change its plan once more than it may.
    Revisions {
        /// How often it may.
        max: u32,
    },
    /// The planner wrote neither steps nor an answer.
    Nothing,
    /// The planner failed, or wrote what is no plan.
    Model(Error),
    /// A guard, a budget or a deadline refused a step.
    Refused(Error),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            PlanErrorKind::Steps { max } => write!(f, "the plan has more than {max} steps")?,
            PlanErrorKind::Revisions { max } => {
                write!(f, "the plan was changed {max} times, and has no answer")?;
            }
            PlanErrorKind::Nothing => f.write_str("the plan has neither steps nor an answer")?,
            PlanErrorKind::Model(error) | PlanErrorKind::Refused(error) => write!(f, "{error}")?,
        }
        write!(f, "; {} steps were done", self.done.len())
    }
}

impl std::error::Error for PlanError {
    /// What the planner or the step failed with had in turn as its source, where it had one.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            PlanErrorKind::Model(error) | PlanErrorKind::Refused(error) => {
                error.source().map(|source| source as _)
            }
            _ => None,
        }
    }
}

impl<P: ChatModel, S: Clone + Serialize + DeserializeOwned + JsonSchema> PlanExecute<P, S> {
    /// A planner that may have 8 steps done in all, and change its plan twice.
    pub fn new(planner: P) -> Self {
        let system =
            "You plan. Write the fewest steps that do the task. If it needs none, answer it at once."
                .to_owned();
        Self { planner, system, max_steps: 8, max_revisions: 2, max_tokens: 1_024, step: PhantomData }
    }

    /// Says what the planner should know, in place of "You plan. ..".
    #[must_use]
    pub fn system(self, system: impl Into<String>) -> Self {
        Self { system: system.into(), ..self }
    }

    /// Has at most so many steps done in all, those of changed plans included.
    #[must_use]
    pub fn max_steps(self, steps: usize) -> Self {
        Self { max_steps: steps, ..self }
    }

    /// Lets the planner change its plan so often.
    #[must_use]
    pub fn max_revisions(self, revisions: u32) -> Self {
        Self { max_revisions: revisions, ..self }
    }

    /// Bounds each plan, in tokens.
    #[must_use]
    pub fn max_tokens(self, tokens: u32) -> Self {
        Self { max_tokens: tokens, ..self }
    }

    /// Plans, and has each step done by `execute`, which is given copies of the step and of what came of those before. After
    /// a step that failed, and after the last, the planner decides: an answer, or the steps that are left.
    ///
    /// # Errors
    ///
    /// [`PlanError`], with the steps that were done. A step that fails is no error, since the planner is told; unless it
    /// failed because a guard, a budget or a deadline refused: that ends the plan.
    pub async fn run<F: Future<Output = Result<String>>>(
        &self,
        task: &str,
        execute: impl Fn(S, Vec<StepRun<S>>) -> F,
    ) -> Result<PlanRun<S>, PlanError> {
        let mut done: Vec<StepRun<S>> = Vec::new();
        let mut usage = Usage::default();
        let first = vec![Message::system(&self.system), Message::user(task)];
        let mut messages = first.clone();
        let mut revisions = 0;
        loop {
            let request = ChatRequest::new(messages).max_tokens(self.max_tokens).temperature(0.0);
            let planned = match structured::<Planned<S>>(&self.planner, request).await {
                Ok(planned) => planned,
                Err(error) => {
                    usage += NoValue::used(&error);
                    return Err(failed(PlanErrorKind::Model(error), &done, usage));
                }
            };
            usage += planned.usage;
            let Planned { answer, steps } = planned.value;
            if let Some(answer) = answer.filter(|answer| !answer.trim().is_empty()) {
                return Ok(PlanRun { answer, done, revisions, usage });
            }
            if steps.is_empty() {
                return Err(failed(PlanErrorKind::Nothing, &done, usage));
            }
            if !done.is_empty() {
                if revisions == self.max_revisions {
                    return Err(failed(PlanErrorKind::Revisions { max: self.max_revisions }, &done, usage));
                }
                revisions += 1;
            }
            for step in steps {
                if done.len() == self.max_steps {
                    return Err(failed(PlanErrorKind::Steps { max: self.max_steps }, &done, usage));
                }
                let result = execute(step.clone(), done.clone()).await;
                let result = match result {
                    Err(error) if error.ends_a_run() => {
                        return Err(failed(PlanErrorKind::Refused(error), &done, usage));
                    }
                    result => result.map_err(|error| error.to_string()),
                };
                let broken = result.is_err();
                done.push(StepRun { step, result });
                if broken {
                    break;
                }
            }
            messages = first.clone();
            messages.push(Message::user(report(&done)));
        }
    }
}

/// What the planner is told of the steps.
fn report<S: Serialize>(done: &[StepRun<S>]) -> String {
    let mut report = String::from("These steps are done:\n");
    for (number, StepRun { step, result }) in done.iter().enumerate() {
        let (word, text) = match result {
            Ok(text) => ("gave", text),
            Err(why) => ("failed", why),
        };
        let text = shortened(text.clone(), MAX_REPORTED);
        let _ = writeln!(report, "{}. {} {word}: {text}", number + 1, json(step));
    }
    report.push_str("Answer the task by them, or write the steps that are left.");
    report
}

fn json<S: Serialize>(step: &S) -> String {
    serde_json::to_string(step).unwrap_or_else(|error| error.to_string())
}

fn failed<S: Serialize>(kind: PlanErrorKind, done: &[StepRun<S>], usage: Usage) -> PlanError {
    let done = done.iter().map(|run| (json(&run.step), run.result.clone())).collect();
    PlanError { kind, done, usage }
}
