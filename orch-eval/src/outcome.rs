//! What a router said of each case.

use std::time::{Duration, Instant};

use orch_core::router::{Classifier, Decision, Label, Router};

use crate::dataset::{Case, Expected};
use crate::fitted::FittedRouter;

/// What a router said of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The case's id.
    pub id: String,
    /// The label it gave; `None` when it abstained.
    pub got: Option<String>,
    /// The likeliest label, abstaining or not.
    pub best: Option<String>,
    /// The confidence in `best`, from 0 to 1.
    pub confidence: f64,
    /// The labels it ranked, best first.
    pub ranking: Vec<String>,
    /// The stage that decided.
    pub stage: String,
    /// Whether it was right.
    pub right: bool,
    /// How long the decision took.
    pub took: Duration,
    /// Why there was no decision at all.
    pub error: Option<String>,
}

/// Something that gives labels to inputs.
pub(crate) trait Target {
    /// The labels it can give, where that is known.
    fn routes(&self) -> Option<Vec<String>>;

    /// The label that also stands for out of scope: a closed set's default.
    fn default_label(&self) -> Option<String>;

    /// Asks it.
    fn ask(&self, input: &str) -> impl Future<Output = orch_core::Result<Answer>>;
}

/// A target's answer.
pub(crate) struct Answer {
    got: Option<String>,
    best: Option<String>,
    confidence: f64,
    ranking: Vec<String>,
    stage: String,
}

impl Answer {
    /// Nothing speaks for any label.
    fn abstained() -> Self {
        Self { got: None, best: None, confidence: 0.0, ranking: Vec::new(), stage: "abstained".to_owned() }
    }

    fn of<R: Label>(decision: &Decision<R>, abstains: bool) -> Self {
        let ranking: Vec<String> =
            decision.ranking.iter().map(|ranked| ranked.route.label().to_owned()).collect();
        let label = decision.route.label().to_owned();
        let best = ranking.first().cloned().unwrap_or_else(|| label.clone());
        let confidence = decision.ranking.first().map_or(decision.confidence, |ranked| ranked.confidence);
        Self {
            got: (!abstains).then_some(label),
            best: Some(best),
            confidence,
            ranking,
            stage: decision.decided_by.to_owned(),
        }
    }
}

/// A [`Router`]: it always decides.
#[derive(Debug)]
pub(crate) struct RouterTarget<R: Router> {
    pub(crate) router: R,
    pub(crate) routes: Option<Vec<String>>,
    pub(crate) default: Option<String>,
}

impl<R: Router> Target for RouterTarget<R> {
    fn routes(&self) -> Option<Vec<String>> {
        self.routes.clone()
    }

    fn default_label(&self) -> Option<String> {
        self.default.clone()
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Answer> {
        self.router.decide(input).await.map(|decision| Answer::of(&decision, false))
    }
}

/// A learned router over labels found in data: it may abstain.
#[derive(Debug)]
pub(crate) struct LearnedTarget<'a, R: Label>(pub(crate) &'a orch_core::router::Learned<R>);

impl<R: Label> Target for LearnedTarget<'_, R> {
    fn routes(&self) -> Option<Vec<String>> {
        Some(self.0.routes().iter().map(|route| route.label().to_owned()).collect())
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Answer> {
        let decision = self.0.rank(input);
        let abstains = decision.confidence < self.0.abstains_below();
        Ok(Answer::of(&decision, abstains))
    }
}

/// A router fitted to data: it may abstain.
#[derive(Debug)]
pub(crate) struct FittedTarget<'a>(pub(crate) &'a FittedRouter);

impl Target for FittedTarget<'_> {
    fn routes(&self) -> Option<Vec<String>> {
        Some(self.0.routes().iter().map(ToString::to_string).collect())
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Answer> {
        Ok(match self.0.rank(input).await? {
            Some(decision) => {
                let abstains = decision.confidence < self.0.abstains_below();
                Answer::of(&decision, abstains)
            }
            None => Answer::abstained(),
        })
    }
}

/// A [`Classifier`] whose abstentions say nothing of what it leaned to.
#[derive(Debug)]
pub(crate) struct ClassifierTarget<C>(pub(crate) C);

impl<C: Classifier> Target for ClassifierTarget<C> {
    fn routes(&self) -> Option<Vec<String>> {
        None
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Answer> {
        Ok(match self.0.classify(input).await? {
            Some(decision) => Answer::of(&decision, false),
            None => Answer::abstained(),
        })
    }
}

/// Asks `target` about each case, in order.
pub(crate) async fn replay<T: Target>(target: &T, cases: &[&Case]) -> Vec<Outcome> {
    let default = target.default_label();
    let mut outcomes = Vec::with_capacity(cases.len());
    for case in cases {
        let started = Instant::now();
        let answer = target.ask(&case.input).await;
        let took = started.elapsed();
        outcomes.push(outcome(case, answer, took, default.as_deref()));
    }
    outcomes
}

fn outcome(case: &Case, answer: orch_core::Result<Answer>, took: Duration, default: Option<&str>) -> Outcome {
    match answer {
        Ok(Answer { got, best, confidence, ranking, stage }) => {
            let right = match (&case.expected, &got) {
                (Expected::OutOfScope, None) => true,
                (Expected::OutOfScope, Some(label)) => default == Some(label.as_str()),
                (Expected::AnyOf(labels), Some(label)) => labels.contains(label),
                (Expected::AnyOf(_), None) => false,
            };
            Outcome { id: case.id.clone(), got, best, confidence, ranking, stage, right, took, error: None }
        }
        Err(error) => Outcome {
            id: case.id.clone(),
            got: None,
            best: None,
            confidence: 0.0,
            ranking: Vec::new(),
            stage: String::new(),
            right: false,
            took,
            error: Some(error.to_string()),
        },
    }
}
