//! Text to features: hashed word and character n-grams.

use crate::router::keyword::folded;

/// One feature of a text: the hash of an n-gram, and how often it occurs.
pub(crate) type Counted = (u32, u32);

/// Hashed n-grams of a text in three blocks, each sorted by hash.
#[derive(Debug, Default)]
pub(in crate::router) struct Ngrams {
    /// Words and pairs of neighbouring words.
    pub(crate) words: Vec<Counted>,
    /// Runs of 2 to 5 characters inside a word, its edges included.
    pub(crate) characters: Vec<Counted>,
    /// Pairs of words that stand in the text in any order and at any distance.
    pub(crate) pairs: Vec<Counted>,
}

/// Bytes of an input beyond this are not read: what a message is about stands in its beginning, and a
/// hostile one must not cost more.
pub(crate) const MAX_CHARACTERS: usize = 8_192;

/// Pairs are made of the first different words of a text only: their number grows with the square of it.
const MAX_PAIRED: usize = 48;

const SHORTEST: usize = 2;
const LONGEST: usize = 5;

impl Ngrams {
    /// The n-grams of `text`; case and accents do not matter.
    pub(in crate::router) fn of(text: &str) -> Self {
        let mut words = Vec::new();
        let mut characters = Vec::with_capacity(text.len().min(MAX_CHARACTERS) * 4);
        let mut word: Vec<char> = Vec::with_capacity(24);
        let mut previous = None;
        let mut paired: Vec<u64> = Vec::with_capacity(16);
        for letter in folded(&text[..text.floor_char_boundary(MAX_CHARACTERS)]).chars().chain([' ']) {
            if letter.is_alphanumeric() {
                word.push(letter);
                continue;
            }
            if !word.is_empty() {
                let whole = hash(Kind::WORD, &word);
                words.push(finish(whole));
                if paired.len() < MAX_PAIRED && !paired.contains(&whole) {
                    paired.push(whole);
                }
                if let Some(previous) = previous {
                    words.push(finish(mix(mix(Kind::PAIR, previous), whole)));
                }
                previous = Some(whole);
                runs(&word, &mut characters);
                word.clear();
            }
            if !letter.is_whitespace() {
                characters.push(finish(mix(Kind::SYMBOL, u64::from(u32::from(letter)))));
            }
        }
        Self { words: count(words), characters: count(characters), pairs: count(pairs(paired)) }
    }
}

/// As many hashes are put in order by dealing them out; more, by any sort.
const FEW: usize = 1_024;

/// Hashes in order. They are spread evenly, so that few are out of place once they are dealt out by their highest bits,
/// which a general sort cannot count on.
fn sorted(mut hashes: Vec<u32>) -> Vec<u32> {
    const BITS: u32 = 8;
    if hashes.len() > FEW {
        hashes.sort_unstable();
        return hashes;
    }
    let bucket = |hash: u32| (hash >> (u32::BITS - BITS)) as usize;
    let mut next = [0_u16; 1 << BITS];
    hashes.iter().for_each(|hash| next[bucket(*hash)] += 1);
    let mut before = 0;
    for next in &mut next {
        before += std::mem::replace(next, before);
    }
    let mut sorted = vec![0; hashes.len()];
    for hash in hashes {
        let place = &mut next[bucket(hash)];
        sorted[usize::from(*place)] = hash;
        *place += 1;
    }
    for unplaced in 1..sorted.len() {
        let mut place = unplaced;
        while place > 0 && sorted[place - 1] > sorted[place] {
            sorted.swap(place - 1, place);
            place -= 1;
        }
    }
    sorted
}

/// Every pair of `words`, whichever comes first.
fn pairs(mut words: Vec<u64>) -> Vec<u32> {
    words.sort_unstable();
    let mut pairs = Vec::with_capacity(words.len() * words.len().saturating_sub(1) / 2);
    for (index, first) in words.iter().enumerate() {
        let first = mix(Kind::TOGETHER, *first);
        pairs.extend(words[index + 1..].iter().map(|second| finish(mix(first, *second))));
    }
    pairs
}

/// Seeds that keep the kinds of n-grams apart.
struct Kind;

impl Kind {
    const WORD: u64 = 0x9E37_79B9_7F4A_7C15;
    const PAIR: u64 = 0xD1B5_4A32_D192_ED03;
    const TOGETHER: u64 = 0xE703_7ED1_A0B4_28DB;
    const RUN: u64 = 0x8CB9_2BA7_2F3D_8DD7;
    const SYMBOL: u64 = 0xABC9_8388_FB8F_AC03;
}

impl Ngrams {
    /// The same in no more memory than it needs. It is made with room for every repetition, which does no harm where it is
    /// dropped at once.
    pub(super) fn shrunk(mut self) -> Self {
        [&mut self.words, &mut self.characters, &mut self.pairs].into_iter().for_each(Vec::shrink_to_fit);
        self
    }
}

/// Every run of [`SHORTEST`] to [`LONGEST`] characters of ` word `.
fn runs(word: &[char], out: &mut Vec<u32>) {
    let edge = ' ';
    let length = word.len() + 2;
    let at = |index: usize| {
        if index == 0 || index == length - 1 { edge } else { word[index - 1] }
    };
    for start in 0..length - 1 {
        let mut state = Kind::RUN;
        for end in start..length.min(start + LONGEST) {
            state = mix(state, u64::from(u32::from(at(end))));
            if end - start + 1 >= SHORTEST {
                out.push(finish(state));
            }
        }
    }
}

fn hash(seed: u64, letters: &[char]) -> u64 {
    letters.iter().fold(seed, |state, letter| mix(state, u64::from(u32::from(*letter))))
}

/// One round of a multiplicative hash; the constant is the one of splitmix64 (Steele, Lea, Flood 2014).
fn mix(state: u64, value: u64) -> u64 {
    (state ^ value).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(29)
}

fn finish(state: u64) -> u32 {
    let folded = (state ^ (state >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (folded >> 32) as u32
}

/// Sorts hashes and counts the equal ones.
fn count(hashes: Vec<u32>) -> Vec<Counted> {
    let mut counted: Vec<Counted> = Vec::with_capacity(hashes.len());
    for hash in sorted(hashes) {
        match counted.last_mut() {
            Some((last, times)) if *last == hash => *times += 1,
            _ => counted.push((hash, 1)),
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spacing_do_not_matter() {
        let (a, b) = (Ngrams::of("Where is my REFUND"), Ngrams::of("  where is\nmy refund "));
        assert_eq!(a.words, b.words);
        assert_eq!(a.characters, b.characters);
        assert_eq!(Ngrams::of("refund my card").pairs, Ngrams::of("card! My... refund").pairs);
    }

    #[test]
    fn order_matters_to_pairs_and_a_typo_leaves_most_runs() {
        assert_ne!(Ngrams::of("card to bank").words, Ngrams::of("bank to card").words);
        let (right, wrong) = (Ngrams::of("refund"), Ngrams::of("refnud"));
        let shared = wrong.characters.iter().filter(|run| right.characters.contains(run)).count();
        assert!(shared >= 5, "{shared}");
        assert_eq!(right.words.iter().filter(|word| wrong.words.contains(word)).count(), 0);
    }

    #[test]
    fn hashes_are_put_in_order_however_many_they_are() {
        for count in [0, 1, 2, 100, FEW, FEW + 1, 5_000] {
            for spread in [1, 0x9E37_79B1] {
                let hashes: Vec<u32> =
                    (0..count as u32).map(|i| (i % 700).wrapping_mul(spread) ^ 5).collect();
                let mut expected = hashes.clone();
                expected.sort_unstable();
                assert_eq!(sorted(hashes), expected);
            }
        }
    }

    #[test]
    fn a_huge_input_costs_no_more_than_a_long_one() {
        let huge = "word ".repeat(1_000_000);
        assert!(Ngrams::of(&huge).characters.len() < 100);
        let varied: String = (0..100_000).map(|number| number.to_string() + " ").collect();
        assert!(Ngrams::of(&varied).pairs.len() <= MAX_PAIRED * (MAX_PAIRED - 1) / 2);
    }
}
