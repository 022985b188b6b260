//! Inputs as people write them in a hurry, or politely.

/// A way to write a text.
pub(crate) type Perturbation = (&'static str, fn(&str) -> String);

pub(crate) const ALL: [Perturbation; 4] = [
    ("a slip in one long word", |text| slips(text, 1)),
    ("in every long word", |text| slips(text, usize::MAX)),
    ("courtesy", |text| format!("hi, could you please {text} thanks a lot")),
    ("capitals", str::to_uppercase),
];

/// Words with more letters than this are long.
const SHORT: usize = 4;

/// Two neighbours exchanged, a letter too few, or one too many, in the first so many long words; which, the word says.
fn slips(text: &str, most: usize) -> String {
    let mut left = most;
    let words = text.split(' ').map(|word| {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() <= SHORT || left == 0 {
            return word.to_owned();
        }
        left -= 1;
        let hash =
            word.bytes().fold(17_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let at = 1 + hash / 3 % (letters.len() - 2);
        match hash % 3 {
            0 => letters.swap(at, at + 1),
            1 => drop(letters.remove(at)),
            _ => letters.insert(at, letters[at]),
        }
        letters.into_iter().collect()
    });
    words.collect::<Vec<String>>().join(" ")
}
