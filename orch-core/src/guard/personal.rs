//! What says who somebody is, and what opens doors.

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::Input;
use regex_automata::meta::Regex;

use super::{Checked, Guard, Secrets};
use crate::error::Result;

/// A kind of personal data, how it looks, and what must hold besides.
type Look = (&'static str, &'static str, fn(&str) -> bool);

const KINDS: [Look; 5] = [
    ("email address", r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b", |_| true),
    ("payment card", r"\b\d(?:[ -]?\d){12,18}\b", luhn),
    ("bank account", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", iban),
    ("social security number", r"\b\d{3}-\d{2}-\d{4}\b", |_| true),
    (
        "phone number",
        r"(?:\+|\b00)\d[\d ()./-]{6,18}\d\b|\(\d{3}\) ?\d{3}[ -]\d{4}\b|\b\d{3}[-.]\d{3}[-.]\d{4}\b",
        phone,
    ),
];

/// Luhn's checksum of digits (ISO/IEC 7812-1).
fn luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    if digits.len() < 13 {
        return false;
    }
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, &d)| if i % 2 == 1 { doubled(d) } else { d }).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
}

/// The checksum of an account number (ISO 13616: its letters as numbers, modulo 97, give 1).
fn iban(text: &str) -> bool {
    let plain: String = text.chars().filter(|letter| *letter != ' ').collect();
    if plain.len() < 15 {
        return false;
    }
    let turned = plain.chars().skip(4).chain(plain.chars().take(4));
    let mut rest = 0;
    for letter in turned {
        let Some(value) = letter.to_digit(36) else { return false };
        rest = (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    rest == 1
}

fn phone(text: &str) -> bool {
    (8..=15).contains(&text.chars().filter(char::is_ascii_digit).count())
}

fn patterns() -> &'static Regex {
    static PATTERNS: OnceLock<Regex> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let patterns: Vec<&str> = KINDS.iter().map(|(_, pattern, _)| *pattern).collect();
        // They are constants, and a test compiles them.
        Regex::new_many(&patterns).unwrap_or_else(|error| unreachable!("a pattern is invalid: {error}"))
    })
}

/// What a guard does with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Mask,
    Refuse,
}

/// Masks or refuses email addresses, phone and social security numbers, payment cards and bank accounts. Cards and
/// accounts count only when their checksum is right.
///
/// It looks for patterns, so it does not know names or addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalData(Then);

impl PersonalData {
    /// Puts the kind in place of what is found: `[email address]`.
    #[must_use]
    pub fn masked() -> Self {
        Self(Then::Mask)
    }

    /// Refuses a text that has some.
    #[must_use]
    pub fn refused() -> Self {
        Self(Then::Refuse)
    }

    /// What is found, with its kind and where it is, in bytes; in order, and nothing twice.
    fn find(text: &str) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let found = patterns().find(Input::new(text).range(at..))?;
                let (kind, _, holds) = KINDS[found.pattern().as_usize()];
                if let Some(end) = longest_that_holds(&text[found.range()], holds) {
                    at = found.start() + end;
                    return Some((kind, found.start()..at));
                }
                // What does not hold may hide what does: a kind that begins after its first word.
                at = next_word(text, found.range());
            }
        })
    }
}

/// Words of what was found that are left out at its end, at most, to see whether the rest holds: a card's number with its
/// date behind it is one run of digits.
const MOST_LEFT_OUT: usize = 8;

/// The end of the longest beginning of what was found that is what it looks like.
fn longest_that_holds(found: &str, holds: fn(&str) -> bool) -> Option<usize> {
    let words = found.rmatch_indices([' ', '-']).map(|(end, _)| end).take(MOST_LEFT_OUT);
    std::iter::once(found.len()).chain(words).find(|end| holds(&found[..*end]))
}

/// Where the word after the first of a range begins, or where the range ends.
fn next_word(text: &str, range: Range<usize>) -> usize {
    text[range.clone()].find([' ', '-']).map_or(range.end, |end| range.start + end + 1)
}

impl Guard for PersonalData {
    fn name(&self) -> &'static str {
        "personal data"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        if self.0 == Then::Refuse {
            let found = Self::find(text).next();
            return Ok(found.map_or(Checked::Passed, |(kind, _)| Checked::Refused {
                reason: format!("it has a {kind}"),
            }));
        }
        let (mut masked, mut end) = (String::new(), 0);
        for (kind, range) in Self::find(text) {
            masked.push_str(&text[end..range.start]);
            masked.extend(["[", kind, "]"]);
            end = range.end;
        }
        if end == 0 {
            return Ok(Checked::Passed);
        }
        masked.push_str(&text[end..]);
        Ok(Checked::Changed(masked))
    }
}

/// Masks or refuses [`Secrets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSecrets(Then);

impl NoSecrets {
    /// Puts the kind in place of what is found: `[secret: GitHub token]`.
    #[must_use]
    pub fn masked() -> Self {
        Self(Then::Mask)
    }

    /// Refuses a text that has some.
    #[must_use]
    pub fn refused() -> Self {
        Self(Then::Refuse)
    }
}

impl Guard for NoSecrets {
    fn name(&self) -> &'static str {
        "secrets"
    }

    async fn check(&self, text: &str) -> Result<Checked> {
        Ok(match Secrets::known().find(text) {
            None => Checked::Passed,
            Some(_) if self.0 == Then::Mask => Checked::Changed(Secrets::known().redacted(text)),
            Some(kind) => Checked::Refused { reason: format!("it has a secret: {kind}") },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn masked(text: &str) -> String {
        PersonalData::masked().enforce(text.to_owned()).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_personal_is_found_and_what_only_looks_so_is_not() {
        for (text, wanted) in [
            ("mail jo.e+x@mail.example.co.uk now", "mail [email address] now"),
            ("card 4111 1111 1111 1111.", "card [payment card]."),
            ("order 4111 1111 1111 1112.", "order 4111 1111 1111 1112."),
            ("pay to DE89 3704 0044 0532 0130 00", "pay to [bank account]"),
            ("code DE88 3704 0044 0532 0130 00", "code DE88 3704 0044 0532 0130 00"),
            ("4111 1111 1111 1111 12/27", "[payment card] 12/27"),
            ("card 12 4111-1111-1111-1111 7", "card 12 [payment card] 7"),
            ("IBAN DE89370400440532013000 BIC COBADEFF", "IBAN [bank account] BIC COBADEFF"),
            ("12345 555-123-4567", "12345 [phone number]"),
            ("call +49 30 901820 today", "call [phone number] today"),
            ("call (555) 123-4567", "call [phone number]"),
            ("ssn 078-05-1120", "ssn [social security number]"),
            ("order 48213 of 2026-11-20, 17.50 euros", "order 48213 of 2026-11-20, 17.50 euros"),
            ("a@b 1+1=2 ünï", "a@b 1+1=2 ünï"),
        ] {
            assert_eq!(masked(text).await, wanted);
        }
        assert!(PersonalData::refused().enforce("x@example.org".to_owned()).await.is_err());
        let key = format!("AKIA{}", "Q".repeat(16));
        assert_eq!(NoSecrets::masked().enforce(key.clone()).await.unwrap(), "[secret: AWS access key]");
        let error = NoSecrets::refused().enforce(key).await.unwrap_err().to_string();
        assert!(error.contains("AWS access key") && !error.contains("QQQ"), "{error}");
    }
}
