//! Statements of a workflow that wait for each other's values, where the graph is not series-parallel.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fan_out::Parallel;

/// A value that crosses from one strand to others.
#[derive(Debug)]
pub struct Slot<T>(OnceLock<T>);

/// Whether a slot has been filled since it was last asked.
#[derive(Debug, Default)]
pub struct Progress(AtomicBool);

impl Progress {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slot<T> {
    /// An empty slot.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Fills the slot and lends what is in it.
    pub fn fill(&self, value: T, progress: &Progress) -> &T {
        progress.0.store(true, Ordering::Relaxed);
        self.0.get_or_init(|| value)
    }

    /// Waits until the slot is filled. The strands are polled again whenever one was, so nobody need be woken.
    pub fn filled(&self) -> impl Future<Output = &T> {
        std::future::poll_fn(|_| match self.0.get() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
    }

    /// What was put in.
    ///
    /// # Panics
    ///
    /// When nothing was. An expansion asks only when every strand has ended.
    #[must_use]
    pub fn into_value(self) -> T {
        match self.0.into_inner() {
            Some(value) => value,
            None => unreachable!("every strand has ended, so every slot is filled"),
        }
    }
}

/// A value that one strand gives to another.
#[derive(Debug)]
pub struct Handover<T>(Mutex<Option<T>>);

impl<T> Default for Handover<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Handover<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the value.
    pub fn fill(&self, value: T, progress: &Progress) {
        progress.0.store(true, Ordering::Relaxed);
        *self.lock() = Some(value);
    }

    /// Waits for the value and takes it. As for [`Slot::filled`], nobody need be woken.
    pub fn taken(&self) -> impl Future<Output = T> {
        std::future::poll_fn(|_| match self.lock().take() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
    }
}

/// A value that several strands borrow, and that one takes when they have given it back.
#[derive(Debug)]
pub struct Loans<T> {
    value: Mutex<Option<Arc<T>>>,
    /// How many have yet to give it back.
    out: AtomicUsize,
}

/// A loan of a value.
#[derive(Debug)]
pub struct Loan<T>(Arc<T>);

impl<T> Deref for Loan<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Loans<T> {
    /// Nothing yet; `borrowers` will ask for it, and then one will take it.
    #[must_use]
    pub const fn new(borrowers: usize) -> Self {
        Self { value: Mutex::new(None), out: AtomicUsize::new(borrowers) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the value.
    pub fn fill(&self, value: T, progress: &Progress) {
        progress.0.store(true, Ordering::Relaxed);
        *self.lock() = Some(Arc::new(value));
    }

    /// Waits for the value and borrows it. As for [`Slot::filled`], nobody need be woken.
    pub fn lent(&self) -> impl Future<Output = Loan<T>> {
        std::future::poll_fn(|_| match &*self.lock() {
            Some(value) => Poll::Ready(Loan(Arc::clone(value))),
            None => Poll::Pending,
        })
    }

    /// Ends a loan.
    pub fn give_back(&self, loan: Loan<T>, progress: &Progress) {
        drop(loan);
        self.out.fetch_sub(1, Ordering::Relaxed);
        progress.0.store(true, Ordering::Relaxed);
    }

    /// Waits until every borrower has given the value back, and takes it.
    pub fn taken(&self) -> impl Future<Output = T> {
        std::future::poll_fn(|_| {
            if self.out.load(Ordering::Relaxed) > 0 {
                return Poll::Pending;
            }
            self.lock().take().and_then(Arc::into_inner).map_or(Poll::Pending, Poll::Ready)
        })
    }
}

pin_project! {
    /// Strands that run until all have ended or one has failed.
    #[derive(Debug)]
    pub struct Strands<'a, P> {
        #[pin]
        strands: P,
        progress: &'a Progress,
    }
}

/// Runs strands that hand values over through slots.
pub fn strands<P: Parallel>(strands: P, progress: &Progress) -> Strands<'_, P> {
    Strands { strands, progress }
}

impl<P: Parallel> Future for Strands<'_, P> {
    type Output = Result<(), P::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            this.progress.0.store(false, Ordering::Relaxed);
            match this.strands.as_mut().poll_all(cx) {
                Poll::Ready(result) => return Poll::Ready(result),
                Poll::Pending if this.progress.0.load(Ordering::Relaxed) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
