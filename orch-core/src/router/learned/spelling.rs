//! Slips of the keyboard: a word no example had is read as a known one that is a single slip away.
//!
//! A slip is a letter too many, too few, wrong, or two neighbours exchanged (Damerau, "A technique for computer detection
//! and correction of spelling errors", 1964). Candidates share what is left when one letter is taken out of either; of
//! several the most frequent is meant.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashMap;

use crate::router::keyword::unspaced;

/// Letters of a word that others are read as: a shorter one is a slip away from too many others, and a longer one is none.
const SHORTEST: usize = 4;
const LONGEST: usize = 24;
/// The same where an unknown word is mostly just that: where more than this share of the words is new, and no vocabulary
/// says which are words at all.
const SHORTEST_OF_FEW: usize = 6;
const MUCH_NEW: f64 = 0.03;
/// The most words that are known, the most frequent ones.
const MOST_KNOWN: usize = 30_000;
/// Words of the examples that are looked up to tell whether a vocabulary is of their language, and the share it has then.
const LOOKED_UP: usize = 32;
const SPOKEN: f64 = 0.5;
/// Examples a word must stand in for others to be read as it.
const TRUSTED: u32 = 2;
/// The most words of a text that are corrected.
const MOST_CORRECTED: usize = 64;

/// How many words of a vocabulary are more frequent than a word in lower case; `None` where it has no such word.
pub(in crate::router) type WordRank<'a> = &'a dyn Fn(&str) -> Option<u32>;

/// The words of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spelling {
    /// Words in lower case, and in how many examples each stands; in alphabetical order.
    words: Vec<(Box<str>, u32)>,
    /// Numbers of the words that have some letters in common: all but one of theirs.
    index: HashMap<u64, Vec<u32>>,
    /// Every word's hash.
    known: Hashes,
    /// Letters of a word that others are read as, without a vocabulary.
    shortest: usize,
    /// Numbers of words from all over the alphabet.
    sample: Vec<u32>,
}

impl Spelling {
    /// The words of some texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for text in texts {
            let mut words: Vec<String> = all_words(text).map(str::to_lowercase).collect();
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
        let shortest = if share_of_new(&words) > MUCH_NEW { SHORTEST_OF_FEW } else { SHORTEST };
        let mut spelling = Self { words, shortest, ..Self::default() };
        for (number, (word, count)) in spelling.words.iter().enumerate() {
            let letters: Vec<char> = word.chars().collect();
            if (SHORTEST..=LONGEST).contains(&letters.len()) && *count >= TRUSTED {
                for key in shortened(&letters) {
                    spelling.index.entry(key).or_default().push(number as u32);
                }
            }
        }
        let long = spelling.words.iter().zip(0..).filter(|((word, _), _)| word.chars().count() >= SHORTEST);
        let long: Vec<u32> = long.map(|(_, number)| number).collect();
        spelling.sample = long.iter().copied().step_by((long.len() / LOOKED_UP).max(1)).collect();
        spelling.known = Hashes::of(spelling.words.iter().map(|(word, _)| hash(word.chars())).collect());
        spelling
    }

    pub(super) fn words(&self) -> &[(Box<str>, u32)] {
        &self.words
    }

    /// The same with the words of some texts.
    pub(super) fn with<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<Box<str>, u32> = self.words.iter().cloned().collect();
        for word in texts.flat_map(all_words) {
            *counts.entry(word.to_lowercase().into_boxed_str()).or_default() += 1;
        }
        let mut words: Vec<(Box<str>, u32)> = counts.into_iter().collect();
        words.sort_unstable();
        Self::new(words)
    }

    /// The text with its slips corrected. A vocabulary that says of a word in lower case how many are more frequent helps:
    /// what it has is no slip, and what no example has may be a slip of what it has.
    pub(super) fn corrected<'a>(&self, text: &'a str, vocabulary: Option<WordRank<'_>>) -> Cow<'a, str> {
        let mut corrected = String::new();
        let mut copied = 0;
        // Asked once a word is unknown: most texts have none.
        let speaks = LazyCell::new(|| vocabulary.filter(|rank| self.are_words_of(*rank)));
        let has_names = LazyCell::new(|| {
            let (capitals, all) = words(text).fold((0, 0), |(capitals, all), word| {
                (capitals + usize::from(begins_with_capital(word)), all + 1)
            });
            2 * capitals < all
        });
        let unknown =
            words(text).filter(|word| !self.knows(word) && parts(word).any(|part| !self.knows(part)));
        for word in unknown.take(MOST_CORRECTED) {
            let meant = |word: &str| {
                let is_word = vocabulary.is_some_and(|rank| rank(&word.to_lowercase()).is_some());
                if is_word {
                    return None;
                }
                // A name, with a capital within a sentence where most words have none, is in no vocabulary and yet no slip.
                let is_name = || begins_with_capital(word) && *has_names && !begins_sentence(word, text);
                self.meant(word, speaks.filter(|_| !is_name()))
            };
            let whole = meant(word).map(|meant| (word, meant));
            let is_joined = parts(word).any(|part| part.len() < word.len());
            let split = (whole.is_none() && is_joined).then(|| parts(word).filter(|part| !self.knows(part)));
            let of_parts = split.into_iter().flatten();
            let of_parts = of_parts.filter_map(|part| Some((part, meant(part)?)));
            for (slip, meant) in whole.into_iter().chain(of_parts) {
                let start = slip.as_ptr() as usize - text.as_ptr() as usize;
                corrected.push_str(&text[copied..start]);
                corrected.push_str(&meant);
                copied = start + slip.len();
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        corrected.push_str(&text[copied..]);
        Cow::Owned(corrected)
    }

    /// Whether a word is one of the examples', however it is written.
    fn knows(&self, word: &str) -> bool {
        let hash = if word.is_ascii() {
            hash(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())))
        } else {
            hash(word.chars().flat_map(char::to_lowercase))
        };
        self.known.contains(hash)
    }

    /// Whether a vocabulary has most of the examples' words: one of another language would take theirs for slips.
    fn are_words_of(&self, rank: WordRank<'_>) -> bool {
        let sample = self.sample.iter().map(|number| &self.words[*number as usize].0);
        let known = sample.filter(|word| rank(word).is_some()).count();
        known > 0 && known as f64 >= SPOKEN * self.sample.len() as f64
    }

    /// The known word an unknown one is a slip away from: rather one that is joined otherwise than one with other letters,
    /// and then the most frequent. Where no example has one, the most frequent of the vocabulary.
    fn meant(&self, word: &str, vocabulary: Option<WordRank<'_>>) -> Option<Cow<'_, str>> {
        let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        // One letter may be missing, or too many.
        if !(SHORTEST - 1..=LONGEST + 1).contains(&letters.len())
            || !letters.iter().all(|letter| letter.is_alphabetic() || joins(*letter))
            // What looks like a word is a clause then, and another letter another matter.
            || letters.iter().any(|letter| unspaced(*letter))
        {
            return None;
        }
        let shortest = if vocabulary.is_some() { SHORTEST } else { self.shortest };
        let letters_alone =
            |word: &[char]| word.iter().copied().filter(|letter| !joins(*letter)).collect::<Vec<_>>();
        let own = letters_alone(&letters);
        let of_examples = shortened(&letters)
            .filter_map(|key| self.index.get(&key))
            .flatten()
            .map(|number| &self.words[*number as usize])
            .filter_map(|(known, count)| {
                let known_letters: Vec<char> = known.chars().collect();
                if known_letters.len() < shortest {
                    return None;
                }
                let rarity = rarity_of_slip(&letters, &known_letters)?;
                Some((letters_alone(&known_letters) == own, f64::from(*count) / f64::from(rarity), known))
            })
            .max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| b.2.cmp(a.2)))
            .map(|(.., known)| Cow::Borrowed(&**known));
        of_examples.or_else(|| most_frequent_slip(&letters, vocabulary?).map(Cow::Owned))
    }
}

/// The most frequent word of a vocabulary that is a slip away: all such words are asked for (Norvig, "How to Write a
/// Spelling Corrector", 2007).
fn most_frequent_slip(letters: &[char], rank: WordRank<'_>) -> Option<String> {
    if !(SHORTEST..=LONGEST).contains(&letters.len()) || letters.iter().any(|letter| joins(*letter)) {
        return None;
    }
    let mut best: Option<(u64, String)> = None;
    let mut tried = String::with_capacity(4 * letters.len() + 4);
    let mut look_at = |start: &[char], middle: &[char], end: &[char]| {
        tried.clear();
        tried.extend(start.iter().chain(middle).chain(end));
        let Some(rank) = rank(&tried) else { return };
        let meant: Vec<char> = tried.chars().collect();
        let Some(rarity) = rarity_of_slip(letters, &meant) else { return };
        let rank = u64::from(rank) * u64::from(rarity);
        if best.as_ref().is_none_or(|(best, _)| rank < *best) {
            best = Some((rank, tried.clone()));
        }
    };
    for place in 0..=letters.len() {
        let (start, end) = letters.split_at(place);
        for letter in 'a'..='z' {
            look_at(start, &[letter], end);
            look_at(start, &[letter], end.get(1..).unwrap_or_default());
        }
        look_at(start, &[], end.get(1..).unwrap_or_default());
        if let [first, second, rest @ ..] = end {
            look_at(start, &[*second, *first], rest);
        }
    }
    best.map(|(_, word)| word)
}

/// How likely the next word is one that was not seen: the share of those that were seen once (Good, "The population
/// frequencies of species and the estimation of population parameters", Biometrika 1953).
fn share_of_new(words: &[(Box<str>, u32)]) -> f64 {
    let once = words.iter().filter(|(_, count)| *count == 1).count() as f64;
    let all: f64 = words.iter().map(|(_, count)| f64::from(*count)).sum();
    once / all.max(1.0)
}

fn begins_with_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// Whether a word of a text stands where any word is written with a capital.
fn begins_sentence(word: &str, text: &str) -> bool {
    let before = text[..word.as_ptr() as usize - text.as_ptr() as usize].trim_end_matches(' ');
    before.is_empty() || before.ends_with(['.', '?', '!', ':', '\n'])
}

/// Whether it joins letters to one word: `don't`, `top-up`.
fn joins(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}' | '-')
}

/// The words of the part of a text that is read, joined ones whole.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let text = &text[..text.floor_char_boundary(super::features::MAX_CHARACTERS)];
    text.split(|letter: char| !letter.is_alphanumeric() && !joins(letter))
        .map(|word| word.trim_matches(joins))
        .filter(|word| !word.is_empty())
}

/// What a word is joined of; the word itself where it is not joined.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(joins).filter(|part| !part.is_empty())
}

/// The words of a text, joined ones whole and in parts.
fn all_words(text: &str) -> impl Iterator<Item = &str> {
    words(text).flat_map(|word| {
        let parts = parts(word).filter(move |part| part.len() < word.len());
        std::iter::once(word).chain(parts)
    })
}

/// Hashes, each found in one look: where those begin that have the same highest bits is kept.
#[derive(Clone, Debug, Default, PartialEq)]
struct Hashes {
    /// Ascending.
    hashes: Vec<u64>,
    /// As many as twice the hashes, or a little more: a power of two, and one.
    starts: Vec<u32>,
}

impl Hashes {
    fn of(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        let buckets = (2 * hashes.len()).next_power_of_two().max(2);
        let mut starts = vec![0; buckets + 1];
        hashes.iter().for_each(|hash| starts[bucket(*hash, buckets) + 1] += 1);
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        Self { hashes, starts }
    }

    fn contains(&self, hash: u64) -> bool {
        let buckets = self.starts.len().saturating_sub(1);
        if buckets == 0 {
            return false;
        }
        let bucket = bucket(hash, buckets);
        self.hashes[self.starts[bucket] as usize..self.starts[bucket + 1] as usize].contains(&hash)
    }
}

/// The number that the highest bits of a hash make; `buckets` is a power of two, and not 1.
fn bucket(hash: u64, buckets: usize) -> usize {
    (hash >> (u64::BITS - buckets.trailing_zeros())) as usize
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

/// How many times rarer than the most common slip the one is that makes one word of another; `None` where it takes more
/// than one. Neighbours are exchanged and letters doubled, or not, more often than a letter is left out or put in, and a
/// wrong letter is rarer still; the first letter is seldom wrong (Pollock, Zamora, "Collection and characterization of
/// spelling errors in scientific and scholarly text", 1983).
fn rarity_of_slip(written: &[char], meant: &[char]) -> Option<u32> {
    const COMMON: u32 = 1;
    const RARER: u32 = 2;
    const RARE: u32 = 8;
    let (short, long) = if written.len() < meant.len() { (written, meant) } else { (meant, written) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short_rest, long_rest) = (&short[same..], &long[same..]);
    let rarity = match long.len() - short.len() {
        0 => match (short_rest, long_rest) {
            ([a, b, rest @ ..], [c, d, other @ ..]) if a == d && b == c && rest == other => {
                return Some(COMMON);
            }
            ([_, rest @ ..], [_, other @ ..]) if rest == other => RARE,
            _ => return None,
        },
        1 if *short_rest == long_rest[1..] => {
            let is_doubled = same > 0 && long[same - 1] == long[same];
            if is_doubled { COMMON } else { RARER }
        }
        _ => return None,
    };
    Some(if same == 0 { rarity * RARE } else { rarity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_corrected_and_two_are_not() {
        let spelling =
            Spelling::of(["my refund is late", "refund the card", "refine the cart please"].into_iter());
        let read = |text| spelling.corrected(text, None).into_owned();
        assert_eq!(read("Where is my REFNUD?"), "Where is my refund?");
        assert_eq!(read("reufnd refunnd refnd refumd"), "refund refund refund refund");
        assert_eq!(read("the rfnud"), "the rfnud");
        // Of several the most frequent; rare words are no help, and short words, numbers and known words stay.
        assert_eq!(read("refuned carx iz 1234x refine"), "refund carx iz 1234x refine");
        assert!(matches!(spelling.corrected("refund my card", None), Cow::Borrowed(_)));
        // A vocabulary's words are no slips, and others may be slips of them: the first of it is the most frequent.
        let vocabulary = |word: &str| {
            let words = ["weather", "whether", "refumd", "card", "late", "please"];
            words.iter().position(|known| *known == word)
        };
        let rank = |word: &str| vocabulary(word).map(|place| place as u32);
        assert_eq!(
            spelling.corrected("refumd refnd wheather weathr whethre xyz", Some(&rank)),
            "refumd refund weather weather whether xyz"
        );
        // A name within a sentence is none either, unless the examples know better; at the beginning any word has a capital.
        let read = |text| spelling.corrected(text, Some(&rank)).into_owned();
        assert_eq!(read("ask Weathr about my Refnud"), "ask Weathr about my refund");
        assert_eq!(read("it rains. Weathr? ASK ABOUT WEATHR"), "it rains. weather? ASK ABOUT weather");
        // One of another language takes no word for a slip of its own.
        let other = |word: &str| (word == "weather" || word == "card").then_some(0);
        assert_eq!(spelling.corrected("refumd wheather weather", Some(&other)), "refund wheather weather");
        assert_eq!(read("ünknöwn 退款 🙂 late"), "ünknöwn 退款 🙂 late");
    }

    #[test]
    fn joined_words_are_words_and_so_are_their_parts() {
        let examples = ["i can't top-up", "want to top-up", "can't want it", "want typos", "typos"];
        let spelling = Spelling::of(examples.into_iter());
        // Few words are known, so that without a vocabulary the shorter ones are left as they are.
        assert_eq!(spelling.corrected("cant tpo-up", None), "cant top-up");
        let rank = |word: &str| (word == "want" || word == "typos").then_some(7);
        let read = |text| spelling.corrected(text, Some(&rank)).into_owned();
        assert_eq!(read("cant wnat tpyos to-pup"), "can't want typos top-up");
        assert_eq!(read("up-want top-it wnat-tpyos"), "up-want top-it want-typos");
    }

    #[test]
    fn another_letter_is_another_matter_where_words_are_not_apart() {
        // Louder, and what is not there: quieter.
        let spelling = Spelling::of(["把音量调大一点", "把音量调大一点", "把音量调大一点吧"].into_iter());
        assert_eq!(spelling.corrected("把音量调小一点", None), "把音量调小一点");
    }

    #[test]
    fn of_several_words_the_one_a_common_slip_makes_is_meant() {
        let rarity = |written: &str, meant: &str| {
            let letters = |word: &str| word.chars().collect::<Vec<_>>();
            rarity_of_slip(&letters(written), &letters(meant))
        };
        let slips = [
            ("refnud", "refund"),
            ("refuund", "refund"),
            ("leter", "letter"),
            ("rfund", "refund"),
            ("refumd", "refund"),
            ("defund", "refund"),
        ];
        let rarities: Vec<_> = slips.iter().map(|(written, meant)| rarity(written, meant)).collect();
        assert_eq!(rarities, [1, 1, 1, 2, 8, 64].map(Some));
        assert_eq!((rarity("efund", "refund"), rarity("rfnud", "refund")), (Some(16), None));
    }

    #[test]
    fn hostile_text_is_read_in_bounded_time() {
        let spelling = Spelling::of(["refund"].into_iter());
        let text = "refnud ".repeat(1 << 20);
        assert!(spelling.corrected(&text, None).len() <= text.len());
        let joined = "Aa-Ab-Ac-".repeat(1 << 20);
        let rank = |word: &str| (word == "refund").then_some(0);
        assert!(spelling.corrected(&joined, Some(&rank)).len() <= joined.len());
    }
}
