//! Exact search over vectors of 8-bit numbers.
//!
//! A search reads every vector once. Vectors have length 1, are kept with one scale each, and the best are compared
//! again with the query as it was, so that only the rounding of what is kept remains: it moves a cosine by less than
//! 0.003.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::aligned::AlignedBytes;
use crate::simd::{add_scaled_bytes, dot_byte_rows, quantise};

/// How many more than asked for are compared again.
const SPARE: usize = 3;
/// Vectors whose products are made together.
const BLOCK: usize = 256;

/// Vectors to search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    pub(super) dimensions: usize,
    /// Vector after vector.
    pub(super) bytes: AlignedBytes,
    pub(super) scales: Vec<f32>,
}

/// A vector that is like the query: the smaller the more alike, then the earlier, so that a heap's top is the worst.
#[derive(PartialEq)]
struct Hit {
    score: f32,
    vector: u32,
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.vector.cmp(&other.vector))
    }
}

impl Index {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    /// How many numbers a vector has.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Adds a vector: of length 1, unless what it is compared by is more than an angle.
    pub(crate) fn push(&mut self, vector: &[f32]) {
        let (scale, bytes) = quantised(vector);
        self.scales.push(scale);
        self.bytes.extend_from_slice(&bytes);
    }

    /// Takes out the vectors `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut kept = Self::new(self.dimensions);
        (0..self.len()).filter(|vector| keep(*vector)).for_each(|vector| kept.push_of(self, vector));
        *self = kept;
    }

    /// Adds a vector of another index with as many dimensions.
    pub(super) fn push_of(&mut self, other: &Self, vector: usize) {
        self.scales.push(other.scales[vector]);
        self.bytes.extend_from_slice(other.vector(vector));
    }

    fn vector(&self, vector: usize) -> &[i8] {
        &self.bytes[vector * self.dimensions..(vector + 1) * self.dimensions]
    }

    /// The cosine of a vector and a query, which both have length 1.
    pub(super) fn cosine(&self, vector: usize, query: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; 8];
        for (numbers, query) in self.vector(vector).chunks(8).zip(query.chunks(8)) {
            for ((lane, number), query) in lanes.iter_mut().zip(numbers).zip(query) {
                *lane += f32::from(*number) * query;
            }
        }
        lanes.iter().sum::<f32>() * self.scales[vector]
    }

    /// Adds a vector to `sum`.
    pub(super) fn add_to(&self, vector: usize, sum: &mut [f32]) {
        add_scaled_bytes(sum, self.vector(vector), self.scales[vector]);
    }

    /// Gives `see` the cosine of each vector of a range and a query.
    pub(super) fn likenesses(&self, range: Range<usize>, query: &Bytes, mut see: impl FnMut(usize, f32)) {
        // So many at once that the products stay where they are quick to reach.
        let mut products = [0_i32; BLOCK];
        for start in range.clone().step_by(BLOCK) {
            let end = (start + BLOCK).min(range.end);
            let products = &mut products[..end - start];
            let block = &self.bytes[start * self.dimensions..end * self.dimensions];
            dot_byte_rows(block, &query.numbers, products);
            for ((vector, product), scale) in (start..end).zip(products).zip(&self.scales[start..end]) {
                see(vector, *product as f32 * scale * query.scale);
            }
        }
    }

    /// The `count` vectors most like the query, best first, with their cosines.
    pub(crate) fn nearest(&self, query: &[f32], count: usize) -> Vec<(u32, f32)> {
        let wanted = count.saturating_mul(SPARE).min(self.len());
        if wanted == 0 {
            return Vec::new();
        }
        let mut heap: BinaryHeap<Hit> = BinaryHeap::with_capacity(wanted + 1);
        let mut worst = f32::NEG_INFINITY;
        self.likenesses(0..self.len(), &Bytes::of(query), |vector, score| {
            if heap.len() < wanted {
                heap.push(Hit { score, vector: vector as u32 });
            } else if score > worst {
                heap.pop();
                heap.push(Hit { score, vector: vector as u32 });
            } else {
                return;
            }
            if heap.len() == wanted {
                worst = heap.peek().map_or(worst, |hit| hit.score);
            }
        });
        let mut hits: Vec<(u32, f32)> =
            heap.into_iter().map(|hit| (hit.vector, self.cosine(hit.vector as usize, query))).collect();
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        hits.truncate(count);
        hits
    }
}

/// A vector as a scale and 8-bit numbers.
pub(super) struct Bytes {
    pub(super) scale: f32,
    pub(super) numbers: AlignedBytes,
}

impl Bytes {
    pub(super) fn of(vector: &[f32]) -> Self {
        let mut numbers = AlignedBytes::zeros(vector.len());
        Self { scale: quantise(vector, numbers.as_mut_slice()), numbers }
    }
}

/// Numbers as a scale and integers from -127 to 127.
pub(super) fn quantised(numbers: &[f32]) -> (f32, Vec<i8>) {
    let mut bytes = vec![0; numbers.len()];
    (quantise(numbers, &mut bytes), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::encoder::normalise;

    fn vector(seed: u32, dimensions: usize) -> Vec<f32> {
        let mut random = crate::router::learned::Random(u64::from(seed) * 7_919 + 1);
        let mut vector: Vec<f32> = (0..dimensions).map(|_| random.unit() - 0.5).collect();
        normalise(&mut vector);
        vector
    }

    #[test]
    fn the_search_finds_what_comparing_all_finds() {
        let vectors: Vec<Vec<f32>> = (0..2_000).map(|seed| vector(seed, 48)).collect();
        let mut index = Index::new(48);
        vectors.iter().for_each(|vector| index.push(vector));
        for seed in 5_000..5_020 {
            let query = vector(seed, 48);
            let mut exact: Vec<(u32, f32)> = vectors
                .iter()
                .enumerate()
                .map(|(i, vector)| (i as u32, vector.iter().zip(&query).map(|(a, b)| a * b).sum()))
                .collect();
            exact.sort_by(|a, b| b.1.total_cmp(&a.1));
            let found = index.nearest(&query, 5);
            for ((_, found), (_, exact)) in found.iter().zip(&exact) {
                assert!((found - exact).abs() < 0.003, "{found} against {exact}");
            }
            assert_eq!(found.len(), 5);
        }
        index.retain(|vector| vector % 2 == 1);
        assert_eq!(index.len(), 1_000);
        assert_eq!(index.nearest(&vectors[7], 1)[0].0, 3);
        assert!(Index::new(4).nearest(&[0.0; 4], 3).is_empty());
    }

    #[test]
    fn quantised_numbers_are_within_half_a_step() {
        let numbers = [0.5, -1.0, 0.003, 0.0];
        let (scale, bytes) = quantised(&numbers);
        for (number, byte) in numbers.iter().zip(bytes) {
            assert!((f32::from(byte) * scale - number).abs() <= scale / 2.0 + f32::EPSILON);
        }
        assert_eq!(quantised(&[0.0; 3]), (0.0, vec![0; 3]));
    }
}
