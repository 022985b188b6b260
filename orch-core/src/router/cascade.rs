//! Several routers, one after the other, and a default at the end.

use std::future::Future;

use crate::error::{Error, Result};
use crate::router::{Classifier, Decision, Label, Passed, Router, Undecided, first_failed};

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
    passes_on_failure: bool,
}

/// What stands before the first stage: nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Cascade<Nothing, ()> {
    /// The first stage: it decides when its confidence is at least `at_least`, from 0 to 1.
    pub fn first<C: Classifier>(name: &'static str, classifier: C, at_least: f64) -> Stages<Nothing, C> {
        Stages { before: Nothing, name, classifier, at_least, passes_on_failure: false }
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
        Stages { before: self, name, classifier, at_least, passes_on_failure: false }
    }

    /// If this stage fails, the next one is asked, and the default after the last: for a stage that asks a server. The
    /// decision says so in [`passed`](Decision::passed), and an evaluation counts it as an error. Without this the cascade
    /// fails with the stage. What a budget, a deadline or a guard refuses fails either way.
    ///
    /// ```
    /// use orch_core::router::{Cascade, Classifier, Decision, Router};
    /// use orch_core::{Error, Result};
    ///
    /// struct Offline;
    ///
    /// impl Classifier for Offline {
    ///     type Route = String;
    ///     async fn classify(&self, _: &str) -> Result<Option<Decision<String>>> {
    ///         Err(Error::message("503 Service Unavailable"))
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let router = Cascade::first("llm", Offline, 0.5).pass_on_failure().otherwise("other".to_owned());
    /// let decision = router.decide("hello").await?;
    /// assert_eq!(decision.route, "other");
    /// assert_eq!(decision.passed[0].to_string(), "llm: failed: 503 Service Unavailable");
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn pass_on_failure(self) -> Self {
        Self { passes_on_failure: true, ..self }
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
        let at_least = self.at_least;
        let why = match self.classifier.classify(input).await {
            Ok(Some(decision)) if decision.confidence >= at_least => {
                // Of a cascade in this cascade.
                passed.extend_from_slice(&decision.passed);
                return Ok(Some(Decision { decided_by: self.name, ..decision }));
            }
            Ok(Some(decision)) => {
                passed.extend(decision.passed);
                Undecided::Unsure { confidence: decision.confidence, at_least }
            }
            Ok(None) => Undecided::Abstained,
            Err(error) if self.passes_on_failure && !error.ends_a_run() => {
                Undecided::Failed(error.to_string())
            }
            Err(error) => return Err(error),
        };
        passed.push(Passed { stage: self.name, why });
        Ok(None)
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

/// As a stage of another cascade, or a member of an ensemble, it abstains where its default would decide, and fails where that
/// would hide that a stage has failed.
impl<S: Ask<R>, R: Label> Classifier for Cascade<S, R> {
    type Route = R;

    async fn classify(&self, input: &str) -> Result<Option<Decision<R>>> {
        let mut passed = Vec::new();
        let decided = self.stages.ask(input, None, &mut passed).await?;
        if decided.is_none()
            && let Some(failed) = first_failed(&passed)
        {
            // Abstaining would hide it from whoever decides what a failure means.
            return Err(Error::message(failed.to_string()));
        }
        Ok(decided.map(|decision| Decision { passed, ..decision }))
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
