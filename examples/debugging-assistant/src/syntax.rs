//! Where a compiler stopped. Plain code: the message says it, and brackets can be counted.

use std::fmt::Write as _;

use orch_core::Result;

use crate::advice::Advice;

/// Words before the number of a line.
const LINE: [&str; 5] = ["line", "zeile", "ligne", "línea", "riga"];
/// Words before the number of a column.
const COLUMN: [&str; 3] = ["column", "col", "spalte"];

/// A bracket without its other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The bracket.
    pub letter: char,
    /// Its line in the message, from 1.
    pub line: u32,
    /// Its column in the message, from 1.
    pub column: u32,
}

/// Where the message says that the compiler stopped: the line, and the column where it has one.
#[must_use]
pub fn place(text: &str) -> Option<(u32, Option<u32>)> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .collect();
    let in_a_file = words.iter().find_map(|word| {
        let (file, place) = word.split_once(':')?;
        let mut numbers = place.split(':').map(|number| number.parse::<u32>().ok());
        let line = numbers.next().flatten().filter(|_| file.contains('.'))?;
        Some((line, numbers.next().flatten()))
    });
    in_a_file.or_else(|| Some((number_after(&LINE, &words)?, number_after(&COLUMN, &words))))
}

/// The number that follows one of some words.
fn number_after(names: &[&str], words: &[&str]) -> Option<u32> {
    words.windows(2).find_map(|pair| {
        let name = pair[0].to_lowercase();
        let number = pair[1].parse().ok()?;
        names.contains(&name.as_str()).then_some(number)
    })
}

/// The first bracket that closes nothing, or the last that nothing closes. Those between quotes do not count.
#[must_use]
pub fn unbalanced(text: &str) -> Option<Bracket> {
    let letters: Vec<char> = text.chars().collect();
    let mut open: Vec<Bracket> = Vec::new();
    let (mut line, mut column) = (1, 0);
    for (place, letter) in letters.iter().copied().enumerate() {
        column += 1;
        let bracket = Bracket { letter, line, column };
        match letter {
            '\n' => (line, column) = (line + 1, 0),
            '(' | '[' | '{' if !is_quoted(&letters, place) => open.push(bracket),
            ')' | ']' | '}' if !is_quoted(&letters, place) => {
                let fits = open.pop().is_some_and(|before| other_half(before.letter) == letter);
                if !fits {
                    return Some(bracket);
                }
            }
            _ => {}
        }
    }
    open.pop()
}

fn other_half(letter: char) -> char {
    match letter {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// Whether the letters on both sides are quotes, as in "expected `)`".
fn is_quoted(letters: &[char], place: usize) -> bool {
    let is_quote = |letter: Option<&char>| letter.is_some_and(|letter| "\"'`".contains(*letter));
    is_quote(place.checked_sub(1).and_then(|before| letters.get(before))) && is_quote(letters.get(place + 1))
}

/// Says where to look.
///
/// # Errors
///
/// None today.
pub async fn syntax(text: &str) -> Result<Advice> {
    let mut advice = String::new();
    match place(text) {
        Some((line, Some(column))) => write!(advice, "Look at line {line}, column {column}.")?,
        Some((line, None)) => write!(advice, "Look at line {line}, and at the end of the one before.")?,
        None => advice.push_str("The message does not say where; its first lines would, so send those too."),
    }
    if let Some(Bracket { letter, line, column }) = unbalanced(text) {
        write!(advice, " In what you sent, `{letter}` at {line}:{column} has no other half.")?;
    }
    Ok(Advice::new(advice))
}
