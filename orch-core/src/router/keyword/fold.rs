//! What makes words alike: case, accents and spacing do not count.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Bytes of an input beyond this are not read, so that a hostile one has its price.
const MAX_BYTES: usize = 1 << 20;

/// `text` in lower case, without accents, in compatibility form, with single spaces.
pub(super) fn fold(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    if text.is_ascii() {
        return spaced(text.chars().map(|letter| letter.to_ascii_lowercase()), text.len());
    }
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    spaced(letters, text.len())
}

fn spaced(letters: impl Iterator<Item = char>, size: usize) -> String {
    let mut folded = String::with_capacity(size);
    for letter in letters {
        if !letter.is_whitespace() {
            folded.push(letter);
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_spacing_do_not_count() {
        assert_eq!(fold("  Crème\n BRÛLÉE "), "creme brulee");
        assert_eq!(fold("ＡＢＣ ﬁne"), "abc fine");
        assert_eq!(fold("\u{0}\u{1b} مرحبا 🙂"), "\u{0}\u{1b} مرحبا 🙂");
        assert!(fold(&"é".repeat(1 << 20)).len() <= MAX_BYTES);
    }
}
