//! What a step has already given.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Values by key, each computed once. For `#[cache(store, key = expr)]`.
///
/// Concurrent callers of one key share one call. A call that fails is not kept: the next caller tries again.
/// When the store is full, the key that was added first goes.
#[derive(Debug)]
pub struct Cache<K, V> {
    capacity: usize,
    cells: Mutex<Cells<K, V>>,
}

#[derive(Debug)]
struct Cells<K, V> {
    by_key: HashMap<K, Arc<OnceCell<V>>>,
    /// The keys in the order in which they were added.
    order: std::collections::VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// A store for at most `capacity` keys; 0 counts as 1.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let cells = Cells { by_key: HashMap::new(), order: std::collections::VecDeque::new() };
        Self { capacity: capacity.max(1), cells: Mutex::new(cells) }
    }

    /// The value of `key`, from the store or from `fill`.
    ///
    /// # Errors
    ///
    /// What `fill` gives.
    pub async fn get_or_fill<E>(&self, key: K, fill: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let cell = self.cell(key);
        cell.get_or_try_init(|| fill).await.cloned()
    }

    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = cells.by_key.get(&key) {
            return Arc::clone(cell);
        }
        if cells.by_key.len() >= self.capacity
            && let Some(oldest) = cells.order.pop_front()
        {
            cells.by_key.remove(&oldest);
        }
        let cell = Arc::new(OnceCell::new());
        cells.order.push_back(key.clone());
        cells.by_key.insert(key, Arc::clone(&cell));
        cell
    }
}
