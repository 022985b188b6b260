//! Slips of the keyboard: a word no example had is read as a known one that is a single slip away.
//!
//! A slip is a letter too many, too few, wrong, or two neighbours exchanged (Damerau, "A technique for computer detection
//! and correction of spelling errors", 1964). Candidates share what is left when one letter is taken out of either; of
//! several the most frequent is meant.

use std::borrow::Cow;
use std::collections::HashMap;

/// Letters of a word that is corrected: a shorter one is a slip away from too many others, and a longer one is none.
const SHORTEST: usize = 4;
/// The same where so few words are known that an unknown one is mostly just that.
const SHORTEST_OF_FEW: usize = 6;
const FEW: usize = 2_500;
const LONGEST: usize = 24;
/// The most words that are known, the most frequent ones.
const MOST_KNOWN: usize = 30_000;
/// Examples a word must stand in for others to be read as it.
const TRUSTED: u32 = 2;
/// The most words of a text that are corrected.
const MOST_CORRECTED: usize = 64;

/// The words of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spelling {
    /// Words in lower case, and in how many examples each stands; in alphabetical order.
    words: Vec<(Box<str>, u32)>,
    /// Numbers of the words that have some letters in common: all but one of theirs.
    index: HashMap<u64, Vec<u32>>,
    /// Every word's hash, ascending.
    known: Vec<u64>,
}

impl Spelling {
    /// The words of some texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for text in texts {
            let mut words: Vec<String> = words(text).map(|(_, word)| word.to_lowercase()).collect();
            words.sort_unstable();
            words.dedup();
            for word in words {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut words: Vec<(Box<str>, u32)> =
            counts.into_iter().map(|(word, count)| (word.into_boxed_str(), count)).collect();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words.truncate(MOST_KNOWN);
        words.sort_unstable();
        Self::new(words)
    }

    /// Words in alphabetical order and their counts.
    pub(super) fn new(words: Vec<(Box<str>, u32)>) -> Self {
        let shortest = if words.len() < FEW { SHORTEST_OF_FEW } else { SHORTEST };
        let mut spelling = Self { words, ..Self::default() };
        for (number, (word, count)) in spelling.words.iter().enumerate() {
            spelling.known.push(hash(word.chars()));
            let letters: Vec<char> = word.chars().collect();
            if (shortest..=LONGEST).contains(&letters.len()) && *count >= TRUSTED {
                for key in shortened(&letters) {
                    spelling.index.entry(key).or_default().push(number as u32);
                }
            }
        }
        spelling.known.sort_unstable();
        spelling
    }

    pub(super) fn words(&self) -> &[(Box<str>, u32)] {
        &self.words
    }

    /// The same with the words of some texts.
    pub(super) fn with<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<Box<str>, u32> = self.words.iter().cloned().collect();
        for (_, word) in texts.flat_map(words) {
            *counts.entry(word.to_lowercase().into_boxed_str()).or_default() += 1;
        }
        let mut words: Vec<(Box<str>, u32)> = counts.into_iter().collect();
        words.sort_unstable();
        Self::new(words)
    }

    /// The text with its slips corrected; a word in lower case that somebody else `knows` is none.
    pub(super) fn corrected<'a>(&self, text: &'a str, knows: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
        let mut corrected = String::new();
        let mut copied = 0;
        let unknown = words(text).filter(|(_, word)| {
            self.known.binary_search(&hash(word.chars().flat_map(char::to_lowercase))).is_err()
        });
        for (start, word) in unknown.take(MOST_CORRECTED) {
            if let Some(meant) = self.meant(word).filter(|_| !knows(&word.to_lowercase())) {
                corrected.push_str(&text[copied..start]);
                corrected.push_str(meant);
                copied = start + word.len();
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        corrected.push_str(&text[copied..]);
        Cow::Owned(corrected)
    }

    /// The known word an unknown one is a slip away from.
    fn meant(&self, word: &str) -> Option<&str> {
        let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        if !(SHORTEST..=LONGEST).contains(&letters.len())
            || !letters.iter().all(|letter| letter.is_alphabetic())
        {
            return None;
        }
        shortened(&letters)
            .filter_map(|key| self.index.get(&key))
            .flatten()
            .map(|number| &self.words[*number as usize])
            .filter(|(known, _)| one_slip(&letters, &known.chars().collect::<Vec<_>>()))
            .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
            .map(|(known, _)| &**known)
    }
}

/// The words of the part of a text that is read, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = &text[..text.floor_char_boundary(super::features::MAX_CHARACTERS)];
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// 64-bit FNV-1a (Fowler, Noll, Vo) over letters.
fn hash(letters: impl Iterator<Item = char>) -> u64 {
    letters.fold(0xCBF2_9CE4_8422_2325, |hash, letter| {
        (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A word's own hash, and those of what is left without each of its letters.
fn shortened(letters: &[char]) -> impl Iterator<Item = u64> {
    let without = |left_out: usize| {
        let rest = letters.iter().enumerate().filter(move |(place, _)| *place != left_out);
        hash(rest.map(|(_, letter)| *letter))
    };
    (0..=letters.len()).map(without)
}

/// Whether two words are one slip apart.
fn one_slip(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 => {
            let exchanged =
                short.len() >= 2 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..];
            exchanged || (!short.is_empty() && short[1..] == long[1..])
        }
        1 => *short == long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_corrected_and_two_are_not() {
        let spelling =
            Spelling::of(["my refund is late", "refund the card", "refine the cart please"].into_iter());
        let read = |text| spelling.corrected(text, &|_| false).into_owned();
        assert_eq!(read("Where is my REFNUD?"), "Where is my refund?");
        assert_eq!(read("reufnd refunnd refnd refumd"), "refund refund refund refund");
        assert_eq!(read("the rfnud"), "the rfnud");
        // Of several the most frequent; rare words are no help, and short words, numbers and known words stay.
        assert_eq!(read("refuned carx iz 1234x refine"), "refund carx iz 1234x refine");
        assert!(matches!(spelling.corrected("refund my card", &|_| false), Cow::Borrowed(_)));
        assert_eq!(spelling.corrected("refumd refnd", &|word| word == "refumd"), "refumd refund");
        assert_eq!(read("ünknöwn 退款 🙂 late"), "ünknöwn 退款 🙂 late");
    }

    #[test]
    fn hostile_text_is_read_in_bounded_time() {
        let spelling = Spelling::of(["refund"].into_iter());
        let text = "refnud ".repeat(1 << 20);
        assert!(spelling.corrected(&text, &|_| false).len() <= text.len());
    }
}
