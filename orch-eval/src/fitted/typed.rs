//! A fitted router over the routes of a program.

use std::fmt::Write as _;
use std::marker::PhantomData;

use orch_core::router::{Classifier, Decision, Label, Ranked, Route, Router};
use orch_core::{Error, Result};

use super::{FittedRouter, Name};

/// A [`FittedRouter`] whose labels are a program's own routes, so that a workflow can use it: of whatever kind it is, and
/// with all its stages.
///
/// ```no_run
/// use orch_core::Route;
/// use orch_core::router::Router as _;
/// use orch_eval::FittedRouter;
///
/// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// enum Intent {
///     Billing,
///     Technical,
///     #[route(default)]
///     Other,
/// }
///
/// # async fn f() -> orch_core::Result<()> {
/// let router = FittedRouter::load("tickets.orch".as_ref(), &[])?.over::<Intent>()?;
/// let decision = router.decide("where is my refund").await?;
/// println!("{:?}, decided by {}", decision.route, decision.decided_by);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TypedRouter<R> {
    fitted: FittedRouter,
    routes: PhantomData<fn() -> R>,
}

impl FittedRouter {
    /// The same over the routes of a program, which its labels must be: all but the default.
    ///
    /// # Errors
    ///
    /// When it has labels that are no routes, or lacks routes; all of them are named.
    pub fn over<R: Route>(self) -> Result<TypedRouter<R>> {
        let labels = self.routes();
        let strange: Vec<&str> =
            labels.iter().map(|label| &**label).filter(|label| R::from_label(label).is_none()).collect();
        let lacks = |route: &R| labels.iter().all(|label| **label != *route.label());
        let expected = R::expected();
        let missing: Vec<&str> = expected.iter().filter(|route| lacks(route)).map(Label::label).collect();
        if strange.is_empty() && missing.is_empty() {
            return Ok(TypedRouter { fitted: self, routes: PhantomData });
        }
        let mut what = "the routes have changed since this router was fitted".to_owned();
        for (labels, whose) in [(strange, "only the router has"), (missing, "only the program has")] {
            if !labels.is_empty() {
                let _ = write!(what, "; {whose} `{}`", labels.join("`, `"));
            }
        }
        Err(Error::message(format!("{what}; fit it again")))
    }
}

impl<R: Route> TypedRouter<R> {
    /// The router without the program's routes.
    #[must_use]
    pub fn fitted(&self) -> &FittedRouter {
        &self.fitted
    }

    async fn ranked(&self, input: &str) -> Result<Option<Decision<R>>> {
        Ok(self.fitted.rank(input).await?.and_then(of_routes))
    }
}

/// The decision in terms of the routes. Which labels there are was checked when the router was made.
fn of_routes<R: Route>(decision: Decision<Name>) -> Option<Decision<R>> {
    let ranked =
        |one: &Ranked<Name>| Some(Ranked { route: R::from_label(&one.route)?, confidence: one.confidence });
    Some(Decision {
        route: R::from_label(&decision.route)?,
        confidence: decision.confidence,
        ranking: decision.ranking.iter().filter_map(ranked).collect(),
        decided_by: decision.decided_by,
        passed: decision.passed,
    })
}

impl<R: Route> Router for TypedRouter<R> {
    type Route = R;

    async fn decide(&self, input: &str) -> Result<Decision<R>> {
        let below = self.fitted.abstains_below();
        Ok(match self.ranked(input).await? {
            Some(decision) => decision.or_default_below(below),
            None => Decision::new(R::DEFAULT, 0.0, "default"),
        })
    }
}

impl<R: Route> Classifier for TypedRouter<R> {
    type Route = R;

    async fn classify(&self, input: &str) -> Result<Option<Decision<R>>> {
        let below = self.fitted.abstains_below();
        Ok(self.ranked(input).await?.filter(|decision| decision.confidence >= below))
    }
}
