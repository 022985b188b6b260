//! The trained separators and network, small enough to ship and quick to apply.

use std::collections::BTreeMap;

use crate::router::unseen::Scores;
use crate::simd::{add_scaled, add_scaled_bytes, dot_bytes};

use super::courtesy::without_courtesy;
use super::features::Ngrams;
use super::network::{HIDDEN, Layers};
use super::solver::Weights;
use super::spelling::Spelling;
use super::vocabulary::Vocabulary;

/// Weights this small, out of 127, are left out of a row that is mostly empty.
const NEGLIGIBLE: u8 = 3;
/// A feature that is not in the network.
pub(super) const ABSENT: u32 = u32::MAX;

/// Vocabulary, separators and network, with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::router) struct TextModel {
    pub(super) spelling: Spelling,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) separators: Separators,
    pub(crate) network: Network,
}

impl TextModel {
    pub(in crate::router) fn scores(&self, text: &str) -> Scores {
        let row = self.vocabulary.row(&Ngrams::of(&self.spelling.corrected(without_courtesy(text))));
        let parts = [
            self.separators.scores(&row.features),
            self.network.scores(&row.features),
            Vec::new(),
            Vec::new(),
        ];
        Scores { parts, known: row.known, ..Scores::default() }
    }
}

/// Rows of 8-bit weights, one for each feature. A row that is mostly empty keeps only the routes it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Separators {
    /// How many weights each row keeps; one for every route if all.
    pub(crate) counts: Vec<u16>,
    /// What each row's weights are multiplied with.
    pub(crate) scales: Vec<f32>,
    /// The weights kept, row after row.
    pub(crate) weights: Vec<i8>,
    /// The route of each weight, in rows that do not keep all.
    pub(crate) routes: Vec<u16>,
    pub(crate) bias: Vec<f32>,
    /// Where each row begins in `weights` and in `routes`.
    starts: Vec<(u32, u32)>,
}

/// Rows that are being put together.
#[derive(Default)]
struct Rows {
    counts: Vec<u16>,
    scales: Vec<f32>,
    weights: Vec<i8>,
    routes: Vec<u16>,
}

impl Rows {
    /// Adds a row with a weight for every route.
    fn full(&mut self, row: &[f32]) {
        let (scale, bytes) = quantised(row);
        self.scales.push(scale);
        self.counts.push(row.len() as u16);
        self.weights.extend(bytes);
    }

    /// Adds a row with the weights that matter, if those are few.
    fn pruned(&mut self, row: &[f32]) {
        let (scale, bytes) = quantised(row);
        let matters = |weight: i8| weight.unsigned_abs() > NEGLIGIBLE;
        let count = bytes.iter().filter(|weight| matters(**weight)).count();
        if count * 3 > row.len() {
            return self.full(row);
        }
        self.scales.push(scale);
        self.counts.push(count as u16);
        for (route, weight) in bytes.into_iter().enumerate().filter(|(_, weight)| matters(*weight)) {
            self.weights.push(weight);
            self.routes.push(route as u16);
        }
    }

    /// Adds a row as it is elsewhere.
    fn copied(&mut self, from: &Separators, feature: usize) {
        let (count, (weight, route)) = (from.counts[feature], from.starts[feature]);
        self.counts.push(count);
        self.scales.push(from.scales[feature]);
        self.weights.extend_from_slice(&from.weights[weight as usize..][..usize::from(count)]);
        if usize::from(count) != from.bias.len() {
            self.routes.extend_from_slice(&from.routes[route as usize..][..usize::from(count)]);
        }
    }

    fn finish(self, bias: Vec<f32>) -> Separators {
        Separators::from_parts(self.counts, self.scales, self.weights, self.routes, bias)
    }
}

impl Separators {
    pub(crate) fn new(trained: &Weights, routes: usize) -> Self {
        let mut rows = Rows::default();
        trained.weights.chunks_exact(routes).for_each(|row| rows.pruned(row));
        rows.finish(trained.bias.clone())
    }

    pub(crate) fn from_parts(
        counts: Vec<u16>,
        scales: Vec<f32>,
        weights: Vec<i8>,
        routes: Vec<u16>,
        bias: Vec<f32>,
    ) -> Self {
        let (mut weight, mut route) = (0_u32, 0_u32);
        let starts = counts
            .iter()
            .map(|count| {
                let start = (weight, route);
                weight += u32::from(*count);
                route += if usize::from(*count) == bias.len() { 0 } else { u32::from(*count) };
                start
            })
            .collect();
        Self { counts, scales, weights, routes, bias, starts }
    }

    /// The weights of a feature, one for each route.
    fn row(&self, feature: usize) -> Vec<f32> {
        let mut row = vec![0.0; self.bias.len()];
        self.add(&mut row, feature, 1.0);
        row
    }

    /// The same with other rows: each is an old one, or empty.
    pub(super) fn spread(&self, origins: &[Option<usize>]) -> Self {
        let mut rows = Rows::default();
        for origin in origins {
            match *origin {
                Some(feature) => rows.copied(self, feature),
                None => {
                    rows.counts.push(0);
                    rows.scales.push(0.0);
                }
            }
        }
        rows.finish(self.bias.clone())
    }

    /// The same with something added to some rows.
    pub(super) fn moved(&self, changes: &BTreeMap<u32, Vec<f32>>) -> Self {
        let mut rows = Rows::default();
        for feature in 0..self.counts.len() {
            match changes.get(&(feature as u32)) {
                Some(change) => {
                    let mut row = self.row(feature);
                    add_scaled(&mut row, change, 1.0);
                    rows.full(&row);
                }
                None => rows.copied(self, feature),
            }
        }
        rows.finish(self.bias.clone())
    }

    /// What each route's separator says: above 0 is for the route.
    pub(super) fn scores(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for (feature, value) in row {
            self.add(&mut scores, *feature as usize, *value);
        }
        scores
    }

    /// Adds `value` times a feature's weights.
    fn add(&self, scores: &mut [f32], feature: usize, value: f32) {
        let (count, (weight, route)) = (usize::from(self.counts[feature]), self.starts[feature]);
        let scale = value * self.scales[feature];
        let weights = &self.weights[weight as usize..][..count];
        if count == scores.len() {
            add_scaled_bytes(scores, weights, scale);
        } else {
            for (route, weight) in self.routes[route as usize..][..count].iter().zip(weights) {
                scores[usize::from(*route)] += f32::from(*weight) * scale;
            }
        }
    }
}

/// A network with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Network {
    /// The network's number for each feature of the vocabulary, or [`ABSENT`].
    pub(crate) inputs: Vec<u32>,
    pub(crate) input_scales: Vec<f32>,
    /// `input_weights[input * HIDDEN + unit]`
    pub(crate) input_weights: Vec<i8>,
    pub(crate) hidden_bias: Vec<f32>,
    pub(crate) output_scales: Vec<f32>,
    /// `output_weights[route * HIDDEN + unit]`
    pub(crate) output_weights: Vec<i8>,
    pub(crate) output_bias: Vec<f32>,
}

impl Network {
    pub(crate) fn new(inputs: Vec<u32>, trained: Layers) -> Self {
        let routes = trained.output_bias.len();
        let (input_scales, rows): (Vec<f32>, Vec<Vec<i8>>) =
            trained.inputs.chunks_exact(HIDDEN).map(quantised).unzip();
        let by_route = (0..routes).map(|route| {
            let row: Vec<f32> = (0..HIDDEN).map(|unit| trained.outputs[unit * routes + route]).collect();
            quantised(&row)
        });
        let (output_scales, outputs): (Vec<f32>, Vec<Vec<i8>>) = by_route.unzip();
        Self {
            inputs,
            input_scales,
            input_weights: rows.concat(),
            hidden_bias: trained.hidden_bias,
            output_scales,
            output_weights: outputs.concat(),
            output_bias: trained.output_bias,
        }
    }

    /// The outputs before the softmax.
    fn scores(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut hidden = [0.0_f32; HIDDEN];
        hidden.copy_from_slice(&self.hidden_bias);
        for (feature, value) in row {
            let input = self.inputs[*feature as usize];
            if input != ABSENT {
                let weights = &self.input_weights[input as usize * HIDDEN..][..HIDDEN];
                add_scaled_bytes(&mut hidden, weights, value * self.input_scales[input as usize]);
            }
        }
        hidden.iter_mut().for_each(|value| *value = value.max(0.0));
        // The hidden values are rounded to 8 bits too, so that the outputs are products of bytes.
        let (scale, hidden) = quantised(&hidden);
        let hidden: Vec<i16> = hidden.into_iter().map(i16::from).collect();
        self.output_weights
            .chunks_exact(HIDDEN)
            .zip(&self.output_scales)
            .zip(&self.output_bias)
            .map(|((weights, weight_scale), bias)| {
                bias + dot_bytes(weights, &hidden) as f32 * weight_scale * scale
            })
            .collect()
    }
}

/// Numbers as a scale and integers from -127 to 127.
pub(in crate::router) fn quantised(numbers: &[f32]) -> (f32, Vec<i8>) {
    let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    if largest == 0.0 {
        return (0.0, vec![0; numbers.len()]);
    }
    let scale = largest / 127.0;
    (scale, numbers.iter().map(|number| (number / scale).round() as i8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantised_numbers_are_within_half_a_step() {
        let numbers = [0.5, -1.0, 0.003, 0.0];
        let (scale, bytes) = quantised(&numbers);
        for (number, byte) in numbers.iter().zip(bytes) {
            assert!((f32::from(byte) * scale - number).abs() <= scale / 2.0 + f32::EPSILON);
        }
        assert_eq!(quantised(&[0.0; 3]), (0.0, vec![0; 3]));
    }

    #[test]
    fn a_row_that_is_mostly_empty_says_what_a_full_one_would() {
        let routes = 12;
        let mut weights = vec![0.0_f32; 2 * routes];
        weights[3] = 1.0;
        weights[routes..].iter_mut().enumerate().for_each(|(route, weight)| *weight = route as f32 / 11.0);
        let separators =
            Separators::new(&Weights { weights: weights.clone(), bias: vec![0.25; routes] }, routes);
        assert_eq!(separators.counts, [1, 12]);
        let scores = separators.scores(&[(0, 2.0), (1, 1.0)]);
        for (route, score) in scores.iter().enumerate() {
            let expected = 0.25 + 2.0 * weights[route] + weights[routes + route];
            assert!((score - expected).abs() < 0.01, "{route}: {score} against {expected}");
        }
    }
}
