//! Routers: which of a closed set of routes an input should take, and how sure that is.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use crate::error::Result;

mod bundle;
mod by;
mod calibrated;
mod calibration;
mod cascade;
mod conformal;
mod dense;
mod difficulty;
mod encoder;
mod ensemble;
mod example;
mod explain;
mod file;
mod fused;
mod handover;
mod keyword;
mod lbfgs;
mod learned;
mod llm;
mod semantic;
mod shadow;
mod task_table;
mod unseen;
mod vectors;

pub use bundle::Bundle;
pub use by::By;
pub use calibrated::Calibrated;
pub use cascade::{Cascade, Nothing, Stages};
pub use conformal::{ConformalSets, threshold_for_risk};
pub use dense::Dense;
pub use difficulty::{CostRouter, Difficulty, Graded};
pub use encoder::{
    Encoded, Encoder, Head, Vectors, embed, embed_in_context, in_order, messages_that_count, sendable,
};
pub use ensemble::{Ensemble, Fusing, Members, Nobody, Voting};
pub use example::Example;
pub use explain::Reason;
pub use file::kind_of_router;
pub use fused::Fused;
pub use handover::{Handovers, StageAnswer, StageAnswers};
pub(crate) use keyword::fold;
pub use keyword::{Effect, Keyword, KeywordRule, Pattern};
pub use learned::Learned;
pub use llm::LlmRouter;
pub use semantic::{Scoring, Semantic};
pub use shadow::{Shadow, Split};
pub use task_table::{ChosenModel, Task, TaskTable};
pub(crate) use vectors::Index as VectorIndex;

/// How many routes a decision ranks.
const RANKED: usize = 10;

/// Decides which route an input takes. It always decides: where it is not sure, by its default.
pub trait Router: Send + Sync {
    /// The routes.
    type Route: Label;

    /// Decides.
    fn decide(&self, input: &str) -> impl Future<Output = Result<Decision<Self::Route>>> + Send;

    /// What it would decide if it did not have the stage of this name: what an evaluation asks to say what each stage of
    /// a [`Cascade`] is worth. A router without such a stage decides as ever.
    fn decide_without(
        &self,
        stage: &str,
        input: &str,
    ) -> impl Future<Output = Result<Decision<Self::Route>>> + Send {
        let _ = stage;
        self.decide(input)
    }
}

/// Says which route an input should take, or abstains: a stage of a [`Cascade`].
pub trait Classifier: Send + Sync {
    /// The routes.
    type Route: Label;

    /// The decision, or `None` when it is not sure enough to make one.
    fn classify(&self, input: &str) -> impl Future<Output = Result<Option<Decision<Self::Route>>>> + Send;
}

/// A name for a class of inputs: a route, or a label found in data.
pub trait Label: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// The name, as it stands in data and files.
    fn label(&self) -> &str;

    /// What has this name.
    fn from_label(label: &str) -> Option<Self>;

    /// The labels a fitted router must have: of a closed set, all but the default.
    #[must_use]
    fn expected() -> Vec<Self> {
        Vec::new()
    }
}

/// A label found in data.
impl Label for Arc<str> {
    fn label(&self) -> &str {
        self
    }

    fn from_label(label: &str) -> Option<Self> {
        Some(label.into())
    }
}

/// A label found in data.
impl Label for String {
    fn label(&self) -> &str {
        self
    }

    fn from_label(label: &str) -> Option<Self> {
        Some(label.to_owned())
    }
}

/// A closed set of routes. Derive it.
pub trait Route: Label + Copy {
    /// The routes, in the order of declaration.
    const ALL: &'static [Self];
    /// The route for everything else.
    const DEFAULT: Self;
    /// What is declared of each route, in the order of [`ALL`](Route::ALL).
    const DETAILS: &'static [RouteDetails];
}

/// What a route's declaration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteDetails {
    /// The name in data and files: the variant in snake case unless declared otherwise.
    pub label: &'static str,
    /// The first paragraph of its doc comment.
    pub description: &'static str,
    /// Words and phrases that lead to it.
    pub keywords: &'static [&'static str],
    /// Inputs that should take it.
    pub examples: &'static [&'static str],
}

/// What a router decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R> {
    /// The route to take.
    pub route: R,
    /// How likely the route is right, from 0 to 1. Of a default that decides since nobody was sure, how likely it is none of
    /// the others at least, where that is known, and else 0.
    pub confidence: f64,
    /// The likeliest routes, best first, at most ten.
    pub ranking: Vec<Ranked<R>>,
    /// The stage that decided: `keyword`, `learned`, `default`, or a name of your own.
    pub decided_by: &'static str,
    /// The stages that were asked before and did not decide, in order.
    pub passed: Vec<Passed>,
}

/// A stage that was asked and did not decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// Its name.
    pub stage: &'static str,
    /// Why it did not decide.
    pub why: Undecided,
}

/// Why a stage did not decide.
#[derive(Clone, Debug, PartialEq)]
pub enum Undecided {
    /// It named no route.
    Abstained,
    /// It was not sure enough.
    Unsure {
        /// How sure it was, from 0 to 1.
        confidence: f64,
        /// How sure it would have had to be, from 0 to 1.
        at_least: f64,
    },
    /// It failed, with this error, and the next stage was to be asked then: see [`Stages::pass_on_failure`].
    Failed(String),
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, why } = self;
        match why {
            Undecided::Abstained => write!(f, "{stage}: abstained"),
            Undecided::Unsure { confidence, at_least } => {
                write!(f, "{stage}: {confidence:.3}, and {at_least:.3} was wanted")
            }
            Undecided::Failed(error) => write!(f, "{stage}: failed: {error}"),
        }
    }
}

/// A route and how likely it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked<R> {
    /// The route.
    pub route: R,
    /// How likely it is, from 0 to 1.
    pub confidence: f64,
}

impl<R> Decision<R> {
    /// The first stage that failed on the way to this decision, if one did and the next was asked.
    #[must_use]
    pub fn failed_stage(&self) -> Option<&Passed> {
        first_failed(&self.passed)
    }
}

/// The first of some stages that failed.
fn first_failed(passed: &[Passed]) -> Option<&Passed> {
    passed.iter().find(|passed| matches!(passed.why, Undecided::Failed(_)))
}

impl<R: Label> Decision<R> {
    /// A decision of which nothing else is known.
    #[must_use]
    pub fn new(route: R, confidence: f64, decided_by: &'static str) -> Self {
        let ranking = vec![Ranked { route: route.clone(), confidence }];
        Self { route, confidence, ranking, decided_by, passed: Vec::new() }
    }

    /// The likeliest of `routes`, by their probabilities. There is at least one route.
    fn ranked(routes: &[R], probabilities: &[f32], decided_by: &'static str) -> Self {
        let ranking: Vec<Ranked<R>> = calibration::highest(probabilities, RANKED)
            .into_iter()
            .map(|route| Ranked { route: routes[route].clone(), confidence: f64::from(probabilities[route]) })
            .collect();
        let Ranked { route, confidence } = ranking[0].clone();
        Self { route, confidence, ranking, decided_by, passed: Vec::new() }
    }
}

impl<R: Route> Decision<R> {
    /// The same, or the default route where the confidence is below `threshold`: how likely it is none of the others, at
    /// least. Routes that the ranking has no room for are as likely as its last at most.
    #[must_use]
    pub fn or_default_below(self, threshold: f64) -> Self {
        if self.confidence >= threshold {
            return self;
        }
        let others = self.ranking.iter().filter(|ranked| ranked.route != R::DEFAULT);
        let (ranked, sum) =
            others.fold((0, 0.0), |(count, sum), ranked| (count + 1, sum + ranked.confidence));
        // Where none is ranked nothing is known, and of those beyond the ranking that none is likelier than its last.
        let confidence = self.ranking.last().map_or(0.0, |last| {
            let is_full = self.ranking.len() >= RANKED;
            let unranked = if is_full { R::ALL.len().saturating_sub(1 + ranked) } else { 0 };
            (1.0 - sum - unranked as f64 * last.confidence).clamp(0.0, 1.0)
        });
        Self { confidence, route: R::DEFAULT, decided_by: "default", ..self }
    }
}
