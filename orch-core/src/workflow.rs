//! The runtime half of `workflow!`: who watches, and how errors find their place.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::observe::{Decided, Ended, Observer};
use crate::plan::{Plan, Step, json_string};
use crate::policy::ByDeadline;

/// A return type that can carry an error.
#[diagnostic::on_unimplemented(
    message = "a workflow whose steps can fail gives a `Result`",
    label = "this is no `Result`",
    note = "write `-> Result<..>`, or await the steps without `?`"
)]
pub trait Fallible {
    /// The error.
    type Error;
}

impl<T, E> Fallible for Result<T, E> {
    type Error = E;
}

/// A borrowed [`Observer`], or none: what runs through an expansion by value.
pub trait ObserverRef: Copy {
    /// [`Observer::Span`]
    type Span: Copy;
    /// When the run must have ended, if there is such a time.
    fn deadline(self) -> Option<Instant> {
        None
    }
    /// [`Observer::enter`]
    fn enter(self, parent: Self::Span, step: &'static Step) -> Self::Span;
    /// [`Observer::done`]
    fn done(self, span: Self::Span);
    /// [`Observer::failed`]
    fn failed(self, span: Self::Span, error: &dyn Display);
    /// [`Observer::replaced`]
    fn replaced(self, span: Self::Span);
    /// [`Observer::retry`]
    fn retry(self, span: Self::Span, attempt: u32, error: &dyn Display);
    /// [`Observer::skipped`]
    fn skipped(self, parent: Self::Span, step: &'static Step);
    /// [`Observer::decided`]
    fn decided(self, span: Self::Span, decision: &Decided<'_>);
    /// [`Observer::token`]
    fn token(self, span: Self::Span, text: &str);
    /// [`Observer::restarted`]
    fn restarted(self, span: Self::Span);
    /// [`Observer::poll_room`]
    fn poll_room(self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Nobody watches. It has no size, and its hooks compile to nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl ObserverRef for Silent {
    type Span = ();
    fn enter(self, (): (), _: &'static Step) {}
    fn done(self, (): ()) {}
    fn failed(self, (): (), _: &dyn Display) {}
    fn replaced(self, (): ()) {}
    fn retry(self, (): (), _: u32, _: &dyn Display) {}
    fn skipped(self, (): (), _: &'static Step) {}
    fn decided(self, (): (), _: &Decided<'_>) {}
    fn token(self, (): (), _: &str) {}
    fn restarted(self, (): ()) {}
    fn poll_room(self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl<O: Observer> ObserverRef for &O {
    type Span = O::Span;
    fn enter(self, parent: Self::Span, step: &'static Step) -> Self::Span {
        Observer::enter(self, parent, step)
    }
    fn done(self, span: Self::Span) {
        Observer::done(self, span);
    }
    fn failed(self, span: Self::Span, error: &dyn Display) {
        Observer::failed(self, span, error);
    }
    fn replaced(self, span: Self::Span) {
        Observer::replaced(self, span);
    }
    fn retry(self, span: Self::Span, attempt: u32, error: &dyn Display) {
        Observer::retry(self, span, attempt, error);
    }
    fn skipped(self, parent: Self::Span, step: &'static Step) {
        Observer::skipped(self, parent, step);
    }
    fn decided(self, span: Self::Span, decision: &Decided<'_>) {
        Observer::decided(self, span, decision);
    }
    fn token(self, span: Self::Span, text: &str) {
        Observer::token(self, span, text);
    }
    fn restarted(self, span: Self::Span) {
        Observer::restarted(self, span);
    }
    fn poll_room(self, cx: &mut Context<'_>) -> Poll<()> {
        Observer::poll_room(self, cx)
    }
}

/// The observer and the span that code stands in. It is not `Copy`, so that an `async` block that uses it takes
/// it by value: without an observer that costs no byte.
#[derive(Debug)]
pub struct Cx<O: ObserverRef> {
    observer: O,
    span: O::Span,
}

impl Cx<Silent> {
    /// Nobody watches.
    #[must_use]
    pub fn silent() -> Self {
        Self { observer: Silent, span: () }
    }
}

pin_project! {
    /// A run with an observer, who is told when it is over: also when it is dropped.
    #[derive(Debug)]
    pub struct Observed<'a, O: Observer, F> {
        #[pin]
        run: F,
        observer: &'a O,
        span: O::Span,
        over: bool,
    }

    impl<O: Observer, F> PinnedDrop for Observed<'_, O, F> {
        fn drop(this: Pin<&mut Self>) {
            if !this.over {
                this.observer.end(this.span, Ended::Dropped);
            }
        }
    }
}

/// Runs `run` and tells `observer` of its beginning and its end.
pub fn observed<'a, O: Observer, F: Future>(
    observer: &'a O,
    plan: &'static Plan,
    run: impl FnOnce(Cx<&'a O>) -> F,
) -> Observed<'a, O, F> {
    let span = observer.begin(plan);
    Observed { run: run(Cx { observer, span }), observer, span, over: false }
}

impl<O: Observer, F: Future> Future for Observed<'_, O, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.run.poll(cx);
        if polled.is_ready() {
            *this.over = true;
            this.observer.end(*this.span, Ended::Finished);
        }
        polled
    }
}

impl<O: ObserverRef> Cx<O> {
    /// When the run must have ended, if there is such a time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.observer.deadline()
    }

    /// The same, with a deadline in `limit_ms` milliseconds, or the inherited one if that is earlier.
    #[must_use]
    pub fn within(self, limit_ms: u64) -> Cx<ByDeadline<O>> {
        let deadline = self.until(limit_ms);
        Cx { observer: ByDeadline::new(self.observer, deadline), span: self.span }
    }

    /// A step starts.
    #[must_use]
    pub fn enter(&self, step: &'static Step) -> Entered<O> {
        Entered { observer: self.observer, span: self.observer.enter(self.span, step) }
    }

    /// A step does not run.
    pub fn skip(&self, step: &'static Step) {
        self.observer.skipped(self.span, step);
    }

    /// Waits until the observer can take more.
    pub fn room(&self) -> impl Future<Output = ()> + use<O> {
        let observer = self.observer;
        std::future::poll_fn(move |cx| observer.poll_room(cx))
    }

    /// The same for a branch.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { observer: self.observer, span: self.span }
    }
}

/// A step that has started.
#[derive(Debug)]
pub struct Entered<O: ObserverRef> {
    observer: O,
    span: O::Span,
}

// Derived, they would ask for `O::Span: Clone` of everyone who names the type.
#[allow(clippy::expl_impl_clone_on_copy)]
impl<O: ObserverRef> Clone for Entered<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: ObserverRef> Copy for Entered<O> {}

impl<O: ObserverRef> Entered<O> {
    /// What stands inside the step.
    #[must_use]
    pub fn inside(&self) -> Cx<O> {
        Cx { observer: self.observer, span: self.span }
    }

    /// A route was taken.
    pub fn decided(&self, decision: &Decided<'_>) {
        self.observer.decided(self.span, decision);
    }
}

/// How a step ends.
pub trait Leave: Copy {
    /// With a value.
    fn done(self) {}
    /// With an error.
    fn failed(&self, error: &dyn Display) {
        let _ = error;
    }
    /// With an error that something stands in for.
    fn replaced(&self) {}
    /// Not yet: attempt number `attempt` follows.
    fn retry(&self, attempt: u32, error: &dyn Display) {
        let _ = (attempt, error);
    }
    /// It has a piece of its text.
    fn token(&self, text: &str) {
        let _ = text;
    }
    /// The text so far is void, and it begins anew.
    fn restarted(&self) {}
    /// Ready when the observer can take more.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }
}

impl Leave for () {}

impl<L: Leave> Leave for &L {
    fn done(self) {
        (*self).done();
    }
    fn failed(&self, error: &dyn Display) {
        (**self).failed(error);
    }
    fn replaced(&self) {
        (**self).replaced();
    }
    fn retry(&self, attempt: u32, error: &dyn Display) {
        (**self).retry(attempt, error);
    }
    fn token(&self, text: &str) {
        (**self).token(text);
    }
    fn restarted(&self) {
        (**self).restarted();
    }
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_room(cx)
    }
}

impl<O: ObserverRef> Leave for Entered<O> {
    fn done(self) {
        self.observer.done(self.span);
    }
    fn failed(&self, error: &dyn Display) {
        self.observer.failed(self.span, error);
    }
    fn replaced(&self) {
        self.observer.replaced(self.span);
    }
    fn retry(&self, attempt: u32, error: &dyn Display) {
        self.observer.retry(self.span, attempt, error);
    }
    fn token(&self, text: &str) {
        self.observer.token(self.span, text);
    }
    fn restarted(&self) {
        self.observer.restarted(self.span);
    }
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.observer.poll_room(cx)
    }
}

/// An error on its way out. orch's own learns where it came from; any other passes as it is.
#[derive(Debug)]
pub struct Fault<E>(pub E);

impl Fault<Error> {
    /// Names the step.
    #[must_use]
    pub fn at(self, name: &str, attempts: u32, elapsed: Option<Duration>) -> Error {
        self.0.at(name, attempts, elapsed)
    }
}

/// Names the step an error came through, and tells the observer.
pub fn fault<L: Leave>(
    entered: &L,
    failure: Error,
    name: &'static str,
    attempts: u32,
    elapsed: Option<Duration>,
) -> Error {
    let failure = failure.at(name, attempts, elapsed);
    entered.failed(&failure);
    failure
}

/// The error of a branch that already is the error of the whole.
pub fn as_is<E>((): &(), error: E) -> E {
    error
}

/// [`Fault::at`] for errors that cannot be told.
pub trait LocateAny<E> {
    /// The error.
    fn at(self, name: &str, attempts: u32, elapsed: Option<Duration>) -> E;
}

impl<E> LocateAny<E> for Fault<E> {
    fn at(self, _: &str, _: u32, _: Option<Duration>) -> E {
        self.0
    }
}

/// An error in words, for an observer: its `Display` if it has one, else the name of its type.
#[derive(Debug)]
pub struct Description<'a, E>(pub &'a E);

/// A description by `Display`.
pub trait DescribeDisplay<'a> {
    /// The words.
    fn describe(&self) -> &'a dyn Display;
}

impl<'a, E: Display> DescribeDisplay<'a> for &Description<'a, E> {
    fn describe(&self) -> &'a dyn Display {
        self.0
    }
}

/// A description by the type's name.
pub trait DescribeAny {
    /// The words.
    fn describe(&self) -> &'static dyn Display;
}

impl<E> DescribeAny for Description<'_, E> {
    fn describe(&self) -> &'static dyn Display {
        &"an error that has no words for itself"
    }
}

/// Counts the rounds of a loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rounds(u32);

impl Rounds {
    /// One more round.
    ///
    /// # Errors
    ///
    /// When `max` rounds have been made.
    pub fn next(&mut self, max: u32) -> Result<(), Error> {
        if self.0 == max {
            return Err(Error::with(Kind::LoopBound, format!("went past its bound of {max} rounds")));
        }
        self.0 += 1;
        Ok(())
    }
}

/// Writes a plan where `cargo orch plan` looks for it, or to standard output.
///
/// # Panics
///
/// When the file cannot be written.
pub fn write_plan(module: &str, plan: &'static Plan) {
    use std::fmt::Write as _;
    if let Some(folder) = std::env::var_os("ORCH_PLAN_DIR") {
        let file =
            std::path::Path::new(&folder).join(format!("{}.{}.json", module.replace("::", "."), plan.name));
        let mut json = String::from("{\"module\":");
        json_string(&mut json, module);
        let _ = write!(json, ",\"plan\":{},\"mermaid\":", plan.to_json());
        json_string(&mut json, &plan.mermaid());
        json.push_str(",\"svg\":");
        json_string(&mut json, &plan.svg());
        json.push('}');
        if let Err(error) = std::fs::write(&file, json) {
            panic!("cannot write {}: {error}", file.display());
        }
    } else {
        let _ = std::io::Write::write_all(&mut std::io::stdout(), plan.mermaid().as_bytes());
    }
}
