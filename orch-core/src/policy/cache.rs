//! What a step has already given.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// Values by key, each computed once. For `#[cache(store, key = expr)]`.
///
/// Concurrent callers of one key share one call. A call that fails is not kept, and makes nothing else go: the next
/// caller tries again. When the store is full, the key whose value came first goes.
#[derive(Debug)]
pub struct Cache<K, V> {
    capacity: usize,
    cells: Mutex<Cells<K, V>>,
}

#[derive(Debug)]
struct Cells<K, V> {
    values: HashMap<K, V>,
    /// The keys of the values, in the order in which they came.
    order: VecDeque<K>,
    /// What is being computed.
    filling: HashMap<K, Arc<OnceCell<V>>>,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// A store for at most `capacity` values; 0 counts as 1.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let cells = Cells { values: HashMap::new(), order: VecDeque::new(), filling: HashMap::new() };
        Self { capacity: capacity.max(1), cells: Mutex::new(cells) }
    }

    /// The value of `key`, from the store or from `fill`.
    ///
    /// # Errors
    ///
    /// What `fill` gives.
    pub async fn get_or_fill<E>(&self, key: K, fill: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let cell = {
            let mut cells = self.lock();
            if let Some(value) = cells.values.get(&key) {
                return Ok(value.clone());
            }
            Arc::clone(cells.filling.entry(key.clone()).or_default())
        };
        // Dropped or failed, the last who waited for the key takes it out again.
        let filling = Filling { cache: self, key: Some(key), cell };
        let value = filling.cell.get_or_try_init(|| fill).await?.clone();
        Ok(filling.keep(value))
    }

    fn lock(&self) -> MutexGuard<'_, Cells<K, V>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller that waits for a key's value.
struct Filling<'a, K: Clone + Eq + Hash, V: Clone> {
    cache: &'a Cache<K, V>,
    /// None when the value is kept.
    key: Option<K>,
    cell: Arc<OnceCell<V>>,
}

impl<K: Clone + Eq + Hash, V: Clone> Filling<'_, K, V> {
    /// Keeps the value, if none of those who waited has.
    fn keep(mut self, value: V) -> V {
        let Some(key) = self.key.take() else { return value };
        let mut cells = self.cache.lock();
        if cells.filling.get(&key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
            cells.filling.remove(&key);
            if cells.values.len() >= self.cache.capacity
                && let Some(oldest) = cells.order.pop_front()
            {
                cells.values.remove(&oldest);
            }
            cells.order.push_back(key.clone());
            cells.values.insert(key, value.clone());
        }
        value
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Filling<'_, K, V> {
    fn drop(&mut self) {
        let Some(key) = &self.key else { return };
        let mut cells = self.cache.lock();
        // The store has one and this caller another.
        let alone = Arc::strong_count(&self.cell) <= 2;
        if alone && cells.filling.get(key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
            cells.filling.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_or_is_dropped_makes_nothing_else_go() {
        let cache = Cache::new(2);
        let ok = |key: u32| cache.get_or_fill(key, async move { Ok::<_, ()>(key) });
        assert_eq!((ok(1).await, ok(2).await), (Ok(1), Ok(2)));
        for key in 100..110 {
            assert_eq!(cache.get_or_fill(key, async { Err(()) }).await, Err(()));
            let never = cache.get_or_fill(key, std::future::pending::<Result<u32, ()>>());
            assert!(tokio::time::timeout(std::time::Duration::from_millis(1), never).await.is_err());
        }
        assert!(cache.lock().filling.is_empty());
        let kept = |key: u32| cache.get_or_fill(key, async { Err(()) });
        assert_eq!((kept(1).await, kept(2).await), (Ok(1), Ok(2)));
        assert_eq!(ok(3).await, Ok(3));
        assert_eq!((kept(1).await, kept(2).await, kept(3).await), (Err(()), Ok(2), Ok(3)));
    }
}
