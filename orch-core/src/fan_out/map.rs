//! One call for each element of a collection.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::ordered::Ordered;
use super::running::{InTask, OnWorkers, Running, Runs};
use super::{All, Join, Joined, Parallel, Partial, Settle};

/// The same call for each element of a collection, several at the same time, once awaited.
///
/// Made by [`fan_out!`](crate::fan_out). The results come in the order of the input, whatever order the calls
/// end in. Awaited as it is, the first error drops the others.
#[must_use = "a fan-out does nothing unless it is awaited"]
pub struct FanOutMap<I, F, J = All, W = InTask> {
    items: I,
    make: F,
    limit: usize,
    how: PhantomData<(J, W)>,
}

impl<I, F, J, W> fmt::Debug for FanOutMap<I, F, J, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutMap").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<I: Iterator, F> FanOutMap<I, F> {
    #[doc(hidden)]
    pub fn new<P>(items: impl IntoIterator<IntoIter = I>, make: F) -> Self
    where
        F: FnMut(I::Item) -> P,
        P: Parallel,
    {
        Self { items: items.into_iter(), make, limit: usize::MAX, how: PhantomData }
    }
}

impl<I, F, W> FanOutMap<I, F, All, W> {
    /// Lets every call end: the result is each call's own `Result`, in the order of the input.
    pub fn settle(self) -> FanOutMap<I, F, Settle, W> {
        self.with()
    }

    /// On failure, keeps what had completed: the error is a [`Partial`] with a `Vec` of `Some` where a call of those
    /// that were started had ended, in the order of the input.
    pub fn keep(self) -> FanOutMap<I, F, Keep, W> {
        self.with()
    }
}

impl<I, F, J> FanOutMap<I, F, J> {
    /// Runs the calls as tasks on the workers of the tokio runtime around, instead of all in this task: for work that
    /// keeps a processor busy. A call must own what it uses. Dropping the fan-out aborts its tasks, each at its next
    /// await; a call that panics panics here. In a workflow, steps inside the calls are not observed, and a
    /// deadline does not reach into them, though it ends the fan-out.
    ///
    /// ```
    /// # use orch_core::{Result, fan_out};
    /// async fn shout(text: String) -> Result<String> {
    ///     Ok(text.to_uppercase())
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let texts = vec!["one".to_owned(), "two".to_owned()];
    /// let loud = fan_out!(for text in texts { shout(text) }).spawn().concurrency(2).await?;
    /// assert_eq!(loud, ["ONE", "TWO"]);
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// When awaited outside a tokio runtime.
    pub fn spawn(self) -> FanOutMap<I, F, J, OnWorkers> {
        self.with()
    }
}

impl<I, F, P, W> FanOutMap<I, F, All, W>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    W: Runs<Numbered<P, All>>,
{
    /// Folds the results as they come, in whatever order the calls end. The first error drops the others.
    pub fn reduce<A, M>(self, init: A, merge: M) -> Reduce<I, F, P, A, M, W>
    where
        M: FnMut(A, P::Values) -> A,
    {
        Reduce { calls: Calls::new(self), folded: Some(init), merge }
    }

    /// The results in the order in which the calls end.
    #[allow(clippy::type_complexity, reason = "nobody writes it")]
    pub fn unordered(self) -> Reduce<I, F, P, Vec<P::Values>, Push<P::Values>, W> {
        self.reduce(Vec::new(), |mut all, value| {
            all.push(value);
            all
        })
    }

    /// The first `count` results to succeed, in the order in which the calls end; 0 counts as 1. The other calls
    /// are dropped. Fails with the first error when fewer succeed.
    pub fn quorum(self, count: usize) -> MapQuorum<I, F, P, W> {
        MapQuorum { calls: Calls::new(self), needed: count.max(1), values: Vec::new(), first_error: None }
    }
}

impl<I, F, J, W> FanOutMap<I, F, J, W> {
    fn with<K, X>(self) -> FanOutMap<I, F, K, X> {
        FanOutMap { items: self.items, make: self.make, limit: self.limit, how: PhantomData }
    }

    /// Runs at most `limit` calls at the same time; 0 counts as 1. Without it, all start at once.
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }
}

/// The join *all*, of which a failure keeps what had completed.
#[derive(Clone, Copy, Debug)]
pub struct Keep;

impl<P: Parallel> Join<P> for Keep {
    type Output = Result<P::Values, P::Error>;

    fn poll(branches: Pin<&mut P>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        <All as Join<P>>::poll(branches, cx)
    }
}

pin_project! {
    /// One call of a map, and where its result belongs.
    #[derive(Debug)]
    pub struct Numbered<P, J> {
        #[pin]
        call: Joined<P, J>,
        index: usize,
    }
}

impl<P: Parallel, J: Join<P>> Future for Numbered<P, J> {
    type Output = (usize, J::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.call.poll(cx).map(|output| (*this.index, output))
    }
}

/// How an unordered map adds a result.
type Push<T> = fn(Vec<T>, T) -> Vec<T>;

/// The calls of a map while they run.
struct Calls<I, F, P: Parallel, J: Join<P>, W: Runs<Numbered<P, J>>> {
    items: I,
    make: F,
    limit: usize,
    started: usize,
    running: W::Set,
}

// Nothing in it is pinned but the calls, and those are behind a pointer.
impl<I, F, P: Parallel, J: Join<P>, W: Runs<Numbered<P, J>>> Unpin for Calls<I, F, P, J, W> {}

impl<I, F, P, J, W> Calls<I, F, P, J, W>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: Join<P>,
    W: Runs<Numbered<P, J>>,
{
    fn new(map: FanOutMap<I, F, J, W>) -> Self {
        let FanOutMap { items, make, limit, .. } = map;
        Self { items, make, limit, started: 0, running: W::Set::default() }
    }

    /// The next call to end, keeping as many running as allowed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, J::Output)>> {
        while self.running.len() < self.limit {
            let Some(item) = self.items.next() else { break };
            let call = Joined { branches: (self.make)(item), join: PhantomData };
            self.running.push(Numbered { call, index: self.started });
            self.started += 1;
        }
        self.running.poll_ended(cx)
    }
}

/// The future of [`FanOutMap::reduce`].
#[must_use = "a fan-out does nothing unless it is awaited"]
pub struct Reduce<I, F, P: Parallel, A, M, W: Runs<Numbered<P, All>>> {
    calls: Calls<I, F, P, All, W>,
    folded: Option<A>,
    merge: M,
}

impl<I, F, P: Parallel, A, M, W: Runs<Numbered<P, All>>> fmt::Debug for Reduce<I, F, P, A, M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduce").field("started", &self.calls.started).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel, A, M, W: Runs<Numbered<P, All>>> Unpin for Reduce<I, F, P, A, M, W> {}

impl<I, F, P, A, M, W> Future for Reduce<I, F, P, A, M, W>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    W: Runs<Numbered<P, All>>,
    M: FnMut(A, P::Values) -> A,
{
    type Output = Result<A, P::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((_, result)) = ready!(this.calls.poll_next(cx)) {
            let value = result?;
            this.folded = this.folded.take().map(|folded| (this.merge)(folded, value));
        }
        match this.folded.take() {
            Some(folded) => Poll::Ready(Ok(folded)),
            None => unreachable!("a future is not polled after it was ready"),
        }
    }
}

/// The future of [`FanOutMap::quorum`].
#[must_use = "a fan-out does nothing unless it is awaited"]
pub struct MapQuorum<I, F, P: Parallel, W: Runs<Numbered<P, All>>> {
    calls: Calls<I, F, P, All, W>,
    needed: usize,
    values: Vec<P::Values>,
    first_error: Option<P::Error>,
}

impl<I, F, P: Parallel, W: Runs<Numbered<P, All>>> fmt::Debug for MapQuorum<I, F, P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapQuorum").field("needed", &self.needed).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel, W: Runs<Numbered<P, All>>> Unpin for MapQuorum<I, F, P, W> {}

impl<I, F, P, W> Future for MapQuorum<I, F, P, W>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    W: Runs<Numbered<P, All>>,
{
    type Output = Result<Vec<P::Values>, P::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((_, result)) = ready!(this.calls.poll_next(cx)) {
            match result {
                Ok(value) => this.values.push(value),
                Err(error) => {
                    this.first_error.get_or_insert(error);
                }
            }
            if this.values.len() == this.needed {
                return Poll::Ready(Ok(std::mem::take(&mut this.values)));
            }
        }
        // Too few elements, and none of them failed: what there is, is all there could be.
        Poll::Ready(match this.first_error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut this.values)),
        })
    }
}

/// The future of a [`FanOutMap`].
pub struct FanOutMapFuture<I, F, P: Parallel, J: Join<P>, W: Runs<Numbered<P, J>>, T> {
    calls: Calls<I, F, P, J, W>,
    results: Ordered<T>,
}

impl<I, F, P: Parallel, J: Join<P>, W: Runs<Numbered<P, J>>, T> fmt::Debug
    for FanOutMapFuture<I, F, P, J, W, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutMapFuture").field("started", &self.calls.started).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel, J: Join<P>, W: Runs<Numbered<P, J>>, T> Unpin for FanOutMapFuture<I, F, P, J, W, T> {}

impl<I, F, P, J, W, T> FanOutMapFuture<I, F, P, J, W, T>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: Join<P>,
    W: Runs<Numbered<P, J>>,
{
    fn new(map: FanOutMap<I, F, J, W>) -> Self {
        let results = Ordered::with_capacity(map.items.size_hint().0);
        Self { calls: Calls::new(map), results }
    }
}

/// How a map's calls are joined: what the whole gives.
pub trait JoinMap<P: Parallel>: Join<P> {
    /// What is kept of each call.
    type Kept;
    /// What the whole gives.
    type Whole;

    /// What is kept of a call that ended; `Err` ends the whole.
    fn judge(output: <Self as Join<P>>::Output) -> Result<Self::Kept, P::Error>;
    /// All have ended.
    fn all(kept: Vec<Self::Kept>) -> Self::Whole;
    /// One has ended the whole; calls of which nothing is kept were started and had not ended.
    fn cut(kept: Vec<Option<Self::Kept>>, error: P::Error) -> Self::Whole;
}

impl<P: Parallel> JoinMap<P> for All {
    type Kept = P::Values;
    type Whole = Result<Vec<P::Values>, P::Error>;

    fn judge(output: Result<P::Values, P::Error>) -> Result<P::Values, P::Error> {
        output
    }
    fn all(kept: Vec<P::Values>) -> Self::Whole {
        Ok(kept)
    }
    fn cut(_: Vec<Option<P::Values>>, error: P::Error) -> Self::Whole {
        Err(error)
    }
}

impl<P: Parallel> JoinMap<P> for Keep {
    type Kept = P::Values;
    type Whole = Result<Vec<P::Values>, Partial<Vec<Option<P::Values>>, P::Error>>;

    fn judge(output: Result<P::Values, P::Error>) -> Result<P::Values, P::Error> {
        output
    }
    fn all(kept: Vec<P::Values>) -> Self::Whole {
        Ok(kept)
    }
    fn cut(completed: Vec<Option<P::Values>>, error: P::Error) -> Self::Whole {
        Err(Partial { completed, error })
    }
}

impl<P: Parallel> JoinMap<P> for Settle {
    type Kept = P::Results;
    type Whole = Vec<P::Results>;

    fn judge(output: P::Results) -> Result<P::Results, P::Error> {
        Ok(output)
    }
    fn all(kept: Vec<P::Results>) -> Self::Whole {
        kept
    }
    fn cut(_: Vec<Option<P::Results>>, _: P::Error) -> Self::Whole {
        unreachable!("no call ends the others")
    }
}

impl<I, F, P, J, W> Future for FanOutMapFuture<I, F, P, J, W, J::Kept>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: JoinMap<P>,
    W: Runs<Numbered<P, J>>,
{
    type Output = J::Whole;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((index, output)) = ready!(self.calls.poll_next(cx)) {
            match J::judge(output) {
                Ok(kept) => self.results.keep(index, kept),
                Err(error) => {
                    let started = self.calls.started;
                    return Poll::Ready(J::cut(self.results.take_partial(started), error));
                }
            }
        }
        Poll::Ready(J::all(self.results.take()))
    }
}

impl<I, F, P, J, W> IntoFuture for FanOutMap<I, F, J, W>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: JoinMap<P>,
    W: Runs<Numbered<P, J>>,
{
    type Output = J::Whole;
    type IntoFuture = FanOutMapFuture<I, F, P, J, W, J::Kept>;

    fn into_future(self) -> Self::IntoFuture {
        FanOutMapFuture::new(self)
    }
}
