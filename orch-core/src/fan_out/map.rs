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

/// The future of a [`FanOutMap`].
pub struct FanOutMapFuture<I, F, P: Parallel, J: Join<P>, T> {
    items: I,
    make: F,
    limit: usize,
    started: usize,
    calls: FuturesUnordered<Numbered<P, J>>,
    results: Vec<Option<T>>,
}

impl<I, F, P: Parallel, J: Join<P>, T> fmt::Debug for FanOutMapFuture<I, F, P, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutMapFuture").field("started", &self.started).finish_non_exhaustive()
    }
}

// Nothing in it is pinned but the calls, and those are behind a pointer.
impl<I, F, P: Parallel, J: Join<P>, T> Unpin for FanOutMapFuture<I, F, P, J, T> {}

impl<I, F, P, J, T> FanOutMapFuture<I, F, P, J, T>
where
    I: Iterator,
    F: FnMut(I::Item) -> P,
    P: Parallel,
    J: Join<P>,
{
    fn new(map: FanOutMap<I, F, J>) -> Self {
        let FanOutMap { items, make, limit, .. } = map;
        let results = Vec::with_capacity(items.size_hint().0);
        Self { items, make, limit, started: 0, calls: FuturesUnordered::new(), results }
    }

    /// The next call to end, keeping as many running as allowed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, J::Output)>> {
        while self.calls.len() < self.limit {
            let Some(item) = self.items.next() else { break };
            let call = Joined { branches: (self.make)(item), join: PhantomData };
            self.calls.push(Numbered { call, index: self.started });
            self.started += 1;
        }
        Pin::new(&mut self.calls).poll_next(cx)
    }

    /// Keeps the result of call `index`; calls before it may still run.
    fn keep(&mut self, index: usize, result: T) {
        if self.results.len() <= index {
            self.results.resize_with(index + 1, || None);
        }
        self.results[index] = Some(result);
    }

    fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.results).into_iter().flatten().collect()
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
        while let Some((index, result)) = ready!(self.poll_next(cx)) {
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
        while let Some((index, result)) = ready!(self.poll_next(cx)) {
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
