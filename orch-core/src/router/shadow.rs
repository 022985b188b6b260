//! A second router beside the first: to learn of it before it decides anything, or to give it a share.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::error::Result;
use crate::router::file::checksum;
use crate::router::{Decision, Label, Router};

/// Inputs the second router is asked at a time. Where it is slower than they come, the rest is left out.
const MOST_BESIDE: u32 = 64;

/// Asks a second router the same, at the same time, and tells of both answers; the first one's counts.
///
/// The second router runs in a task of its own: a decision waits for neither it nor `tell`, and nothing that befalls it
/// reaches the decision. [`finish`](Shadow::finish) waits for what is under way. Outside a tokio runtime, where there are
/// no tasks, a decision waits for both.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// # use orch_core::router::{Cascade, By, Router, Shadow};
/// # let always = |route: &'static str| Cascade::first("test", By::new("test", move |_: &str| Some(route.to_owned())), 0.0).otherwise("c".to_owned());
/// # let (old, new) = (always("a"), always("b"));
///
/// let differ = Arc::new(AtomicUsize::new(0));
/// let counted = Arc::clone(&differ);
/// let router = Shadow::new(old, new, move |_input, decided, other| {
///     if other.is_ok_and(|other| other.route != decided.route) {
///         counted.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(router.decide("hello").await?.route, "a");
/// router.finish().await;
/// assert_eq!(differ.load(Ordering::Relaxed), 1);
/// # orch_core::Ok(()) }).unwrap();
/// ```
pub struct Shadow<A, B, F> {
    first: A,
    beside: Arc<Beside<B, F>>,
    free: Arc<Semaphore>,
    left_out: Arc<AtomicU64>,
}

struct Beside<B, F> {
    second: B,
    tell: F,
}

impl<A, B, F> Shadow<A, B, F>
where
    A: Router,
    B: Router<Route = A::Route> + 'static,
    F: Fn(&str, &Decision<A::Route>, Result<&Decision<A::Route>, &crate::Error>) + Send + Sync + 'static,
{
    /// `tell` gets the input, what was decided, and what the second router says. It is not called where the first router
    /// fails.
    pub fn new(first: A, second: B, tell: F) -> Self {
        Self {
            first,
            beside: Arc::new(Beside { second, tell }),
            free: Arc::new(Semaphore::new(MOST_BESIDE as usize)),
            left_out: Arc::default(),
        }
    }

    /// Waits until the second router has answered what it was asked before, and `tell` was told.
    pub async fn finish(&self) {
        // The semaphore is never closed, so that this gets them all.
        let _all = self.free.acquire_many(MOST_BESIDE).await;
    }

    /// Inputs the second router was not asked, since 64 others were under way, or [`finish`](Shadow::finish) was waiting.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Asks the second router in a task, which waits for the first one's decision. `None` where too many are under way.
    fn ask_beside(&self, runtime: &Handle, input: &str) -> Option<oneshot::Sender<Decision<A::Route>>> {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let (sender, decided) = oneshot::channel();
        let (beside, input) = (Arc::clone(&self.beside), input.to_owned());
        runtime.spawn(async move {
            let other = beside.second.decide(&input).await;
            // Without a decision the first router has failed, or nobody waits for it any more.
            if let Ok(decided) = decided.await {
                (beside.tell)(&input, &decided, other.as_ref());
            }
            drop(place);
        });
        Some(sender)
    }
}

impl<A, B, F> Router for Shadow<A, B, F>
where
    A: Router,
    B: Router<Route = A::Route> + 'static,
    F: Fn(&str, &Decision<A::Route>, Result<&Decision<A::Route>, &crate::Error>) + Send + Sync + 'static,
{
    type Route = A::Route;

    async fn decide(&self, input: &str) -> Result<Decision<A::Route>> {
        let Ok(runtime) = Handle::try_current() else {
            let (decided, other) = join(self.first.decide(input), self.beside.second.decide(input)).await;
            let decided = decided?;
            (self.beside.tell)(input, &decided, other.as_ref());
            return Ok(decided);
        };
        let told = self.ask_beside(&runtime, input);
        let decided = self.first.decide(input).await?;
        // The task is gone only if the second router panicked.
        told.map(|told| told.send(decided.clone()));
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

/// The second router, and what is under way, are shared.
impl<A: Clone, B, F> Clone for Shadow<A, B, F> {
    fn clone(&self) -> Self {
        let Self { first, beside, free, left_out } = self;
        Self {
            first: first.clone(),
            beside: Arc::clone(beside),
            free: Arc::clone(free),
            left_out: Arc::clone(left_out),
        }
    }
}

impl<A: fmt::Debug, B: fmt::Debug, F> fmt::Debug for Shadow<A, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow")
            .field("first", &self.first)
            .field("second", &self.beside.second)
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
    use crate::Error;
    use crate::router::{By, Cascade};
    use std::sync::Mutex;

    fn always(route: &'static str) -> impl Router<Route = String> + 'static {
        Cascade::first("t", By::new("t", move |_: &str| Some(route.to_owned())), 0.0).otherwise(String::new())
    }

    /// Answers `hangs` never, fails on `fails`, and panics on `panics`.
    struct Hostile;

    impl Router for Hostile {
        type Route = String;

        async fn decide(&self, input: &str) -> Result<Decision<String>> {
            match input {
                "hangs" => std::future::pending().await,
                "fails" => Err(Error::message("the server is down")),
                "panics" => panic!("a bug"),
                _ => Ok(Decision::new("b".to_owned(), 1.0, "hostile")),
            }
        }
    }

    #[test]
    fn nothing_that_befalls_the_second_router_reaches_a_decision() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let writes = Arc::clone(&told);
        let shadow = Shadow::new(always("a"), Hostile, move |input, decided, other| {
            let other = other.map_or_else(ToString::to_string, |other| other.route.clone());
            writes.lock().unwrap().push(format!("{input}: {}, {other}", decided.route));
        });
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            for input in ["fails", "panics", "well"] {
                assert_eq!(shadow.decide(input).await.unwrap().route, "a");
            }
            shadow.finish().await;
            assert_eq!(*told.lock().unwrap(), ["fails: a, the server is down", "well: a, b"]);
            for _ in 0..MOST_BESIDE + 3 {
                assert_eq!(shadow.decide("hangs").await.unwrap().route, "a");
            }
            assert_eq!(shadow.left_out(), 3);
        });
    }

    #[test]
    fn without_a_runtime_both_are_waited_for() {
        let told = Arc::new(AtomicU64::new(0));
        let counts = Arc::clone(&told);
        let shadow = Shadow::new(always("a"), always("b"), move |_, decided, other| {
            assert_ne!(Some(&decided.route), other.ok().map(|other| &other.route));
            counts.fetch_add(1, Ordering::Relaxed);
        });
        let decided = futures_util::FutureExt::now_or_never(shadow.decide("hello"));
        assert_eq!(decided.unwrap().unwrap().route, "a");
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn inputs_are_dealt_out_by_share_and_stay_where_they_were() {
        let split = Split::new(always("x"), always("y"), 0.3);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decide = |i: usize| runtime.block_on(split.decide(&format!("input {i}"))).unwrap().decided_by;
        let to_b = (0..2_000).filter(|i| decide(*i) == "b").count();
        assert!((540..660).contains(&to_b), "{to_b}");
        assert_eq!(decide(7), decide(7));
    }
}
