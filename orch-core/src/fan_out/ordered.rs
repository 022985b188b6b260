//! Results that come in any order, put back into the order of the input.

use std::collections::VecDeque;

/// What the calls of a map have given.
#[derive(Debug)]
pub(super) struct Ordered<T> {
    /// The results of the first calls, without a gap.
    done: Vec<T>,
    /// Of the calls after those, from the first that runs.
    ahead: VecDeque<Option<T>>,
}

impl<T> Ordered<T> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { done: Vec::with_capacity(capacity), ahead: VecDeque::new() }
    }

    /// Keeps the result of call `index`; calls before it may still run.
    pub(super) fn keep(&mut self, index: usize, result: T) {
        if index == self.done.len() {
            self.done.push(result);
            if !self.ahead.is_empty() {
                self.close_up();
            }
        } else {
            self.keep_ahead(index, result);
        }
    }

    /// The gap is closed: what follows it without another gap is done.
    #[cold]
    fn close_up(&mut self) {
        self.ahead.pop_front();
        while let Some(Some(_)) = self.ahead.front() {
            self.done.extend(self.ahead.pop_front().flatten());
        }
    }

    #[cold]
    fn keep_ahead(&mut self, index: usize, result: T) {
        let at = index - self.done.len();
        if self.ahead.len() <= at {
            self.ahead.resize_with(at + 1, || None);
        }
        self.ahead[at] = Some(result);
    }

    /// All of them. Every call has ended, so there is no gap.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.done)
    }

    /// Those of the first `started` calls; `None` where one has not ended.
    pub(super) fn take_partial(&mut self, started: usize) -> Vec<Option<T>> {
        let mut all: Vec<Option<T>> = self.take().into_iter().map(Some).collect();
        all.extend(std::mem::take(&mut self.ahead));
        all.resize_with(started, || None);
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Ordered;

    proptest! {
        #[test]
        fn any_order_becomes_the_order_of_the_input(order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(), cut in 0..40_usize) {
            let mut partial = Ordered::with_capacity(0);
            let mut whole = Ordered::with_capacity(0);
            for (count, index) in order.iter().copied().enumerate() {
                if count < cut {
                    partial.keep(index, index);
                }
                whole.keep(index, index);
            }
            prop_assert_eq!(whole.take(), (0..40).collect::<Vec<_>>());
            let kept: Vec<Option<usize>> = (0..40).map(|index| order[..cut].contains(&index).then_some(index)).collect();
            prop_assert_eq!(partial.take_partial(40), kept);
        }
    }
}
