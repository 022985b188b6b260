//! A second router beside the first: to learn of it before it decides anything, or to give it a share.

use std::fmt;
use std::future::Future;

use futures_util::future::join;

use crate::error::Result;
use crate::router::file::checksum;
use crate::router::{Decision, Label, Router};

/// Asks a second router the same, at the same time, and tells of both answers; the first one's counts.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// # use orch_core::router::{Cascade, By, Router, Shadow};
/// # let always = |route: &'static str| Cascade::first("test", By::new("test", move |_: &str| Some(route.to_owned())), 0.0).otherwise("c".to_owned());
/// # let (old, new) = (always("a"), always("b"));
///
/// let differ = AtomicUsize::new(0);
/// let router = Shadow::new(old, new, |_input, decided, other| {
///     if other.is_ok_and(|other| other.route != decided.route) {
///         differ.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(router.decide("hello").await?.route, "a");
/// assert_eq!(differ.load(Ordering::Relaxed), 1);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Shadow<A, B, F> {
    first: A,
    second: B,
    tell: F,
}

impl<A, B, F> Shadow<A, B, F>
where
    A: Router,
    B: Router<Route = A::Route>,
    F: Fn(&str, &Decision<A::Route>, Result<&Decision<A::Route>, &crate::Error>) + Send + Sync,
{
    /// `tell` gets the input, what was decided, and what the second router says. It should be quick: the decision waits
    /// for it, and for the second router.
    pub fn new(first: A, second: B, tell: F) -> Self {
        Self { first, second, tell }
    }
}

impl<A, B, F> Router for Shadow<A, B, F>
where
    A: Router,
    B: Router<Route = A::Route>,
    F: Fn(&str, &Decision<A::Route>, Result<&Decision<A::Route>, &crate::Error>) + Send + Sync,
{
    type Route = A::Route;

    async fn decide(&self, input: &str) -> Result<Decision<A::Route>> {
        let (decided, other) = join(self.first.decide(input), self.second.decide(input)).await;
        let decided = decided?;
        (self.tell)(input, &decided, other.as_ref());
        Ok(decided)
    }

    /// What the first would decide without the stage.
    fn decide_without(
        &self,
        stage: &str,
        input: &str,
    ) -> impl Future<Output = Result<Decision<A::Route>>> + Send {
        self.first.decide_without(stage, input)
    }
}

impl<A: fmt::Debug, B: fmt::Debug, F> fmt::Debug for Shadow<A, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow")
            .field("first", &self.first)
            .field("second", &self.second)
            .finish_non_exhaustive()
    }
}

/// Two routers that each decide a share of the inputs: an A/B test. The same input always goes to the same one.
///
/// `decided_by` is `a` or `b`.
#[derive(Clone, Debug)]
pub struct Split<A, B> {
    a: A,
    b: B,
    share_of_b: f64,
}

impl<A: Router, B: Router<Route = A::Route>> Split<A, B> {
    /// `b` decides this share of the inputs, from 0 to 1.
    pub fn new(a: A, b: B, share_of_b: f64) -> Self {
        Self { a, b, share_of_b }
    }

    fn is_for_b(&self, input: &str) -> bool {
        // With a last mix, so that inputs that differ at the end only are dealt out too.
        let hash = checksum(input.as_bytes());
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        place < self.share_of_b
    }
}

impl<R: Label, A: Router<Route = R>, B: Router<Route = R>> Router for Split<A, B> {
    type Route = R;

    async fn decide(&self, input: &str) -> Result<Decision<R>> {
        if self.is_for_b(input) {
            Ok(Decision { decided_by: "b", ..self.b.decide(input).await? })
        } else {
            Ok(Decision { decided_by: "a", ..self.a.decide(input).await? })
        }
    }

    /// What the one that decides this input would decide without the stage.
    async fn decide_without(&self, stage: &str, input: &str) -> Result<Decision<R>> {
        if self.is_for_b(input) {
            Ok(Decision { decided_by: "b", ..self.b.decide_without(stage, input).await? })
        } else {
            Ok(Decision { decided_by: "a", ..self.a.decide_without(stage, input).await? })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{By, Cascade};

    #[test]
    fn inputs_are_dealt_out_by_share_and_stay_where_they_were() {
        let always = |route: &'static str| {
            Cascade::first("t", By::new("t", move |_: &str| Some(route.to_owned())), 0.0)
                .otherwise(String::new())
        };
        let split = Split::new(always("x"), always("y"), 0.3);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decide = |i: usize| runtime.block_on(split.decide(&format!("input {i}"))).unwrap().decided_by;
        let to_b = (0..2_000).filter(|i| decide(*i) == "b").count();
        assert!((540..660).contains(&to_b), "{to_b}");
        assert_eq!(decide(7), decide(7));
    }
}
