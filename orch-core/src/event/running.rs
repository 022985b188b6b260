//! A bus that runs.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use pin_project_lite::pin_project;
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::{Emitter, Ended, Envelope, Event, Sender, Stamp, lock};
use crate::error::{Error, Result};

/// Events handled at the same time, unless a bus is told otherwise.
const CONCURRENCY: usize = 8;
/// Rounds of a bus's loop after which other tasks have their turn.
const ROUNDS: u32 = 64;

/// A bus for events, on which `room` wait (at least one).
#[must_use]
pub fn bus<E: Event>(room: usize) -> (Sender<E>, Bus<E>) {
    let room = room.max(1);
    let (sender, receiver) = mpsc::channel(room);
    (Sender(sender), Bus { receiver, room, concurrency: CONCURRENCY, timeout: None })
}

/// Events that wait, and what runs their handlers.
#[derive(Debug)]
pub struct Bus<E> {
    receiver: mpsc::Receiver<Box<Envelope<E>>>,
    room: usize,
    concurrency: usize,
    timeout: Option<Duration>,
}

/// What a bus did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How many events there were.
    pub events: u64,
    /// How many handlers ended well.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many events were not, or not wholly, handled when the time to drain was over.
    pub left: u64,
}

impl<E: Event> Bus<E> {
    /// Handles at most so many events at the same time; 0 counts as 1. All handlers of one event run at the same time.
    #[must_use]
    pub fn concurrency(self, events: usize) -> Self {
        Self { concurrency: events.max(1), ..self }
    }

    /// Drops a handler that takes longer than this: it has failed. Wants tokio's time.
    #[must_use]
    pub fn handler_timeout(self, limit: Duration) -> Self {
        Self { timeout: Some(limit), ..self }
    }

    /// Handles events until the last [`Sender`] is dropped, nothing waits and no handler runs. `watch` is told of every
    /// handler as it ends. Handlers run in this task: they may borrow from the context.
    pub async fn run(self, context: &E::Context, watch: impl FnMut(Ended<E>)) -> Drained {
        self.run_until(std::future::pending(), Duration::MAX, context, watch).await
    }

    /// As [`run`](Bus::run), until `stop` is done, such as a signal that the process is to end. From then on senders are told
    /// that the bus is [closed](super::Closed), and what had been sent is handled for as long as `grace`; what is left then is
    /// dropped, and counted. Wants tokio's time once it has stopped.
    pub async fn run_until(
        mut self,
        stop: impl Future<Output = ()>,
        grace: Duration,
        context: &E::Context,
        mut watch: impl FnMut(Ended<E>),
    ) -> Drained {
        let waiting: Arc<Mutex<VecDeque<Envelope<E>>>> = Arc::default();
        let told: Arc<Mutex<VecDeque<Ended<E>>>> = Arc::default();
        let mut running: FuturesUnordered<Pin<Box<_>>> = FuturesUnordered::new();
        let mut drained = Drained::default();
        let mut open = true;
        let mut end = std::pin::pin!(End { stop: Some(stop), grace, over: None });
        let mut rounds = 0_u32;
        loop {
            rounds = rounds.wrapping_add(1);
            let mut happened = None;
            if rounds.is_multiple_of(ROUNDS) {
                // Handlers that never wait, and emit, would keep this task from being dropped, and others from their turn.
                yielded().await;
                happened = end.as_mut().now().await;
            }
            let may_begin = running.len() < self.concurrency;
            let mut next = if may_begin { lock(&waiting).pop_front() } else { None };
            if next.is_none() && happened.is_none() {
                let may_take = open && may_begin;
                if running.is_empty() && !may_take {
                    return drained;
                }
                let waits = std::future::poll_fn(|cx| {
                    let ended = matches!(running.poll_next_unpin(cx), Poll::Ready(Some(())));
                    let emitted = may_begin && !lock(&waiting).is_empty();
                    if ended || emitted || !lock(&told).is_empty() {
                        return Poll::Ready(Happened::Inside);
                    }
                    if let Poll::Ready(end) = end.as_mut().poll(cx) {
                        return Poll::Ready(end);
                    }
                    if may_take && let Poll::Ready(sent) = self.receiver.poll_recv(cx) {
                        return Poll::Ready(Happened::Sent(sent));
                    }
                    Poll::Pending
                });
                happened = Some(waits.await);
            }
            let over = matches!(happened, Some(Happened::Over));
            match happened {
                None | Some(Happened::Inside | Happened::Over) => {}
                Some(Happened::Sent(Some(envelope))) => next = Some(*envelope),
                Some(Happened::Sent(None)) => open = false,
                Some(Happened::Stopped) => self.receiver.close(),
            }
            let ended = std::mem::take(&mut *lock(&told));
            for one in ended {
                match &one {
                    Ended::Completed { .. } => drained.completed += 1,
                    Ended::Failed { .. } => drained.failed += 1,
                }
                watch(one);
            }
            if over {
                let sent = std::iter::from_fn(|| self.receiver.try_recv().ok()).count();
                let left = running.len() + lock(&waiting).len() + usize::from(next.is_some()) + sent;
                drained.left = left as u64;
                return drained;
            }
            if let Some(Envelope { event, at, cause }) = next {
                drained.events += 1;
                let stamp = Stamp { id: drained.events, at, cause };
                let emitter = Emitter { waiting: Arc::clone(&waiting), room: self.room, cause: stamp.id };
                let told = Arc::clone(&told);
                let outcomes = Outcomes { event: Arc::new(event), stamp, told, limit: self.timeout };
                running.push(Box::pin(handled(emitter, outcomes, context)));
            }
        }
    }
}

pin_project! {
    /// When a bus is to stop, and when it has to.
    struct End<S> {
        #[pin]
        stop: Option<S>,
        grace: Duration,
        over: Option<Pin<Box<Sleep>>>,
    }
}

impl<S: Future<Output = ()>> End<S> {
    fn poll<T>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Happened<T>> {
        let mut this = self.project();
        if let Some(stop) = this.stop.as_mut().as_pin_mut()
            && stop.poll(cx).is_ready()
        {
            this.stop.set(None);
            *this.over = Some(Box::pin(tokio::time::sleep(*this.grace)));
            return Poll::Ready(Happened::Stopped);
        }
        match this.over {
            Some(over) => over.as_mut().poll(cx).map(|()| Happened::Over),
            None => Poll::Pending,
        }
    }

    /// What is so now.
    async fn now<T>(mut self: Pin<&mut Self>) -> Option<Happened<T>> {
        std::future::poll_fn(|cx| {
            Poll::Ready(match self.as_mut().poll(cx) {
                Poll::Ready(happened) => Some(happened),
                Poll::Pending => None,
            })
        })
        .await
    }
}

/// Lets other tasks have their turn.
async fn yielded() {
    let mut had = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut had, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a bus waits for.
enum Happened<S> {
    /// A handler ended, or emitted an event.
    Inside,
    /// An event came from outside, or none will any more.
    Sent(S),
    /// It is to stop.
    Stopped,
    /// The time to drain is over.
    Over,
}

/// Where the handlers of one event tell how they ended.
pub struct Outcomes<E: Event> {
    event: Arc<E>,
    stamp: Stamp,
    told: Arc<Mutex<VecDeque<Ended<E>>>>,
    limit: Option<Duration>,
}

impl<E: Event> fmt::Debug for Outcomes<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

impl<E: Event> Outcomes<E> {
    fn tell(&self, handler: &'static str, took: Duration, result: Result<E::Output>) {
        let (event, stamp) = (Arc::clone(&self.event), self.stamp);
        lock(&self.told).push_back(match result {
            Ok(output) => Ended::Completed { event, stamp, handler, took, output },
            Err(error) => Ended::Failed { event, stamp, handler, took, error },
        });
    }
}

async fn handled<E: Event>(emitter: Emitter<E>, outcomes: Outcomes<E>, context: &E::Context) {
    let event = Arc::clone(&outcomes.event);
    event.handle(context, &emitter, &outcomes).await;
}

/// Runs one handler within its time, and tells how it ended. One that panics has failed.
#[doc(hidden)]
pub async fn handler<E: Event>(
    name: &'static str,
    work: impl Future<Output = Result<E::Output>>,
    outcomes: &Outcomes<E>,
) {
    let began = Instant::now();
    let work = AssertUnwindSafe(work).catch_unwind();
    let ended = match outcomes.limit {
        None => work.await,
        Some(limit) => {
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Ok(Err(Error::timeout(limit))))
        }
    };
    outcomes.tell(name, began.elapsed(), ended.unwrap_or_else(|panic| Err(panicked(&*panic))));
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::message(format!("panicked: {}", words.as_deref().unwrap_or("without a word")))
}
