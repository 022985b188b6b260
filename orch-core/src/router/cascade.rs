//! Several routers, one after the other, and a default at the end.

use std::future::Future;

use crate::error::Result;
use crate::router::{Classifier, Decision, Label, Passed, Router};

/// Asks its stages in order. The first that is sure enough decides; if none is, the default does.
///
/// Only [`Stages::otherwise`] makes one, so a cascade without a default cannot be written.
///
/// ```
/// use orch_core::router::{Cascade, Keyword, Router};
/// use orch_core::{Result, Route};
///
/// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// enum Intent {
///     #[route(keywords("refund"))]
///     Billing,
///     #[route(default)]
///     Other,
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let router = Cascade::first("keyword", Keyword::<Intent>::declared()?, 0.6).otherwise(Intent::Other);
/// assert_eq!(router.decide("a refund, please").await?.decided_by, "keyword");
/// let decision = router.decide("good morning").await?;
/// assert_eq!(decision.decided_by, "default");
/// assert_eq!(decision.passed[0].to_string(), "keyword: abstained");
/// assert_eq!(router.decide_without("keyword", "a refund, please").await?.decided_by, "default");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Cascade<S, R> {
    stages: S,
    default: R,
}

/// Stages without a default yet: what a [`Cascade`] is made of.
#[derive(Clone, Debug)]
pub struct Stages<Before, C> {
    before: Before,
    name: &'static str,
    classifier: C,
    at_least: f64,
}

/// What stands before the first stage: nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Cascade<Nothing, ()> {
    /// The first stage: it decides when its confidence is at least `at_least`, from 0 to 1.
    pub fn first<C: Classifier>(name: &'static str, classifier: C, at_least: f64) -> Stages<Nothing, C> {
        Stages { before: Nothing, name, classifier, at_least }
    }
}

impl<Before, C: Classifier> Stages<Before, C> {
    /// The next stage: it is asked when none before decided, and decides when its confidence is at least
    /// `at_least`, from 0 to 1.
    pub fn then<D: Classifier<Route = C::Route>>(
        self,
        name: &'static str,
        classifier: D,
        at_least: f64,
    ) -> Stages<Self, D> {
        Stages { before: self, name, classifier, at_least }
    }

    /// The route when no stage decided.
    pub fn otherwise(self, default: C::Route) -> Cascade<Self, C::Route> {
        Cascade { stages: self, default }
    }
}

/// Stages that can be asked in order, but for `without`. Those that do not decide are noted in `passed`.
trait Ask<R>: Send + Sync {
    fn ask(
        &self,
        input: &str,
        without: Option<&str>,
        passed: &mut Vec<Passed>,
    ) -> impl Future<Output = Result<Option<Decision<R>>>> + Send;
}

impl<R: Label> Ask<R> for Nothing {
    fn ask(
        &self,
        _: &str,
        _: Option<&str>,
        _: &mut Vec<Passed>,
    ) -> impl Future<Output = Result<Option<Decision<R>>>> + Send {
        std::future::ready(Ok(None))
    }
}

impl<Before: Ask<C::Route>, C: Classifier> Ask<C::Route> for Stages<Before, C> {
    async fn ask(
        &self,
        input: &str,
        without: Option<&str>,
        passed: &mut Vec<Passed>,
    ) -> Result<Option<Decision<C::Route>>> {
        if let Some(decision) = self.before.ask(input, without, passed).await? {
            return Ok(Some(decision));
        }
        if without == Some(self.name) {
            return Ok(None);
        }
        let decision = self.classifier.classify(input).await?;
        let confidence = decision.as_ref().map(|decision| decision.confidence);
        let sure = decision.filter(|decision| decision.confidence >= self.at_least);
        if sure.is_none() {
            passed.push(Passed { stage: self.name, confidence, at_least: self.at_least });
        }
        Ok(sure.map(|decision| Decision { decided_by: self.name, ..decision }))
    }
}

impl<S: Ask<R>, R: Label> Router for Cascade<S, R> {
    type Route = R;

    async fn decide(&self, input: &str) -> Result<Decision<R>> {
        decision(self, None, input).await
    }

    async fn decide_without(&self, stage: &str, input: &str) -> Result<Decision<R>> {
        decision(self, Some(stage), input).await
    }
}

async fn decision<S: Ask<R>, R: Label>(
    cascade: &Cascade<S, R>,
    without: Option<&str>,
    input: &str,
) -> Result<Decision<R>> {
    let mut passed = Vec::new();
    let decided = cascade.stages.ask(input, without, &mut passed).await?;
    Ok(match decided {
        Some(decision) => Decision { passed, ..decision },
        None => {
            Decision { ranking: Vec::new(), passed, ..Decision::new(cascade.default.clone(), 0.0, "default") }
        }
    })
}
