//! What can be asked about a case.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use orch_core::router::{Classifier, Decision, Label, Learned, Router};

use crate::dataset::{Case, Expected};
use crate::fitted::FittedRouter;
use crate::scorer::Score;

/// Something that gives labels to inputs.
pub(crate) trait Target {
    /// Whether its answers are labels; otherwise they are words, which are right or wrong.
    const LABELLED: bool = true;

    /// The labels it can give, where that is known.
    fn routes(&self) -> Option<Vec<String>>;

    /// The label that also stands for out of scope: a closed set's default.
    fn default_label(&self) -> Option<String>;

    /// Asks it.
    fn ask(&self, input: &str) -> impl Future<Output = orch_core::Result<Ranked>>;

    /// Whether an answer to a case is right, where that is not for the labels to say.
    fn is_right(
        &self,
        case: &Case,
        answer: Option<&str>,
    ) -> impl Future<Output = orch_core::Result<Option<bool>>> {
        let _ = (case, answer);
        std::future::ready(Ok(None))
    }

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
    passed: Option<String>,
}

/// A target's answer to a case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) got: Option<String>,
    pub(crate) best: Option<String>,
    pub(crate) confidence: f64,
    pub(crate) rank: Option<u32>,
    pub(crate) stage: Cow<'static, str>,
    /// What the stages before it said.
    pub(crate) passed: Option<String>,
    /// Whether it is right, where that is not for the labels to say.
    pub(crate) scored: Option<bool>,
}

impl Ranked {
    /// Nothing speaks for any label.
    fn abstained() -> Self {
        Self { got: None, ranking: Vec::new(), confidence: 0.0, stage: "abstained", passed: None }
    }

    fn of<R: Label>(decision: &Decision<R>, abstains: bool) -> Self {
        let label = decision.route.label().to_owned();
        let mut ranking: Vec<String> =
            decision.ranking.iter().map(|ranked| ranked.route.label().to_owned()).collect();
        if ranking.is_empty() {
            ranking.push(label.clone());
        }
        let confidence = decision.ranking.first().map_or(decision.confidence, |ranked| ranked.confidence);
        let passed: Vec<String> = decision.passed.iter().map(ToString::to_string).collect();
        Self {
            got: (!abstains).then_some(label),
            ranking,
            confidence,
            stage: decision.decided_by,
            passed: (!passed.is_empty()).then(|| passed.join("; ")),
        }
    }

    /// The answer to a case that expects this.
    pub(crate) fn to(self, expected: &Expected) -> Answer {
        let Self { got, ranking, confidence, stage, passed } = self;
        let right = |label: &String| matches!(expected, Expected::AnyOf(labels) if labels.contains(label));
        let rank = ranking.iter().position(right).map(|index| index as u32 + 1);
        // No more digits than a router's own numbers have, so that the log keeps them all.
        let confidence = f64::from(confidence as f32);
        Answer {
            got,
            best: ranking.into_iter().next(),
            confidence,
            rank,
            stage: stage.into(),
            passed,
            scored: None,
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

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        Ok(Ranked::of(&whole(self.router.decide(input).await?)?, false))
    }

    async fn ask_without(&self, stage: &str, input: &str) -> orch_core::Result<Option<Ranked>> {
        let decision = whole(self.router.decide_without(stage, input).await?)?;
        Ok((decision.decided_by != stage).then(|| Ranked::of(&decision, false)))
    }
}

/// A decision that all stages which should have been asked for it had a say in. What the rest of a cascade made of a
/// failure is good for whoever waits for an answer, but it is not what is to be measured.
fn whole<R>(decision: Decision<R>) -> orch_core::Result<Decision<R>> {
    if let Some(failed) = decision.failed_stage() {
        return Err(orch_core::Error::message(format!("a stage failed, {failed}")));
    }
    Ok(decision)
}

/// A learned router over labels found in data: it may abstain.
#[derive(Debug)]
pub(crate) struct LearnedTarget<R: Label>(pub(crate) Arc<Learned<R>>);

impl<R: Label> Target for LearnedTarget<R> {
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
pub(crate) struct FittedTarget<'a> {
    pub(crate) router: &'a FittedRouter,
    /// How long its encoders took for the last answer.
    pub(crate) embedding: Cell<Duration>,
}

impl<'a> FittedTarget<'a> {
    pub(crate) fn new(router: &'a FittedRouter) -> Self {
        Self { router, embedding: Cell::default() }
    }
}

impl Target for FittedTarget<'_> {
    fn routes(&self) -> Option<Vec<String>> {
        Some(self.router.routes().iter().map(ToString::to_string).collect())
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        let (mut decisions, embedding) = self.router.rank_timed(&[input], None).await?;
        self.embedding.set(embedding);
        Ok(match decisions.pop().flatten() {
            Some(decision) => {
                let abstains = decision.confidence < self.router.abstains_below();
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

/// An async function from an input to a label, such as a workflow that only routes.
pub(crate) struct FunctionTarget<F>(pub(crate) Arc<F>);

impl<R: Label, F: AsyncFn(String) -> orch_core::Result<Option<R>>> Target for FunctionTarget<F> {
    fn routes(&self) -> Option<Vec<String>> {
        None
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        let label = (self.0)(input.to_owned()).await?;
        Ok(match label {
            Some(label) => Ranked::of(&Decision::new(label, 1.0, "function"), false),
            None => Ranked::abstained(),
        })
    }
}

/// An async function from an input to an answer in words, and what says whether it is right.
pub(crate) struct AnswerTarget<F, S> {
    pub(crate) function: Arc<F>,
    pub(crate) scorer: Arc<S>,
}

impl<A: ToString, F: AsyncFn(String) -> orch_core::Result<A>, S: Score> Target for AnswerTarget<F, S> {
    const LABELLED: bool = false;

    fn routes(&self) -> Option<Vec<String>> {
        None
    }

    fn default_label(&self) -> Option<String> {
        None
    }

    async fn ask(&self, input: &str) -> orch_core::Result<Ranked> {
        let answer = (self.function)(input.to_owned()).await?.to_string();
        Ok(Ranked { got: Some(answer), ranking: Vec::new(), confidence: 1.0, stage: "answer", passed: None })
    }

    async fn is_right(&self, case: &Case, answer: Option<&str>) -> orch_core::Result<Option<bool>> {
        let (Expected::AnyOf(expected), Some(answer)) = (&case.expected, answer) else {
            return Ok(Some(false));
        };
        for expected in expected {
            if self.scorer.is_right(&case.input, expected, answer).await? {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }
}
