//! Which n-grams count, and how much.

use std::collections::HashMap;

use crate::router::example::Supply;
use crate::simd::prefetch;

use super::features::{Counted, Ngrams};

/// The most n-grams that count, so that no data makes a router too large to ship.
const MOST: usize = 150_000;
/// How long the blocks of a row are: words, characters, pairs of words. Chosen by validation on the train and val
/// splits of four data sets, as is [`FEW_WORD_WEIGHT`].
const WEIGHTS: [f32; 3] = [0.7, 1.0, 0.7];
/// With few examples, a whole word is too rare to be trusted as much as its parts.
const FEW_WORD_WEIGHT: f32 = 0.35;

/// The n-grams that count.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::router) struct Vocabulary {
    /// Ascending by hash. The position is the feature's number.
    pub(in crate::router) grams: Vec<Gram>,
    /// The weight of an n-gram no example had.
    pub(in crate::router) unknown: f32,
    /// The length of each block of a row.
    pub(in crate::router) weights: [f32; 3],
    index: Index,
}

/// An n-gram that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::router) struct Gram {
    pub(in crate::router) hash: u32,
    /// Its weight: the square root of the smoothed inverse document frequency `ln((1 + n) / (1 + df)) + 1`, so that a
    /// product of two rows has it once.
    pub(in crate::router) rarity: f32,
}

/// The features of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::router) struct Row {
    /// Numbers and values of the features the vocabulary has.
    pub(in crate::router) features: Vec<(u32, f32)>,
    /// How much of the text is in the vocabulary, from 0 to 1: the squared length of what is, by that of the whole.
    pub(in crate::router) known: f32,
}

impl Vocabulary {
    /// The n-grams of some texts, so many at most, and in how many of them each stands; `None` for pairs of words.
    pub(in crate::router) fn of<'a>(
        texts: impl Iterator<Item = &'a Ngrams>,
        supply: Supply,
        most: usize,
    ) -> (Self, Vec<Option<u32>>) {
        let (mut single, mut paired): (HashMap<u32, u32>, HashMap<u32, u32>) = Default::default();
        let mut count = 0_usize;
        for text in texts {
            count += 1;
            for (hash, _) in text.words.iter().chain(&text.characters) {
                *single.entry(*hash).or_default() += 1;
            }
            for (hash, _) in &text.pairs {
                *paired.entry(*hash).or_default() += 1;
            }
        }
        let [word, rest @ ..] = WEIGHTS;
        // Where there are many, an n-gram that stands in only one of them is noise.
        let (least, word) = match supply {
            Supply::Few => (1, FEW_WORD_WEIGHT),
            Supply::Many => (2, word),
        };
        let single = single.into_iter().filter(|(_, df)| *df >= least).map(|(hash, df)| (hash, df, false));
        let paired = paired.into_iter().filter(|(_, df)| *df >= 2).map(|(hash, df)| (hash, df, true));
        let mut kept: Vec<(u32, u32, bool)> = single.chain(paired).collect();
        // The most frequent, and of two with the same hash the more frequent.
        kept.sort_unstable_by_key(|(hash, df, pair)| (std::cmp::Reverse(*df), *pair, *hash));
        kept.truncate(most.min(MOST));
        kept.sort_by_key(|(hash, ..)| *hash);
        kept.dedup_by_key(|(hash, ..)| *hash);
        let rarity = |df: u32| (((1.0 + count as f32) / (1.0 + df as f32)).ln() + 1.0).sqrt();
        let weights = [word, rest[0], rest[1]];
        let (grams, frequency) = kept
            .into_iter()
            .map(|(hash, df, pair)| (Gram { hash, rarity: rarity(df) }, (!pair).then_some(df)))
            .unzip();
        (Self::new(grams, rarity(0), weights), frequency)
    }

    pub(in crate::router) fn new(grams: Vec<Gram>, unknown: f32, weights: [f32; 3]) -> Self {
        let index = Index::of(&grams);
        Self { grams, unknown, weights, index }
    }

    pub(in crate::router) fn len(&self) -> usize {
        self.grams.len()
    }

    /// The features of a text: sublinear term frequency times rarity, each block scaled to its length. What the
    /// vocabulary lacks counts in the length, so that a text full of unknown words says little for any route.
    pub(in crate::router) fn row(&self, text: &Ngrams) -> Row {
        let blocks = [&text.words, &text.characters, &text.pairs];
        blocks.into_iter().flatten().for_each(|(hash, _)| self.index.prefetch_slot(*hash));
        blocks.into_iter().flatten().for_each(|(hash, _)| self.index.prefetch_gram(*hash, &self.grams));
        let mut row =
            Row { features: Vec::with_capacity(blocks.iter().map(|block| block.len()).sum()), known: 0.0 };
        let (mut known, mut whole) = (0.0_f32, 0.0_f32);
        for (block, weight) in blocks.into_iter().zip(self.weights) {
            if let Some(share) = self.block(block, weight, &mut row.features) {
                known += share * weight * weight;
                whole += weight * weight;
            }
        }
        row.known = if whole > 0.0 { known / whole } else { 0.0 };
        row
    }

    /// Adds a block's features, scaled to `weight`. Gives the share of its squared length that is known; nothing for an
    /// empty block.
    fn block(&self, block: &[Counted], weight: f32, features: &mut Vec<(u32, f32)>) -> Option<f32> {
        let start = features.len();
        let (mut known, mut unknown) = (0.0_f32, 0.0_f32);
        for (hash, times) in block {
            let frequency = if *times == 1 { 1.0 } else { 1.0 + (*times as f32).ln() };
            if let Some((feature, rarity)) = self.index.find(*hash, &self.grams) {
                let value = frequency * rarity;
                known += value * value;
                features.push((feature, value));
            } else {
                unknown += 1.0;
            }
        }
        let whole = known + unknown * self.unknown * self.unknown;
        if whole == 0.0 {
            return None;
        }
        let scale = weight / whole.sqrt();
        features[start..].iter_mut().for_each(|(_, value)| *value *= scale);
        Some(known / whole)
    }
}

/// Finds a hash's feature in one or two looks: an open-addressed table at most half full.
#[derive(Clone, Debug, PartialEq)]
struct Index {
    slots: Vec<u32>,
    shift: u32,
}

const EMPTY: u32 = u32::MAX;

impl Index {
    fn of(grams: &[Gram]) -> Self {
        let bits = (grams.len() * 2).max(2).next_power_of_two().trailing_zeros();
        let mut index = Self { slots: vec![EMPTY; 1 << bits], shift: 32 - bits };
        for (feature, gram) in grams.iter().enumerate() {
            let mut slot = index.home(gram.hash);
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

    fn prefetch_slot(&self, hash: u32) {
        let slot = self.home(hash);
        prefetch(&self.slots[slot..=slot]);
    }

    /// What is in the slot, which is there by now.
    fn prefetch_gram(&self, hash: u32, grams: &[Gram]) {
        let feature = self.slots[self.home(hash)];
        if let Some(gram) = (feature != EMPTY).then(|| &grams[feature as usize..=feature as usize]) {
            prefetch(gram);
        }
    }

    /// A hash's feature and its rarity.
    fn find(&self, hash: u32, grams: &[Gram]) -> Option<(u32, f32)> {
        let mut slot = self.home(hash);
        loop {
            let feature = self.slots[slot];
            if feature == EMPTY {
                return None;
            }
            let gram = grams[feature as usize];
            if gram.hash == hash {
                return Some((feature, gram.rarity));
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
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
        let grams: Vec<Gram> = hashes.iter().map(|hash| Gram { hash: *hash, rarity: 0.5 }).collect();
        let index = Index::of(&grams);
        for (feature, hash) in hashes.iter().enumerate() {
            assert_eq!(index.find(*hash, &grams), Some((feature as u32, 0.5)));
        }
        assert_eq!(index.find(12_345, &grams).is_some(), hashes.contains(&12_345));
    }

    #[test]
    fn a_text_of_unknown_words_is_short_and_known_little() {
        let texts = ["refund my card", "where is my card", "the app crashes"].map(Ngrams::of);
        let (vocabulary, _) = Vocabulary::of(texts.iter(), Supply::Few, MOST);
        let length = |text: &str| {
            let row = vocabulary.row(&Ngrams::of(text));
            (row.features.iter().map(|(_, value)| value * value).sum::<f32>(), row.known)
        };
        let (seen, half, strange) = (length("refund my card"), length("refund my zebra"), length("xyz qqq"));
        assert!(seen.0 > half.0 && half.0 > strange.0, "{seen:?} {half:?} {strange:?}");
        assert!(seen.1 > half.1 && half.1 > strange.1, "{seen:?} {half:?} {strange:?}");
        assert!(vocabulary.row(&Ngrams::of("")).known.abs() < f32::EPSILON);
    }
}
