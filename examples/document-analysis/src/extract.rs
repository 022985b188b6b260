//! From what was scanned to text.

use orch_core::{Error, Result};

use crate::document::Document;

/// The text of a document: its lines joined, words that the end of a line cuts made whole, page numbers left out.
///
/// # Errors
///
/// When nothing is left.
pub async fn extract(document: &Document) -> Result<String> {
    let mut text = String::with_capacity(document.text.len());
    for line in document.text.lines().map(str::trim) {
        if line.is_empty() || is_page_number(line) {
            continue;
        }
        if text.ends_with('-') && line.starts_with(char::is_lowercase) {
            text.pop();
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
    if text.is_empty() {
        return Err(Error::message(format!("there is no text in {}", document.name)));
    }
    Ok(text)
}

/// `3` or `Page 3`.
fn is_page_number(line: &str) -> bool {
    let number = line.strip_prefix("Page ").unwrap_or(line);
    number.chars().all(|letter| letter.is_ascii_digit())
}
