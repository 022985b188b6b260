//! The runtime half of `fan_out!`: futures that run at the same time in one task.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::workflow::Leave;

mod map;
mod ordered;
mod partial;
mod quorum;
mod running;

pub use map::FanOutMap;
pub use partial::{Kept, Partial};
pub use quorum::{FirstOf, FirstSome, Quorum};

/// Futures that are polled together.
///
/// Two ways to drive them: *all*, which ends with the first error, and *settle*, which waits for every one.
pub trait Parallel {
    /// What they give when all succeed.
    type Values;
    /// What they give when each is let end.
    type Results;
    /// What they give when enough have succeeded: `None` where one has not.
    type Options;
    /// The error that ends *all*.
    type Error;

    /// Ready when all have succeeded or one has failed.
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Takes the values, after [`poll_all`](Parallel::poll_all) was ready with `Ok`.
    fn values(self: Pin<&mut Self>) -> Self::Values;

    /// Both in one: ready with the values when all have succeeded, or with the first error.
    fn poll_values(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Values, Self::Error>> {
        ready!(self.as_mut().poll_all(cx))?;
        Poll::Ready(Ok(self.values()))
    }

    /// Ready when every one has ended.
    fn poll_settle(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// How many there are.
    const COUNT: usize;

    /// Polls those that run, and reports each that ends: without an error when it succeeded.
    fn poll_each(self: Pin<&mut Self>, cx: &mut Context<'_>, ended: &mut dyn FnMut(Option<Self::Error>));

    /// Takes the values there are.
    fn options(self: Pin<&mut Self>) -> Self::Options;

    /// Takes the results, after [`poll_settle`](Parallel::poll_settle) was ready.
    fn results(self: Pin<&mut Self>) -> Self::Results;
}

pin_project! {
    /// One of several futures that run at the same time.
    #[project = BranchProjection]
    #[project_replace = BranchReplaced]
    #[allow(missing_docs, reason = "the macro takes no comment on a variant's field")]
    pub enum Branch<F, N, M> where F: Future {
        /// It runs.
        Running { #[pin] future: F, entered: N, blame: Option<M> },
        /// It has ended.
        Ended { output: Option<F::Output> },
    }
}

impl<F: Future, N, M> fmt::Debug for Branch<F, N, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running { .. } => "Branch::Running",
            Self::Ended { .. } => "Branch::Ended",
        })
    }
}

impl<F: Future, N, M> Branch<F, N, M> {
    /// `blame` turns the branch's error into the error of the whole.
    pub fn new<T, S, E>(entered: N, future: F, blame: M) -> Self
    where
        F: Future<Output = Result<T, S>>,
        M: FnOnce(&N, S) -> E,
    {
        Self::Running { future, entered, blame: Some(blame) }
    }
}

impl<F, N, M, T, S, E> Parallel for Branch<F, N, M>
where
    F: Future<Output = Result<T, S>>,
    N: Leave,
    M: FnOnce(&N, S) -> E,
{
    type Values = T;
    type Results = Result<T, S>;
    type Options = Option<T>;
    type Error = E;
    const COUNT: usize = 1;

    fn poll_each(mut self: Pin<&mut Self>, cx: &mut Context<'_>, ended: &mut dyn FnMut(Option<E>)) {
        let BranchProjection::Running { future, entered, blame } = self.as_mut().project() else { return };
        let Poll::Ready(result) = future.poll(cx) else { return };
        let (output, error) = match result {
            Ok(value) => {
                entered.done();
                (Some(Ok(value)), None)
            }
            Err(error) => match blame.take() {
                Some(blame) => (None, Some(blame(entered, error))),
                None => unreachable!("a branch fails once"),
            },
        };
        self.project_replace(Self::Ended { output });
        ended(error);
    }

    fn options(self: Pin<&mut Self>) -> Option<T> {
        match self.project() {
            BranchProjection::Ended { output } => output.take().and_then(Result::ok),
            BranchProjection::Running { .. } => None,
        }
    }

    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let BranchProjection::Running { future, entered, blame } = self.as_mut().project() else {
            return Poll::Ready(Ok(()));
        };
        match ready!(future.poll(cx)) {
            Ok(value) => {
                entered.done();
                self.project_replace(Self::Ended { output: Some(Ok(value)) });
                Poll::Ready(Ok(()))
            }
            Err(error) => match blame.take() {
                Some(blame) => Poll::Ready(Err(blame(entered, error))),
                None => unreachable!("a branch that failed has ended the whole"),
            },
        }
    }

    // Alone, as in a map, a branch need not keep its value for the others.
    fn poll_values(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let BranchProjection::Running { future, entered, blame } = self.project() else {
            unreachable!("a branch by itself is not polled after it was ready");
        };
        match ready!(future.poll(cx)) {
            Ok(value) => {
                entered.done();
                Poll::Ready(Ok(value))
            }
            Err(error) => match blame.take() {
                Some(blame) => Poll::Ready(Err(blame(entered, error))),
                None => unreachable!("a branch fails once"),
            },
        }
    }

    fn values(self: Pin<&mut Self>) -> T {
        match self.project() {
            BranchProjection::Ended { output } => match output.take() {
                Some(Ok(value)) => value,
                _ => unreachable!("the values are taken once, when every branch has succeeded"),
            },
            BranchProjection::Running { .. } => {
                unreachable!("the values are taken when every branch has ended")
            }
        }
    }

    fn poll_settle(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let BranchProjection::Running { future, entered, .. } = self.as_mut().project() else {
            return Poll::Ready(());
        };
        let output = ready!(future.poll(cx));
        match &output {
            Ok(_) => entered.done(),
            Err(_) => {
                entered.failed(&"failed; the others go on");
                entered.replaced();
            }
        }
        self.project_replace(Self::Ended { output: Some(output) });
        Poll::Ready(())
    }

    fn results(self: Pin<&mut Self>) -> Result<T, S> {
        match self.project() {
            BranchProjection::Ended { output } => match output.take() {
                Some(output) => output,
                None => unreachable!("the results are taken once"),
            },
            BranchProjection::Running { .. } => {
                unreachable!("the results are taken when every branch has ended")
            }
        }
    }
}

pin_project! {
    /// Two groups that run at the same time. Pairs of pairs make any number of branches.
    #[derive(Debug)]
    pub struct Both<A, B> {
        #[pin]
        left: A,
        #[pin]
        right: B,
    }
}

impl<A, B> Both<A, B> {
    /// Both groups.
    pub fn new(left: A, right: B) -> Self {
        Self { left, right }
    }
}

impl<A: Parallel, B: Parallel<Error = A::Error>> Parallel for Both<A, B> {
    type Values = (A::Values, B::Values);
    type Results = (A::Results, B::Results);
    type Options = (A::Options, B::Options);
    type Error = A::Error;
    const COUNT: usize = A::COUNT + B::COUNT;

    fn poll_each(self: Pin<&mut Self>, cx: &mut Context<'_>, ended: &mut dyn FnMut(Option<A::Error>)) {
        let this = self.project();
        this.left.poll_each(cx, ended);
        this.right.poll_each(cx, ended);
    }

    fn options(self: Pin<&mut Self>) -> Self::Options {
        let this = self.project();
        (this.left.options(), this.right.options())
    }

    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), A::Error>> {
        let this = self.project();
        let left = this.left.poll_all(cx)?;
        let right = this.right.poll_all(cx)?;
        if left.is_ready() && right.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn values(self: Pin<&mut Self>) -> Self::Values {
        let this = self.project();
        (this.left.values(), this.right.values())
    }

    fn poll_settle(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let left = this.left.poll_settle(cx);
        let right = this.right.poll_settle(cx);
        if left.is_ready() && right.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn results(self: Pin<&mut Self>) -> Self::Results {
        let this = self.project();
        (this.left.results(), this.right.results())
    }
}

/// The join that ends with the first error.
#[derive(Clone, Copy, Debug)]
pub struct All;

/// The join that lets every branch end.
#[derive(Clone, Copy, Debug)]
pub struct Settle;

/// How the branches' ends become one.
pub trait Join<P: Parallel> {
    /// What comes of it.
    type Output;

    /// Ready when the join is made.
    fn poll(branches: Pin<&mut P>, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

impl<P: Parallel> Join<P> for All {
    type Output = Result<P::Values, P::Error>;

    fn poll(branches: Pin<&mut P>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        branches.poll_values(cx)
    }
}

impl<P: Parallel> Join<P> for Settle {
    type Output = P::Results;

    fn poll(mut branches: Pin<&mut P>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(branches.as_mut().poll_settle(cx));
        Poll::Ready(branches.results())
    }
}

pin_project! {
    /// Branches on their way to a join.
    #[derive(Debug)]
    pub struct Joined<P, J> {
        #[pin]
        branches: P,
        join: PhantomData<J>,
    }
}

/// Runs the branches until all have succeeded or one has failed.
pub fn all<P: Parallel>(branches: P) -> Joined<P, All> {
    Joined { branches, join: PhantomData }
}

impl<P: Parallel, J: Join<P>> Future for Joined<P, J> {
    type Output = J::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        J::poll(self.project().branches, cx)
    }
}

/// Puts what the branches gave into the user's shape.
pub trait Fill<V> {
    /// The shape.
    type Output;

    /// Fills it.
    fn fill(self, values: V) -> Self::Output;
}

/// A shape filled by a closure.
#[derive(Debug)]
pub struct FillWith<F>(pub F);

impl<V, T, F: FnOnce(V) -> T> Fill<V> for FillWith<F> {
    type Output = T;

    fn fill(self, values: V) -> T {
        (self.0)(values)
    }
}

/// Named branches that run at the same time, once awaited.
///
/// Made by [`fan_out!`](crate::fan_out). Awaited as it is, the first error drops the other branches.
#[must_use = "a fan-out does nothing unless it is awaited"]
#[derive(Debug)]
pub struct FanOut<P, S, J = All> {
    branches: P,
    shape: S,
    join: PhantomData<J>,
}

impl<P: Parallel, S> FanOut<P, S> {
    #[doc(hidden)]
    pub fn new(branches: P, shape: S) -> Self {
        Self { branches, shape, join: PhantomData }
    }

    /// Lets every branch end: each field is that branch's own `Result`.
    pub fn settle(self) -> FanOut<P, S, Settle> {
        FanOut { branches: self.branches, shape: self.shape, join: PhantomData }
    }

    /// On failure, keeps what had completed: the error is a [`Partial`] of the same fields, each `Some` where its
    /// branch had succeeded. For branches named in the macro; a struct of your own has no place for what is missing.
    ///
    /// ```
    /// # use orch_core::{Error, Result, fan_out};
    /// # async fn risk(_: &str) -> Result<u32> { Ok(7) }
    /// # async fn mood(_: &str) -> Result<u32> { Err(Error::message("no answer")) }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let partial = fan_out!(risk = risk("text"), mood = mood("text")).keep().await.unwrap_err();
    /// assert_eq!((partial.completed.risk, partial.completed.mood), (Some(7), None));
    /// assert_eq!(partial.error.to_string(), "mood: no answer");
    /// # });
    /// ```
    pub fn keep(self) -> Kept<P, S> {
        Kept::new(self.branches, self.shape)
    }

    /// Ends with the first `count` branches that succeed, and drops the others: each field is `Some` where its branch
    /// succeeded in time. Fails with the first error once so many have failed that `count` cannot be had. A
    /// `count` above the number of branches is that number, and 0 is 1. A branch that its `#[when]` skips succeeds at once.
    pub fn quorum(self, count: usize) -> Quorum<P, S> {
        Quorum::new(self.branches, self.shape, count)
    }

    /// Ends with the first branch that succeeds, and drops the others. All give the same type. Fails with the first
    /// error when all have failed.
    pub fn first_ok(self) -> Quorum<P, FirstOf>
    where
        P::Options: FirstSome,
    {
        Quorum::new(self.branches, FirstOf, 1)
    }
}

pin_project! {
    /// The future of a [`FanOut`].
    #[derive(Debug)]
    pub struct FanOutFuture<P, S, J> {
        #[pin]
        branches: Joined<P, J>,
        shape: Option<S>,
    }
}

impl<P, S> Future for FanOutFuture<P, S, All>
where
    P: Parallel,
    S: Fill<P::Values>,
{
    type Output = Result<S::Output, P::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let values = ready!(this.branches.poll(cx))?;
        match this.shape.take() {
            Some(shape) => Poll::Ready(Ok(shape.fill(values))),
            None => unreachable!("a future is not polled after it was ready"),
        }
    }
}

impl<P, S> Future for FanOutFuture<P, S, Settle>
where
    P: Parallel,
    S: Fill<P::Results>,
{
    type Output = S::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let results = ready!(this.branches.poll(cx));
        match this.shape.take() {
            Some(shape) => Poll::Ready(shape.fill(results)),
            None => unreachable!("a future is not polled after it was ready"),
        }
    }
}

impl<P, S, J> IntoFuture for FanOut<P, S, J>
where
    FanOutFuture<P, S, J>: Future,
{
    type Output = <FanOutFuture<P, S, J> as Future>::Output;
    type IntoFuture = FanOutFuture<P, S, J>;

    fn into_future(self) -> Self::IntoFuture {
        FanOutFuture {
            branches: Joined { branches: self.branches, join: PhantomData },
            shape: Some(self.shape),
        }
    }
}
