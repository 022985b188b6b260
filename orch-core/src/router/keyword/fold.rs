//! What makes words alike: case, accents and spacing do not count.

use unicode_normalization::UnicodeNormalization;

/// Bytes of an input beyond this are not read, so that a hostile one has its price.
const MAX_BYTES: usize = 1 << 20;

/// `text` in lower case, without accents, in compatibility form, with single spaces.
pub(crate) fn fold(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    spaced(folded(text).chars(), text.len())
}

/// `text` in lower case, without accents, in compatibility form. The marks of other scripts than Latin, Greek and
/// Cyrillic are letters, and stay.
pub(in crate::router) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let accent = |letter: &char| ('\u{300}'..='\u{36F}').contains(letter);
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !accent(letter)).nfc().flat_map(char::to_lowercase) {
        match plain(letter) {
            Some(plain) => folded.push_str(plain),
            None => folded.push(letter),
        }
    }
    folded
}

/// What a letter is written as where it cannot be typed: of those that Unicode does not take apart.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'ς' => "σ",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'þ' => "th",
        _ => return None,
    })
}

/// Whether a letter is of a script that puts no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
pub(in crate::router) fn unspaced(letter: char) -> bool {
    matches!(letter, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
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
        assert_eq!((fold("STRASSE"), fold("ΟΔΟΣ")), (fold("straße"), fold("οδος")));
        assert_eq!(fold("Łódź, Ørsted, DIYARBAKIR, Diyarbakır"), "lodz, orsted, diyarbakir, diyarbakir");
        assert_eq!(fold("हिन्दी ガ 한국"), "हिन्दी ガ 한국");
        assert_eq!(fold("\u{0}\u{1b} مرحبا 🙂"), "\u{0}\u{1b} مرحبا 🙂");
        assert!(fold(&"é".repeat(1 << 20)).len() <= MAX_BYTES);
    }
}
