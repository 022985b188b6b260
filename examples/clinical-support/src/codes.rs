//! ICD-10 codes: where a referral has one, no model has to guess.

use crate::specialty::Specialty;

/// A code in its parts: `G47.3` is `('G', 47, "3")`.
type Code<'a> = (char, u32, &'a str);

/// The specialty that a referral's codes speak of: [`Specialty::General`] where it is none of the others. `None` where
/// there is no code, or the codes disagree.
#[must_use]
pub fn by_code(text: &str) -> Option<Specialty> {
    let found: Vec<Specialty> = codes(text).filter_map(specialty).collect();
    let mut known = found.iter().copied().filter(|specialty| *specialty != Specialty::General);
    match known.next() {
        Some(first) => known.all(|other| other == first).then_some(first),
        None => found.first().copied(),
    }
}

/// The codes in a text.
fn codes(text: &str) -> impl Iterator<Item = Code<'_>> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').filter_map(code)
}

/// A letter, two digits, and perhaps a dot and more digits.
fn code(word: &str) -> Option<Code<'_>> {
    let word = word.trim_matches('.');
    let chapter = word.chars().next().filter(char::is_ascii_uppercase)?;
    let (number, detail) = word[1..].split_once('.').unwrap_or((&word[1..], ""));
    let is_code = number.len() == 2 && detail.chars().all(|digit| digit.is_ascii_digit());
    Some((chapter, number.parse().ok().filter(|_| is_code)?, detail))
}

/// Who looks after a code, by its chapter.
fn specialty((chapter, number, detail): Code<'_>) -> Option<Specialty> {
    Some(match (chapter, number) {
        // Sleep apnoea stands among the nerves.
        ('G', 47) if detail.starts_with('3') => Specialty::Pulmonology,
        ('G', _) | ('I', 60..=69) => Specialty::Neurology,
        ('I', _) => Specialty::Cardiology,
        ('K', 20..) | ('B', 15..=19) => Specialty::Gastroenterology,
        ('J', 9..) | ('E', 84) => Specialty::Pulmonology,
        ('E', _) => Specialty::Endocrinology,
        // B12 is a vitamin more often than a code.
        ('B', _) => return None,
        _ => Specialty::General,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_where_they_agree() {
        for (text, wanted) in [
            ("Dg.: I35.0, gradient 48 mmHg.", Some(Specialty::Cardiology)),
            ("Stroke I63.9 in March", Some(Specialty::Neurology)),
            ("Sleepy by day, G47.3", Some(Specialty::Pulmonology)),
            ("Gastritis K29.7, B12 low", Some(Specialty::Gastroenterology)),
            ("weak stream, N40", Some(Specialty::General)),
            ("diabetes E11.9, now angina I20.8", None),
            ("B12 low, tired", None),
            ("lumbar pain L4/5", None),
        ] {
            assert_eq!(by_code(text), wanted, "{text}");
        }
    }
}
