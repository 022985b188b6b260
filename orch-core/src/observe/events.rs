//! A run as a stream: what its steps do, the tokens they have, and its result, as the caller asks for them.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{Decided, Observer};
use crate::plan::{Plan, Step};

/// The queue between a workflow and the one who reads its stream.
///
/// `NAME::stream(&mut events, ..)` runs a workflow as a stream of [`WorkflowEvent`]s, in the task that reads it: nothing is
/// spawned, and the workflow only moves while somebody asks for the next event. Tokens and rounds of loops wait
/// while the queue is full, so what is held is at most the capacity, plus the steps that start and end between two
/// waits: a number the plan knows, and the elements of a map that start together. The last event is the
/// workflow's result; it does not pass through the queue and cannot be lost. Dropping the stream drops the
/// workflow. Time goes on while nobody asks: a reader slower than a step's `#[timeout]` lets it run out.
///
/// ```
/// # use futures_util::stream::{self, Stream, StreamExt as _};
/// # use orch_core::{Change, Events, Result, WorkflowEvent, workflow};
/// fn write(topic: &str) -> impl Stream<Item = Result<String>> {
///     stream::iter([format!("On {topic}: "), "..".to_owned()]).map(Ok)
/// }
///
/// workflow!(
///     async fn essay(topic: &str) -> Result<usize> {
///         #[stream]
///         let text = write(topic).await?;
///         Ok(text.len())
///     }
/// );
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut events = Events::bounded(16);
/// let mut run = std::pin::pin!(essay::stream(&mut events, "tea"));
/// while let Some(event) = run.next().await {
///     match event {
///         WorkflowEvent::Step(event) => {
///             if let Change::Token(text) = event.change {
///                 println!("{}: {text}", event.step.name);
///             }
///         }
///         WorkflowEvent::Ended(result) => assert_eq!(result?, 10),
///     }
/// }
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Events {
    capacity: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<StepEvent>,
    /// Who waits for room.
    waiting: Vec<Waker>,
    entered: u64,
    /// Whether somebody reads. Without a reader nothing is kept, and nobody waits.
    read: bool,
}

/// What a streamed workflow has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkflowEvent<T> {
    /// Of one of its steps.
    Step(StepEvent),
    /// That it is over: what it gave. The last event.
    Ended(T),
}

/// What happened to a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEvent {
    /// The step.
    pub step: &'static Step,
    /// Which time a step was entered, counted from 1 in the order of entering: what the events of one step have in
    /// common. 0 for a step that was skipped.
    pub id: u64,
    /// The [`id`](Self::id) of the step around it; 0 where there is none.
    pub parent: u64,
    /// What happened.
    pub change: Change,
}

/// What can happen to a step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// It started.
    Entered,
    /// It has the next piece of its text: `#[stream]`. After [`Retried`](Self::Retried) and
    /// [`Restarted`](Self::Restarted) the text begins anew.
    Token(String),
    /// Its text so far is void: another model took over, or an agent's next turn began.
    Restarted,
    /// An attempt failed, and another follows.
    Retried {
        /// The number of the attempt that follows.
        attempt: u32,
        /// Why the one before failed.
        error: String,
    },
    /// A route was taken on a decision.
    Decided {
        /// The label of the route.
        route: String,
        /// The router's confidence, from 0 to 1.
        confidence: f64,
        /// The stage that decided.
        decided_by: String,
    },
    /// It gave its value.
    Completed,
    /// It failed for good.
    Failed {
        /// Why.
        error: String,
    },
    /// Its `#[when]` was false.
    Skipped,
}

/// Where a step stands: its event's `id`, its parent's, and the step; the run has none.
#[derive(Clone, Copy, Debug)]
pub struct EventSpan {
    id: u64,
    parent: u64,
    step: Option<&'static Step>,
}

impl Events {
    /// A queue that takes `capacity` events before a workflow waits; 0 counts as 1.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), queue: Mutex::default() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, span: EventSpan, change: Change) {
        if let Some(step) = span.step {
            let mut queue = self.queue();
            if queue.read {
                queue.events.push_back(StepEvent { step, id: span.id, parent: span.parent, change });
            }
        }
    }

    fn pop(&self) -> Option<StepEvent> {
        let mut queue = self.queue();
        let event = queue.events.pop_front()?;
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        Some(event)
    }
}

impl Observer for Events {
    type Span = EventSpan;

    fn begin(&self, _: &'static Plan) -> EventSpan {
        let mut queue = self.queue();
        *queue = Queue { read: queue.read, ..Queue::default() };
        EventSpan { id: 0, parent: 0, step: None }
    }

    fn enter(&self, parent: EventSpan, step: &'static Step) -> EventSpan {
        let id = {
            let mut queue = self.queue();
            queue.entered += 1;
            queue.entered
        };
        let span = EventSpan { id, parent: parent.id, step: Some(step) };
        self.push(span, Change::Entered);
        span
    }

    fn done(&self, span: EventSpan) {
        self.push(span, Change::Completed);
    }

    fn failed(&self, span: EventSpan, error: &dyn Display) {
        self.push(span, Change::Failed { error: error.to_string() });
    }

    fn retry(&self, span: EventSpan, attempt: u32, error: &dyn Display) {
        self.push(span, Change::Retried { attempt, error: error.to_string() });
    }

    fn skipped(&self, parent: EventSpan, step: &'static Step) {
        self.push(EventSpan { id: 0, parent: parent.id, step: Some(step) }, Change::Skipped);
    }

    fn decided(&self, span: EventSpan, decision: &Decided<'_>) {
        let Decided { route, confidence, decided_by } = *decision;
        let (route, decided_by) = (route.to_owned(), decided_by.to_owned());
        self.push(span, Change::Decided { route, confidence, decided_by });
    }

    fn token(&self, span: EventSpan, text: &str) {
        self.push(span, Change::Token(text.to_owned()));
    }

    fn restarted(&self, span: EventSpan) {
        self.push(span, Change::Restarted);
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.queue();
        if !queue.read || queue.events.len() < self.capacity {
            return Poll::Ready(());
        }
        if !queue.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            queue.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

pin_project! {
    /// A workflow that runs as its events are asked for. Made by `NAME::stream`; see [`Events`].
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Streamed<'a, F: Future> {
        #[pin]
        run: Option<F>,
        events: &'a Events,
        output: Option<F::Output>,
    }

    impl<F: Future> PinnedDrop for Streamed<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            this.events.queue().read = false;
        }
    }
}

impl<F: Future> fmt::Debug for Streamed<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.events.queue().events.len();
        f.debug_struct("Streamed").field("running", &self.run.is_some()).field("queued", &queued).finish()
    }
}

/// Runs a workflow that tells `events` of its steps.
pub fn streamed<F: Future>(events: &Events, run: impl FnOnce() -> F) -> Streamed<'_, F> {
    events.queue().read = true;
    let run = run();
    Streamed { run: Some(run), events, output: None }
}

impl<F: Future> Stream for Streamed<'_, F> {
    type Item = WorkflowEvent<F::Output>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(event) = this.events.pop() {
            return Poll::Ready(Some(WorkflowEvent::Step(event)));
        }
        if let Some(run) = this.run.as_mut().as_pin_mut()
            && let Poll::Ready(output) = run.poll(cx)
        {
            this.run.set(None);
            *this.output = Some(output);
        }
        match this.events.pop() {
            Some(event) => Poll::Ready(Some(WorkflowEvent::Step(event))),
            None if this.run.is_some() => Poll::Pending,
            None => Poll::Ready(this.output.take().map(WorkflowEvent::Ended)),
        }
    }
}

impl<F: Future> FusedStream for Streamed<'_, F> {
    fn is_terminated(&self) -> bool {
        self.run.is_none() && self.output.is_none() && self.events.queue().events.is_empty()
    }
}
