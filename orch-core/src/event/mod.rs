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

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use crate::error::{Error, Result};

mod running;

#[doc(hidden)]
pub use running::handler;
pub use running::{Bus, Drained, Outcomes, bus};

/// The events of a bus. Derive it.
pub trait Event: Sized {
    /// What handlers work with.
    type Context: ?Sized;

    /// What handlers give, for whoever watches: `()` unless `#[event(output = ..)]` says otherwise.
    type Output;

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

/// A handler has ended. Both carry the event, and what came of it.
#[derive(Debug)]
pub enum Ended<E: Event> {
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
        /// What it gave.
        output: E::Output,
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
