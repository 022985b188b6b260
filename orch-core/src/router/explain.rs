//! Which words decided.

use crate::router::{Decision, Label};

/// Words beyond these are not looked at one by one.
const MAX_WORDS: usize = 64;

/// A word, and how much it spoke for the route that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason<'a> {
    /// The word, as it stands in the input.
    pub word: &'a str,
    /// Where it stands, in bytes.
    pub start: usize,
    /// How much the log-odds of the route fall without it; below 0 for a word that spoke against it.
    pub weight: f64,
}

impl<'a> Reason<'a> {
    /// Each of the first words of a text, where it stands, and the text without it: what to ask a router of your own to
    /// explain it.
    #[must_use]
    pub fn without_each(input: &'a str) -> Vec<(&'a str, usize, String)> {
        let input = &input[..input.floor_char_boundary(1 << 14)];
        input
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .map(|word| {
                let start = word.as_ptr() as usize - input.as_ptr() as usize;
                (word, start, format!("{} {}", &input[..start], &input[start + word.len()..]))
            })
            .collect()
    }

    /// The log-odds a decision gives to a route; very low where there is none.
    #[must_use]
    pub fn log_odds<R: Label>(decision: Option<&Decision<R>>, route: &R) -> f64 {
        let ranking = decision.map_or(&[][..], |decision| &decision.ranking);
        let ranked = ranking.iter().find(|ranked| ranked.route == *route);
        // A route that is not ranked is less likely than any that is.
        let share = ranked.or(ranking.last()).map_or(0.0, |ranked| ranked.confidence).clamp(1e-6, 1.0 - 1e-6);
        (share / (1.0 - share)).ln()
    }

    /// Reasons, the weightiest first.
    #[must_use]
    pub fn sorted(mut reasons: Vec<Self>) -> Vec<Self> {
        reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then(a.start.cmp(&b.start)));
        reasons
    }
}
