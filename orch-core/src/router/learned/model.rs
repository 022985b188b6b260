//! The trained separators, small enough to ship and quick to apply.

use std::collections::HashMap;

use super::features::Ngrams;
use super::solver::Weights;

/// Which n-grams count, and how much.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vocabulary {
    /// The n-grams' hashes, ascending. The position is the feature's number.
    pub(crate) hashes: Vec<u32>,
    /// The weight of each: smoothed inverse document frequency, `ln((1 + n) / (1 + df)) + 1`.
    pub(crate) rarity: Vec<f32>,
    /// How much whole words count against runs of characters.
    pub(crate) word_weight: f32,
    index: Index,
}

/// Finds a hash's feature in one or two looks: an open-addressed table at most half full.
#[derive(Clone, Debug, PartialEq)]
struct Index {
    slots: Vec<u32>,
    shift: u32,
}

const EMPTY: u32 = u32::MAX;

impl Index {
    fn of(hashes: &[u32]) -> Self {
        let bits = (hashes.len() * 2).max(2).next_power_of_two().trailing_zeros();
        let mut index = Self { slots: vec![EMPTY; 1 << bits], shift: 32 - bits };
        for (feature, hash) in hashes.iter().enumerate() {
            let mut slot = index.home(*hash);
            while index.slots[slot] != EMPTY {
                slot = (slot + 1) & (index.slots.len() - 1);
            }
            index.slots[slot] = feature as u32;
        }
        index
    }

    fn home(&self, hash: u32) -> usize {
        (hash.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    fn find(&self, hash: u32, hashes: &[u32]) -> Option<u32> {
        let mut slot = self.home(hash);
        loop {
            match self.slots[slot] {
                EMPTY => return None,
                feature if hashes[feature as usize] == hash => return Some(feature),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }
}

impl Vocabulary {
    /// The n-grams that stand in at least `least` of the texts.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a Ngrams>, least: u32, word_weight: f32) -> Self {
        let mut frequency: HashMap<u32, u32> = HashMap::new();
        let mut count = 0_u32;
        for text in texts {
            count += 1;
            for (hash, _) in text.words.iter().chain(&text.characters) {
                *frequency.entry(*hash).or_default() += 1;
            }
        }
        let mut kept: Vec<(u32, u32)> = frequency.into_iter().filter(|(_, df)| *df >= least).collect();
        kept.sort_unstable();
        let rarity =
            kept.iter().map(|(_, df)| ((1.0 + count as f32) / (1.0 + *df as f32)).ln() + 1.0).collect();
        Self::new(kept.into_iter().map(|(hash, _)| hash).collect(), rarity, word_weight)
    }

    pub(crate) fn new(hashes: Vec<u32>, rarity: Vec<f32>, word_weight: f32) -> Self {
        let index = Index::of(&hashes);
        Self { hashes, rarity, word_weight, index }
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The features of a text: sublinear term frequency times rarity; the part of the characters has length 1, and
    /// that of the words the length `word_weight`.
    pub(crate) fn row(&self, text: &Ngrams) -> Vec<(u32, f32)> {
        let mut row = Vec::with_capacity(text.words.len() + text.characters.len());
        for (block, length) in [(&text.words, self.word_weight), (&text.characters, 1.0)] {
            let start = row.len();
            let mut square = 0.0_f32;
            for (hash, times) in block {
                if let Some(feature) = self.index.find(*hash, &self.hashes) {
                    let value = (1.0 + (*times as f32).ln()) * self.rarity[feature as usize];
                    square += value * value;
                    row.push((feature, value));
                }
            }
            if square > 0.0 {
                let scale = length / square.sqrt();
                row[start..].iter_mut().for_each(|(_, value)| *value *= scale);
            }
        }
        row
    }
}

/// Separators with weights of 8 bits: a scale for each feature, an integer for each feature and route.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) vocabulary: Vocabulary,
    /// `weights[feature * routes + route]`
    pub(crate) weights: Vec<i8>,
    pub(crate) scales: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Model {
    pub(crate) fn new(vocabulary: Vocabulary, trained: &Weights, routes: usize) -> Self {
        let mut weights = Vec::with_capacity(trained.weights.len());
        let mut scales = Vec::with_capacity(vocabulary.len());
        for feature in trained.weights.chunks_exact(routes) {
            let largest = feature.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            let scale = largest / 127.0;
            scales.push(scale);
            weights.extend(feature.iter().map(
                |weight| {
                    if scale > 0.0 { (weight / scale).round() as i8 } else { 0 }
                },
            ));
        }
        Self { vocabulary, weights, scales, bias: trained.bias.clone() }
    }

    /// What each route's separator says: above 0 is for the route.
    pub(crate) fn scores(&self, text: &Ngrams) -> Vec<f32> {
        let routes = self.bias.len();
        let mut scores = self.bias.clone();
        for (feature, value) in self.vocabulary.row(text) {
            let feature = feature as usize;
            let scale = value * self.scales[feature];
            let weights = &self.weights[feature * routes..(feature + 1) * routes];
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += scale * f32::from(*weight);
            }
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_found_and_no_other() {
        let hashes: Vec<u32> = (0..10_000_u32)
            .map(|i| i.wrapping_mul(2_654_435_761))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        let index = Index::of(&hashes);
        for (feature, hash) in hashes.iter().enumerate() {
            assert_eq!(index.find(*hash, &hashes), Some(feature as u32));
        }
        assert_eq!(index.find(12_345, &hashes), hashes.binary_search(&12_345).ok().map(|found| found as u32));
    }

    #[test]
    fn quantised_weights_are_within_half_a_step() {
        let vocabulary = Vocabulary::new(vec![1, 2], vec![1.0, 1.0], 1.0);
        let trained = Weights { weights: vec![0.5, -1.0, 0.003, 0.0], bias: vec![0.0, 0.0] };
        let model = Model::new(vocabulary, &trained, 2);
        for (index, weight) in trained.weights.iter().enumerate() {
            let scale = model.scales[index / 2];
            assert!((f32::from(model.weights[index]) * scale - weight).abs() <= scale / 2.0 + f32::EPSILON);
        }
    }
}
