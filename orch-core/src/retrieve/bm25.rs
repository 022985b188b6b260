//! Passages by the words they share with a query.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::router::fold;

/// How quickly another occurrence of a term stops counting.
const K1: f64 = 1.2;
/// How much the length of a passage counts.
const B: f64 = 0.75;

/// An index of words, scored by BM25 (Robertson and Zaragoza, 2009, with k1 = 1.2 and b = 0.75). Case and accents do not
/// count.
///
/// ```
/// use orch_core::retrieve::Bm25;
///
/// let mut index = Bm25::new();
/// index.add(1, "The lock blinks while it pairs.");
/// index.add(2, "Orders can be sent back.");
/// assert_eq!(index.search("why does my LOCK blink?", 5)[0].0, 1);
/// assert!(index.search("weather", 5).is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bm25 {
    /// Where each term occurs, and how often there.
    postings: HashMap<String, HashMap<u64, u32>>,
    /// How many terms each passage has.
    lengths: HashMap<u64, u32>,
    total: u64,
}

impl Bm25 {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many passages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Adds a passage, in place of one of the same number.
    pub fn add(&mut self, id: u64, text: &str) {
        self.remove(id);
        let mut length = 0;
        for term in terms(text) {
            *self.postings.entry(term).or_default().entry(id).or_default() += 1;
            length += 1;
        }
        self.lengths.insert(id, length);
        self.total += u64::from(length);
    }

    /// Takes a passage out.
    pub fn remove(&mut self, id: u64) {
        let Some(length) = self.lengths.remove(&id) else { return };
        self.total -= u64::from(length);
        self.postings.retain(|_, passages| {
            passages.remove(&id);
            !passages.is_empty()
        });
    }

    /// The passages that share a word with the query and their scores, best first, `count` at most.
    #[must_use]
    pub fn search(&self, query: &str, count: usize) -> Vec<(u64, f64)> {
        let passages = self.lengths.len() as f64;
        let average = self.total as f64 / passages.max(1.0);
        let mut scores: HashMap<u64, f64> = HashMap::new();
        let mut asked: Vec<String> = terms(query).collect();
        asked.sort_unstable();
        asked.dedup();
        for term in asked {
            let Some(found) = self.postings.get(&term) else { continue };
            let in_passages = found.len() as f64;
            let rarity = (1.0 + (passages - in_passages + 0.5) / (in_passages + 0.5)).ln();
            for (id, times) in found {
                let length = f64::from(self.lengths.get(id).copied().unwrap_or(0));
                let times = f64::from(*times);
                let score = rarity * times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * length / average));
                *scores.entry(*id).or_default() += score;
            }
        }
        let mut ranked: Vec<(u64, f64)> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(count);
        ranked
    }
}

/// The words of a text, as they are compared.
fn terms(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text);
    let words: Vec<String> = folded.unicode_words().map(str::to_owned).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_by_hand() {
        let mut index = Bm25::new();
        index.add(1, "a b");
        index.add(2, "a c c d");
        // Term c: in 1 of 2 passages, 2 times in one of length 4, where the average is 3.
        let rarity = (1.0_f64 + (2.0 - 1.0 + 0.5) / 1.5).ln();
        let expected = rarity * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 4.0 / 3.0));
        let found = index.search("C", 9);
        assert_eq!(found[0].0, 2);
        assert!((found[0].1 - expected).abs() < 1e-12);
        index.remove(2);
        assert!(index.search("c", 9).is_empty() && index.len() == 1);
        index.add(1, "Überraschung");
        assert_eq!(index.search("uberraschung", 9).len(), 1);
        assert!(index.search("b", 9).is_empty(), "what stood there before is gone");
    }
}
