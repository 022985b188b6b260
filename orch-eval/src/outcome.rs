//! What a router said of each case.

use std::borrow::Cow;
use std::time::Duration;

use orch_core::router::{Classifier, Decision, Label, Router};

use crate::dataset::{Case, Expected};
use crate::fitted::FittedRouter;
use crate::secrets::Secrets;

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
    /// The place of the first right label in the ranking, from 1; `None` when none is in it.
    pub rank: Option<u32>,
    /// The stage that decided.
    pub stage: Cow<'static, str>,
    /// Whether it was right.
    pub right: bool,
    /// How often it was right, from 0 to 1, over all epochs.
    pub share_right: f64,
    /// How long the decision took.
    pub took: Duration,
    /// Why there was no decision at all.
    pub error: Option<String>,
}

impl Outcome {
    /// Whether another answer to the same case says the same.
    pub(crate) fn same_answer(&self, other: &Self) -> bool {
        self.error.is_none()
            && other.error.is_none()
            && self.got == other.got
            && self.best == other.best
            && self.rank == other.rank
            && self.stage == other.stage
            && (self.confidence - other.confidence).abs() < f64::EPSILON
    }
}

/// Something that gives labels to inputs.
pub(crate) trait Target {
    /// The labels it can give, where that is known.
    fn routes(&self) -> Option<Vec<String>>;

    /// The label that also stands for out of scope: a closed set's default.
    fn default_label(&self) -> Option<String>;

    /// Asks it.
    fn ask(&self, input: &str) -> impl Future<Output = orch_core::Result<Ranked>>;

    /// What it would say without one of its stages; `None` where it has none to leave out.
    fn ask_without(
        &self,
        stage: &str,
        input: &str,
    ) -> impl Future<Output = orch_core::Result<Option<Ranked>>> {
        let _ = (stage, input);
        std::future::ready(Ok(None))
    }
}

/// A target's answer with all it ranked.
pub(crate) struct Ranked {
    got: Option<String>,
    ranking: Vec<String>,
    confidence: f64,
    stage: &'static str,
}

/// A target's answer to a case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) got: Option<String>,
    pub(crate) best: Option<String>,
    pub(crate) confidence: f64,
    pub(crate) rank: Option<u32>,
    pub(crate) stage: Cow<'static, str>,
}

impl Ranked {
    /// Nothing speaks for any label.
    fn abstained() -> Self {
        Self { got: None, ranking: Vec::new(), confidence: 0.0, stage: "abstained" }
    }

    fn of<R: Label>(decision: &Decision<R>, abstains: bool) -> Self {
        let label = decision.route.label().to_owned();
        let mut ranking: Vec<String> =
            decision.ranking.iter().map(|ranked| ranked.route.label().to_owned()).collect();
        if ranking.is_empty() {
            ranking.push(label.clone());
        }
        let confidence = decision.ranking.first().map_or(decision.confidence, |ranked| ranked.confidence);
        Self { got: (!abstains).then_some(label), ranking, confidence, stage: decision.decided_by }
    }

    /// The answer to a case that expects this.
    pub(crate) fn to(self, expected: &Expected) -> Answer {
        let Self { got, ranking, confidence, stage } = self;
        let right = |label: &String| matches!(expected, Expected::AnyOf(labels) if labels.contains(label));
        let rank = ranking.iter().position(right).map(|index| index as u32 + 1);
        // No more digits than a router's own numbers have, so that the log keeps them all.
        let confidence = f64::from(confidence as f32);
        Answer { got, best: ranking.into_iter().next(), confidence, rank, stage: stage.into() }
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

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        self.router.decide(input).await.map(|decision| Ranked::of(&decision, false))
    }

    async fn ask_without(&self, stage: &str, input: &str) -> orch_core::Result<Option<Ranked>> {
        let decision = self.router.decide_without(stage, input).await?;
        Ok((decision.decided_by != stage).then(|| Ranked::of(&decision, false)))
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

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        let decision = self.0.rank(input);
        let abstains = decision.confidence < self.0.abstains_below();
        Ok(Ranked::of(&decision, abstains))
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

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        Ok(match self.0.rank(input).await? {
            Some(decision) => {
                let abstains = decision.confidence < self.0.abstains_below();
                Ranked::of(&decision, abstains)
            }
            None => Ranked::abstained(),
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

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        Ok(match self.0.classify(input).await? {
            Some(decision) => Ranked::of(&decision, false),
            None => Ranked::abstained(),
        })
    }
}

/// What an answer is worth. `default` is the label that also stands for out of scope.
pub(crate) fn outcome(
    case: &Case,
    answer: orch_core::Result<Answer>,
    took: Duration,
    default: Option<&str>,
) -> Outcome {
    // Kept to a tenth of a microsecond, as in the log.
    let took = Duration::from_nanos((took.as_nanos() as u64 + 50) / 100 * 100);
    match answer {
        Ok(Answer { got, best, confidence, rank, stage }) => {
            let right = is_right(&case.expected, got.as_deref(), default);
            let (id, share_right) = (case.id.clone(), f64::from(u8::from(right)));
            Outcome { id, got, best, confidence, rank, stage, right, share_right, took, error: None }
        }
        Err(error) => Outcome {
            id: case.id.clone(),
            got: None,
            best: None,
            confidence: 0.0,
            rank: None,
            stage: Cow::Borrowed(""),
            right: false,
            share_right: 0.0,
            took,
            // Whoever failed may have put a key into its words.
            error: Some(Secrets::known().redacted(&error.to_string())),
        },
    }
}

/// Whether a label is right: for what is out of scope, none or the default.
pub(crate) fn is_right(expected: &Expected, got: Option<&str>, default: Option<&str>) -> bool {
    match (expected, got) {
        (Expected::OutOfScope, None) => true,
        (Expected::OutOfScope, Some(label)) => default == Some(label),
        (Expected::AnyOf(labels), Some(label)) => labels.iter().any(|expected| expected == label),
        (Expected::AnyOf(_), None) => false,
    }
}
