//! One call for each element of a collection.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::{FuturesUnordered, Stream};
use pin_project_lite::pin_project;

use super::{All, Join, Joined, Parallel, Settle};

/// The same call for each element of a collection, several at the same time, once awaited.
///
/// Made by [`fan_out!`](crate::fan_out). The results come in the order of the input, whatever order the calls
/// end in. Awaited as it is, the first error drops the others.
#[must_use = "a fan-out does nothing unless it is awaited"]
pub struct FanOutMap<I, F, J = All> {
    items: I,
    make: F,
    limit: usize,
    join: PhantomData<J>,
}

impl<I, F, J> fmt::Debug for FanOutMap<I, F, J> {
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
        Self { items: items.into_iter(), make, limit: usize::MAX, join: PhantomData }
    }

    /// Lets every call end: the result is each call's own `Result`, in the order of the input.
    pub fn settle(self) -> FanOutMap<I, F, Settle> {
        FanOutMap { items: self.items, make: self.make, limit: self.limit, join: PhantomData }
    }
}

impl<I, F, P> FanOutMap<I, F>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
{
    /// Folds the results as they come, in whatever order the calls end. The first error drops the others.
    pub fn reduce<A, M>(self, init: A, merge: M) -> Reduce<I, F, P, A, M>
    where
        M: FnMut(A, P::Values) -> A,
    {
        Reduce { calls: Calls::new(self), folded: Some(init), merge }
    }

    /// The results in the order in which the calls end.
    pub fn unordered(self) -> Reduce<I, F, P, Vec<P::Values>, Push<P::Values>> {
        self.reduce(Vec::new(), |mut all, value| {
            all.push(value);
            all
        })
    }

    /// The first `count` results to succeed, in the order in which the calls end; 0 counts as 1. The other calls
    /// are dropped. Fails with the first error when fewer succeed.
    pub fn quorum(self, count: usize) -> MapQuorum<I, F, P> {
        MapQuorum { calls: Calls::new(self), needed: count.max(1), values: Vec::new(), first_error: None }
    }
}

impl<I, F, J> FanOutMap<I, F, J> {
    /// Runs at most `limit` calls at the same time; 0 counts as 1. Without it, all start at once.
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }
}

pin_project! {
    /// One call of a map, and where its result belongs.
    struct Numbered<P, J> {
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
struct Calls<I, F, P: Parallel, J: Join<P>> {
    items: I,
    make: F,
    limit: usize,
    started: usize,
    running: FuturesUnordered<Numbered<P, J>>,
}

// Nothing in it is pinned but the calls, and those are behind a pointer.
impl<I, F, P: Parallel, J: Join<P>> Unpin for Calls<I, F, P, J> {}

impl<I, F, P, J> Calls<I, F, P, J>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: Join<P>,
{
    fn new(map: FanOutMap<I, F, J>) -> Self {
        let FanOutMap { items, make, limit, .. } = map;
        Self { items, make, limit, started: 0, running: FuturesUnordered::new() }
    }

    /// The next call to end, keeping as many running as allowed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, J::Output)>> {
        while self.running.len() < self.limit {
            let Some(item) = self.items.next() else { break };
            let call = Joined { branches: (self.make)(item), join: PhantomData };
            self.running.push(Numbered { call, index: self.started });
            self.started += 1;
        }
        Pin::new(&mut self.running).poll_next(cx)
    }
}

/// The future of [`FanOutMap::reduce`].
#[must_use = "a fan-out does nothing unless it is awaited"]
pub struct Reduce<I, F, P: Parallel, A, M> {
    calls: Calls<I, F, P, All>,
    folded: Option<A>,
    merge: M,
}

impl<I, F, P: Parallel, A, M> fmt::Debug for Reduce<I, F, P, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduce").field("started", &self.calls.started).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel, A, M> Unpin for Reduce<I, F, P, A, M> {}

impl<I, F, P, A, M> Future for Reduce<I, F, P, A, M>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
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
pub struct MapQuorum<I, F, P: Parallel> {
    calls: Calls<I, F, P, All>,
    needed: usize,
    values: Vec<P::Values>,
    first_error: Option<P::Error>,
}

impl<I, F, P: Parallel> fmt::Debug for MapQuorum<I, F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapQuorum").field("needed", &self.needed).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel> Unpin for MapQuorum<I, F, P> {}

impl<I, F, P> Future for MapQuorum<I, F, P>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
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
pub struct FanOutMapFuture<I, F, P: Parallel, J: Join<P>, T> {
    calls: Calls<I, F, P, J>,
    results: Vec<Option<T>>,
}

impl<I, F, P: Parallel, J: Join<P>, T> fmt::Debug for FanOutMapFuture<I, F, P, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutMapFuture").field("started", &self.calls.started).finish_non_exhaustive()
    }
}

impl<I, F, P: Parallel, J: Join<P>, T> Unpin for FanOutMapFuture<I, F, P, J, T> {}

impl<I, F, P, J, T> FanOutMapFuture<I, F, P, J, T>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: Join<P>,
{
    fn new(map: FanOutMap<I, F, J>) -> Self {
        let results = Vec::with_capacity(map.items.size_hint().0);
        Self { calls: Calls::new(map), results }
    }

    /// Keeps the result of call `index`; calls before it may still run.
    fn keep(&mut self, index: usize, result: T) {
        if self.results.len() <= index {
            self.results.resize_with(index + 1, || None);
        }
        self.results[index] = Some(result);
    }

    fn take(&mut self) -> Vec<T> {
        // In place: the results move up inside the memory they already have.
        let whole = |result: Option<T>| match result {
            Some(result) => result,
            None => unreachable!("every call that was started has ended"),
        };
        std::mem::take(&mut self.results).into_iter().map(whole).collect()
    }
}

impl<I, F, P> Future for FanOutMapFuture<I, F, P, All, P::Values>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
{
    type Output = Result<Vec<P::Values>, P::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((index, result)) = ready!(self.calls.poll_next(cx)) {
            self.keep(index, result?);
        }
        Poll::Ready(Ok(self.take()))
    }
}

impl<I, F, P> Future for FanOutMapFuture<I, F, P, Settle, P::Results>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
{
    type Output = Vec<P::Results>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((index, result)) = ready!(self.calls.poll_next(cx)) {
            self.keep(index, result);
        }
        Poll::Ready(self.take())
    }
}

impl<I, F, P> IntoFuture for FanOutMap<I, F, All>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
{
    type Output = Result<Vec<P::Values>, P::Error>;
    type IntoFuture = FanOutMapFuture<I, F, P, All, P::Values>;

    fn into_future(self) -> Self::IntoFuture {
        FanOutMapFuture::new(self)
    }
}

impl<I, F, P> IntoFuture for FanOutMap<I, F, Settle>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
{
    type Output = Vec<P::Results>;
    type IntoFuture = FanOutMapFuture<I, F, P, Settle, P::Results>;

    fn into_future(self) -> Self::IntoFuture {
        FanOutMapFuture::new(self)
    }
}
