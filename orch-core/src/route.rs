//! The runtime half of `route!`: what a `match` is made on.

use crate::observe::Decided;
use crate::router::{Decision, Label};
use crate::workflow::{Entered, ObserverRef};

/// What stands after `match`: a decision, whose route is matched, or any value.
#[derive(Debug)]
pub struct Scrutinee<'a, T>(pub &'a T);

impl<'a, R: Label> Scrutinee<'a, Decision<R>> {
    /// The route of the decision.
    #[must_use]
    pub fn chosen(self) -> &'a R {
        &self.0.route
    }

    /// The route of the decision, told to the observer.
    #[must_use]
    pub fn observed<O: ObserverRef>(self, step: &Entered<O>) -> &'a R {
        let Decision { route, confidence, decided_by, .. } = self.0;
        step.decided(&Decided { route: route.label(), confidence: *confidence, decided_by });
        route
    }
}

/// Anything that is not a decision is matched itself.
pub trait ChosenAny<'a> {
    /// The value's type.
    type Value;

    /// The value.
    fn chosen(self) -> &'a Self::Value;

    /// The value; there is nothing to tell.
    fn observed<O: ObserverRef>(self, step: &Entered<O>) -> &'a Self::Value;
}

impl<'a, T> ChosenAny<'a> for Scrutinee<'a, T> {
    type Value = T;

    fn chosen(self) -> &'a T {
        self.0
    }

    fn observed<O: ObserverRef>(self, _: &Entered<O>) -> &'a T {
        self.0
    }
}
