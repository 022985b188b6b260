//! Whether an answer stands on its sources.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{Checked, Guard};
use crate::error::Result;
use crate::router::fold;

/// Words of this length or shorter say little; numbers always say something.
const SHORT: usize = 3;

/// Refuses an answer with a sentence its sources do not have: of the sentence's longer words too few occur in them, or
/// it has a number none of them has.
///
/// It compares words, not meaning: it finds what is made up, and not what is turned round.
///
/// ```
/// use orch_core::guard::{Grounded, Guard};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let guard = Grounded::in_sources(["Orders can be returned within 30 days of delivery."]);
/// assert!(guard.enforce("Returned orders: within 30 days of delivery [1].".to_owned()).await.is_ok());
/// assert!(guard.enforce("Orders can be returned within 90 days.".to_owned()).await.is_err());
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Grounded {
    words: HashSet<String>,
    at_least: f64,
}

impl Grounded {
    /// A guard for answers that stand on these sources: half of the longer words of each sentence must occur in them.
    pub fn in_sources<S: AsRef<str>>(sources: impl IntoIterator<Item = S>) -> Self {
        let mut words = HashSet::new();
        for source in sources {
            words.extend(fold(source.as_ref()).unicode_words().map(stem));
        }
        Self { words, at_least: 0.5 }
    }

    /// So much of the longer words of each sentence must occur in the sources, from 0 to 1.
    #[must_use]
    pub fn at_least(self, share: f64) -> Self {
        Self { at_least: share, ..self }
    }

    fn fault(&self, sentence: &str) -> Option<String> {
        let sentence = without_citations(&fold(sentence));
        let (mut known, mut all) = (0.0, 0.0);
        for word in sentence.unicode_words() {
            let is_number = word.starts_with(|letter: char| letter.is_ascii_digit());
            if is_number && !self.words.contains(&stem(word)) {
                return Some("no source has a number it names".to_owned());
            }
            if word.chars().count() > SHORT {
                all += 1.0;
                known += f64::from(u8::from(self.words.contains(&stem(word))));
            }
        }
        (all > 0.0 && known / all < self.at_least)
            .then(|| format!("of {all} longer words of a sentence the sources have {known}"))
    }
}

/// `[1]` is no number of the answer's.
fn without_citations(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        rest = match after.split_once(']') {
            Some((inside, after))
                if inside.chars().all(|letter| letter.is_ascii_digit() || " ,".contains(letter)) =>
            {
                after
            }
            _ => after,
        };
    }
    plain.push_str(rest);
    plain
}

/// A word without what English puts at its end most.
fn stem(word: &str) -> String {
    let stem = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .filter(|stem| stem.len() > SHORT);
    stem.unwrap_or(word).to_owned()
}

impl Guard for Grounded {
    fn name(&self) -> &'static str {
        "groundedness"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        let fault = text.unicode_sentences().find_map(|sentence| self.fault(sentence));
        Ok(fault.map_or(Checked::Passed, |reason| Checked::Refused { reason }))
    }

    /// What a model looks for is in no source yet.
    async fn check_arguments(&self, _: &str) -> Result<Checked> {
        Ok(Checked::Passed)
    }
}
