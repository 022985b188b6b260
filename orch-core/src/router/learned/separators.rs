//! The trained separators, small enough to ship and quick to apply.

use std::collections::BTreeMap;

use crate::router::vectors::quantised;
use crate::simd::{SLICE, add_byte_slices, add_scaled_bytes, prefetch};

use super::solver::Weights;

/// Weights this small, out of 127, are left out of a row that is mostly empty.
const NEGLIGIBLE: u8 = 3;

/// Rows of 8-bit weights, one for each feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Separators {
    rows: Vec<Row>,
    /// The weights of rows that have one for every route, each filled up with zeros to whole [`SLICE`]s.
    full: Vec<i8>,
    /// The weights of rows that speak of few routes, each beside its route, so that both come from memory at once.
    sparse: Vec<(u16, i8)>,
    pub(crate) bias: Vec<f32>,
}

/// Where a feature's weights are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Row {
    /// Their place in [`Separators::full`] if there is one for every route, or in [`Separators::sparse`].
    start: u32,
    count: u16,
    /// What they are multiplied with.
    scale: f32,
}

/// Separators as a file has them: a row that is mostly empty keeps only the routes it speaks of.
#[derive(Default)]
pub(super) struct Parts {
    /// How many weights each row keeps; one for every route if all.
    pub(super) counts: Vec<u16>,
    /// What each row's weights are multiplied with.
    pub(super) scales: Vec<f32>,
    /// The weights kept, row after row.
    pub(super) weights: Vec<i8>,
    /// The route of each weight, in rows that do not keep all.
    pub(super) routes: Vec<u16>,
}

impl Separators {
    pub(crate) fn new(trained: &Weights, routes: usize) -> Self {
        let mut separators = Self::without_rows(trained.bias.clone());
        for row in trained.weights.chunks_exact(routes) {
            let (scale, mut bytes) = quantised(row);
            let negligible = bytes.iter().filter(|weight| weight.unsigned_abs() <= NEGLIGIBLE).count();
            if is_worth_pruning(routes - negligible, routes) {
                bytes
                    .iter_mut()
                    .filter(|weight| weight.unsigned_abs() <= NEGLIGIBLE)
                    .for_each(|weight| *weight = 0);
            }
            separators.push(scale, &bytes);
        }
        separators
    }

    fn without_rows(bias: Vec<f32>) -> Self {
        Self { bias, ..Self::default() }
    }

    /// Adds a row, in the form that is added to scores the sooner.
    fn push(&mut self, scale: f32, weights: &[i8]) {
        let count = weights.iter().filter(|weight| **weight != 0).count();
        if count * 8 > weights.len() {
            self.rows.push(Row { start: self.full.len() as u32, count: weights.len() as u16, scale });
            self.full.extend_from_slice(weights);
            return self.full.resize(self.full.len().next_multiple_of(SLICE), 0);
        }
        self.rows.push(Row { start: self.sparse.len() as u32, count: count as u16, scale });
        let kept = weights.iter().enumerate().filter(|(_, weight)| **weight != 0);
        self.sparse.extend(kept.map(|(route, weight)| (route as u16, *weight)));
    }

    /// What a file has, as separators. `parts` fit together.
    pub(super) fn from_parts(parts: &Parts, bias: Vec<f32>) -> Self {
        let mut separators = Self::without_rows(bias);
        let mut row = vec![0_i8; separators.bias.len()];
        let (mut weights, mut routes) = (parts.weights.as_slice(), parts.routes.as_slice());
        for (count, scale) in parts.counts.iter().zip(&parts.scales) {
            let (own, rest) = weights.split_at(usize::from(*count));
            weights = rest;
            if own.len() == row.len() {
                row.copy_from_slice(own);
            } else {
                let (own_routes, rest) = routes.split_at(own.len());
                routes = rest;
                row.fill(0);
                own_routes.iter().zip(own).for_each(|(route, weight)| row[usize::from(*route)] = *weight);
            }
            separators.push(*scale, &row);
        }
        separators
    }

    /// What a file is to have.
    pub(super) fn parts(&self) -> Parts {
        let mut parts = Parts::default();
        for feature in 0..self.rows.len() {
            let row = self.weights(feature);
            let kept = row.iter().enumerate().filter(|(_, weight)| **weight != 0);
            let count = kept.clone().count();
            parts.scales.push(self.rows[feature].scale);
            if is_worth_pruning(count, row.len()) {
                parts.counts.push(count as u16);
                parts.weights.extend(kept.clone().map(|(_, weight)| *weight));
                parts.routes.extend(kept.map(|(route, _)| route as u16));
            } else {
                parts.counts.push(row.len() as u16);
                parts.weights.extend(row);
            }
        }
        parts
    }

    /// The weights of a feature, one for each route, before they are multiplied.
    fn weights(&self, feature: usize) -> Vec<i8> {
        let row = self.rows[feature];
        let (start, end) = row.range();
        if self.is_full(row) {
            return self.full[start..end].to_vec();
        }
        let mut weights = vec![0; self.bias.len()];
        self.sparse[start..end].iter().for_each(|(route, weight)| weights[usize::from(*route)] = *weight);
        weights
    }

    fn is_full(&self, row: Row) -> bool {
        usize::from(row.count) == self.bias.len()
    }

    /// The same with other rows: each is an old one, or empty.
    pub(super) fn spread(&self, origins: &[Option<usize>]) -> Self {
        let mut separators = Self::without_rows(self.bias.clone());
        for origin in origins {
            match *origin {
                Some(feature) => separators.push(self.rows[feature].scale, &self.weights(feature)),
                None => separators.push(0.0, &[]),
            }
        }
        separators
    }

    /// The same with something added to some rows.
    pub(super) fn moved(&self, changes: &BTreeMap<u32, Vec<f32>>) -> Self {
        let mut separators = Self::without_rows(self.bias.clone());
        for (feature, row) in self.rows.iter().enumerate() {
            let weights = self.weights(feature);
            match changes.get(&(feature as u32)) {
                Some(change) => {
                    let mut moved = change.clone();
                    add_scaled_bytes(&mut moved, &weights, row.scale);
                    let (scale, weights) = quantised(&moved);
                    separators.push(scale, &weights);
                }
                None => separators.push(row.scale, &weights),
            }
        }
        separators
    }

    /// What each route's separator says: above 0 is for the route.
    pub(super) fn scores(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let features = || row.iter().map(|(feature, _)| *feature as usize);
        features().for_each(|feature| prefetch(&self.rows[feature..=feature]));
        for row in features().map(|feature| self.rows[feature]) {
            let (start, end) = row.range();
            if self.is_full(row) {
                prefetch(&self.full[start..end]);
            } else {
                prefetch(&self.sparse[start..end]);
            }
        }
        let routes = self.bias.len();
        let mut scores = Vec::with_capacity(routes.next_multiple_of(SLICE));
        scores.extend_from_slice(&self.bias);
        let mut full: Vec<(u32, f32)> = Vec::with_capacity(row.len());
        for (feature, value) in row {
            let row = self.rows[*feature as usize];
            let ((start, end), scale) = (row.range(), value * row.scale);
            if self.is_full(row) {
                full.push((row.start, scale));
                continue;
            }
            for (route, weight) in &self.sparse[start..end] {
                scores[usize::from(*route)] += f32::from(*weight) * scale;
            }
        }
        scores.resize(routes.next_multiple_of(SLICE), 0.0);
        add_byte_slices(&mut scores, &self.full, &full);
        scores.truncate(routes);
        scores
    }
}

impl Row {
    fn range(self) -> (usize, usize) {
        (self.start as usize, self.start as usize + usize::from(self.count))
    }
}

/// Whether a row in a file is shorter with the routes of the weights it keeps beside them.
fn is_worth_pruning(kept: usize, routes: usize) -> bool {
    kept * 3 <= routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_mostly_empty_says_what_a_full_one_would() {
        let routes = 12;
        let mut weights = vec![0.0_f32; 2 * routes];
        weights[3] = 1.0;
        weights[routes..].iter_mut().enumerate().for_each(|(route, weight)| *weight = route as f32 / 11.0);
        let separators =
            Separators::new(&Weights { weights: weights.clone(), bias: vec![0.25; routes] }, routes);
        let parts = separators.parts();
        assert_eq!(parts.counts, [1, 12]);
        assert_eq!(Separators::from_parts(&parts, separators.bias.clone()), separators);
        let scores = separators.scores(&[(0, 2.0), (1, 1.0)]);
        for (route, score) in scores.iter().enumerate() {
            let expected = 0.25 + 2.0 * weights[route] + weights[routes + route];
            assert!((score - expected).abs() < 0.01, "{route}: {score} against {expected}");
        }
    }
}
