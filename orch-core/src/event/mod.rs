//! Events: what happened, and who does something about it.
//!
//! The events of a bus are an enum, and `#[on(..)]` says who handles each. One that nobody handles does not compile. A
//! handler is an `async fn` of the context, the event's data and an [`Emitter`] for what follows from it.
//!
//! ```
//! use orch_core::event::{Emitter, Ended, bus};
//! use orch_core::{Event, Result};
//!
//! struct Archive;
//!
//! #[derive(Event)]
//! #[event(context = Archive)]
//! enum Document {
//!     #[on(extract)]
//!     Uploaded(String),
//!     #[on(classify, count)]
//!     Extracted(String),
//! }
//!
//! async fn extract(_: &Archive, file: &String, emitter: &Emitter<Document>) -> Result<()> {
//!     Ok(emitter.emit(Document::Extracted(file.to_uppercase()))?)
//! }
//! async fn classify(_: &Archive, text: &String, _: &Emitter<Document>) -> Result<()> {
//!     if text.is_empty() { Err(orch_core::Error::message("nothing to read")) } else { Ok(()) }
//! }
//! async fn count(_: &Archive, _: &String, _: &Emitter<Document>) -> Result<()> { Ok(()) }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let (sender, bus) = bus(16);
//! sender.send(Document::Uploaded("letter".to_owned())).await?;
//! sender.send(Document::Uploaded(String::new())).await?;
//! drop(sender);
//!
//! let mut failed = Vec::new();
//! let drained = bus.run(&Archive, |ended| if let Ended::Failed { handler, .. } = ended { failed.push(handler) }).await;
//! assert_eq!((drained.completed, drained.failed), (5, 1));
//! assert_eq!(failed, ["classify"]);
//! # orch_core::Ok(()) }).unwrap();
//! ```
//!
//! # Back-pressure
//!
//! A bus holds so many events that wait. Who sends from outside waits until there is room. A handler that emits does not
//! wait, since what it would wait for may be itself: when there is no room it gets [`Full`] back with its event, and
//! decides.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;

use crate::error::{Error, Result};

/// Events handled at the same time, unless a bus is told otherwise.
const CONCURRENCY: usize = 8;
/// Rounds of a bus's loop after which other tasks have their turn.
const ROUNDS: u32 = 64;

/// The events of a bus. Derive it.
pub trait Event: Sized {
    /// What handlers work with.
    type Context: ?Sized;

    /// The names of all events, and of the handlers of each, in the order in which they are declared.
    const HANDLERS: &'static [(&'static str, &'static [&'static str])];

    /// The event's name.
    fn name(&self) -> &'static str;

    /// Runs all handlers of the event, and tells of each when it has ended.
    fn handle(
        &self,
        context: &Self::Context,
        emitter: &Emitter<Self>,
        outcomes: &Outcomes<Self>,
    ) -> impl Future<Output = ()>;
}

/// When an event was emitted, and because of which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its number on this bus, from 1.
    pub id: u64,
    /// When it was sent or emitted.
    pub at: SystemTime,
    /// The number of the event whose handler emitted it.
    pub cause: Option<u64>,
}

/// A handler has ended. Both carry the event.
#[derive(Debug)]
pub enum Ended<E> {
    /// It did what it should.
    Completed {
        /// The event.
        event: Arc<E>,
        /// When it was emitted, and because of which.
        stamp: Stamp,
        /// The handler's name.
        handler: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// It failed, or panicked. The others go on.
    Failed {
        /// The event.
        event: Arc<E>,
        /// When it was emitted, and because of which.
        stamp: Stamp,
        /// The handler's name.
        handler: &'static str,
        /// How long it took.
        took: Duration,
        /// What it failed with.
        error: Error,
    },
}

/// There is no room for the event; here it is.
#[derive(PartialEq, Eq)]
pub struct Full<E>(pub E);

/// Nobody runs the bus any more; here is the event.
#[derive(PartialEq, Eq)]
pub struct Closed<E>(pub E);

/// Without the event, which may have no way to be shown.
macro_rules! returned {
    ($error:ident, $says:literal) => {
        impl<E> fmt::Display for $error<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($says)
            }
        }

        impl<E> fmt::Debug for $error<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($error))
            }
        }

        impl<E> std::error::Error for $error<E> {}
    };
}

returned!(Full, "the bus has no room for another event");
returned!(Closed, "nobody runs the bus any more");

struct Envelope<E> {
    event: E,
    at: SystemTime,
    cause: Option<u64>,
}

/// Sends events to a bus from outside. The bus ends when the last is dropped and all is handled.
#[derive(Debug)]
pub struct Sender<E>(mpsc::Sender<Box<Envelope<E>>>);

impl<E> fmt::Debug for Envelope<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("at", &self.at).field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<E> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Sender<E> {
    /// Sends an event, and waits until there is room for it.
    ///
    /// # Errors
    ///
    /// When nobody runs the bus any more.
    pub async fn send(&self, event: E) -> Result<(), Closed<E>> {
        let envelope = Box::new(Envelope { event, at: SystemTime::now(), cause: None });
        self.0.send(envelope).await.map_err(|refused| Closed(refused.0.event))
    }
}

/// Emits events from a handler.
pub struct Emitter<E> {
    waiting: Arc<Mutex<VecDeque<Envelope<E>>>>,
    room: usize,
    cause: u64,
}

impl<E> fmt::Debug for Emitter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("room", &self.room)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl<E> Emitter<E> {
    /// Emits an event, which is handled after those that wait.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn emit(&self, event: E) -> Result<(), Full<E>> {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= self.room {
            return Err(Full(event));
        }
        waiting.push_back(Envelope { event, at: SystemTime::now(), cause: Some(self.cause) });
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
pub struct Drained {
    /// How many events there were.
    pub events: u64,
    /// How many handlers ended well.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
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
    pub async fn run(mut self, context: &E::Context, mut watch: impl FnMut(Ended<E>)) -> Drained {
        let waiting: Arc<Mutex<VecDeque<Envelope<E>>>> = Arc::default();
        let told: Arc<Mutex<VecDeque<Ended<E>>>> = Arc::default();
        let mut running: FuturesUnordered<Pin<Box<_>>> = FuturesUnordered::new();
        let mut drained = Drained::default();
        let mut open = true;
        let mut rounds = 0_u32;
        loop {
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(ROUNDS) {
                // Handlers that never wait, and emit, would keep this task from being dropped, and others from their turn.
                yielded().await;
            }
            let may_begin = running.len() < self.concurrency;
            let mut next = if may_begin { lock(&waiting).pop_front() } else { None };
            if next.is_none() {
                let may_take = open && may_begin;
                if running.is_empty() && !may_take {
                    return drained;
                }
                let happened = std::future::poll_fn(|cx| {
                    let ended = matches!(running.poll_next_unpin(cx), Poll::Ready(Some(())));
                    let emitted = may_begin && !lock(&waiting).is_empty();
                    if ended || emitted || !lock(&told).is_empty() {
                        return Poll::Ready(Happened::Inside);
                    }
                    if may_take && let Poll::Ready(sent) = self.receiver.poll_recv(cx) {
                        return Poll::Ready(Happened::Sent(sent));
                    }
                    Poll::Pending
                });
                match happened.await {
                    Happened::Inside => {}
                    Happened::Sent(Some(envelope)) => next = Some(*envelope),
                    Happened::Sent(None) => open = false,
                }
                let ended = std::mem::take(&mut *lock(&told));
                for one in ended {
                    match &one {
                        Ended::Completed { .. } => drained.completed += 1,
                        Ended::Failed { .. } => drained.failed += 1,
                    }
                    watch(one);
                }
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
}

/// Where the handlers of one event tell how they ended.
pub struct Outcomes<E> {
    event: Arc<E>,
    stamp: Stamp,
    told: Arc<Mutex<VecDeque<Ended<E>>>>,
    limit: Option<Duration>,
}

impl<E> fmt::Debug for Outcomes<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

impl<E> Outcomes<E> {
    fn tell(&self, handler: &'static str, took: Duration, result: Result<()>) {
        let (event, stamp) = (Arc::clone(&self.event), self.stamp);
        lock(&self.told).push_back(match result {
            Ok(()) => Ended::Completed { event, stamp, handler, took },
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
pub async fn handler<E>(name: &'static str, work: impl Future<Output = Result<()>>, outcomes: &Outcomes<E>) {
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
