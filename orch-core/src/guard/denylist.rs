//! Words that may not occur.

use aho_corasick::AhoCorasick;

use super::{Checked, Guard};
use crate::error::{Error, Kind, Result};
use crate::router::fold;

/// Refuses texts that have one of some words or phrases. Whole words count, in any case, with accents or without.
///
/// ```
/// use orch_core::guard::{Denylist, Guard};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let guard = Denylist::new(["secret project", "café"])?;
/// assert!(guard.enforce("Meet me at the CAFE!".to_owned()).await.is_err());
/// assert!(guard.enforce("cafeteria".to_owned()).await.is_ok());
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Denylist {
    words: Vec<String>,
    automaton: AhoCorasick,
}

impl Denylist {
    /// A guard against these.
    ///
    /// # Errors
    ///
    /// When one is empty, or they are too many for one automaton.
    pub fn new<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<Self> {
        let words: Vec<String> = words.into_iter().map(|word| fold(word.as_ref())).collect();
        if words.iter().any(String::is_empty) {
            return Err(Error::with(Kind::Guard, "a word of the denylist is empty".to_owned()));
        }
        let automaton = AhoCorasick::new(&words)?;
        Ok(Self { words, automaton })
    }
}

impl Guard for Denylist {
    fn name(&self) -> &'static str {
        "denylist"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        let text = fold(text);
        let ends = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        let found = self.automaton.find_overlapping_iter(&text).find(|found| {
            ends(text[..found.start()].chars().next_back()) && ends(text[found.end()..].chars().next())
        });
        Ok(match found {
            Some(found) => {
                let word = &self.words[found.pattern().as_usize()];
                Checked::Refused { reason: format!("it has `{word}`") }
            }
            None => Checked::Passed,
        })
    }
}
