//! A reader of what is nearly JSON.

use serde_json::{Map, Number, Value};

/// Values inside values, at most; what `serde_json` allows too.
const DEPTH: usize = 100;

/// A value, where it ends in the text, and what had to be overlooked.
pub(super) struct Read {
    pub(super) value: Value,
    pub(super) end: usize,
    pub(super) overlooked: bool,
    pub(super) cut: bool,
}

/// Reads a value that begins at `start`. Trailing commas, comments, single quotes, bare keys, line breaks in strings and
/// Python's literals are overlooked. Where the text ends too early, what is open is closed, and a number or a word it
/// ends in is left out, since more of it may have followed.
pub(super) fn read(text: &str, start: usize) -> Option<Read> {
    let mut reader = Reader { text, at: start, overlooked: false, cut: false };
    let value = reader.value(0)?;
    Some(Read { value, end: reader.at, overlooked: reader.overlooked, cut: reader.cut })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    overlooked: bool,
    cut: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// Skips `wanted` if it comes next.
    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.text[self.at..].starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            let rest = &self.text[self.at..];
            let comment = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                return;
            };
            self.overlooked = true;
            self.at += comment;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.skip_blank();
        match self.peek()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' | '\'' => self.string().map(Value::String),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.bump();
        let mut members = Map::new();
        loop {
            if !self.next_item('}')? {
                return Some(Value::Object(members));
            }
            let key = match self.peek()? {
                '"' | '\'' => self.string()?,
                _ => self.bare_key()?,
            };
            self.skip_blank();
            if self.peek().is_none() || self.cut {
                self.cut = true;
                return Some(Value::Object(members));
            }
            if !self.eat(":") {
                return None;
            }
            match self.member(depth) {
                Some(value) => members.insert(key, value),
                None if self.cut => return Some(Value::Object(members)),
                None => return None,
            };
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.bump();
        let mut items = Vec::new();
        loop {
            if !self.next_item(']')? {
                return Some(Value::Array(items));
            }
            match self.member(depth) {
                Some(value) => items.push(value),
                None if self.cut => return Some(Value::Array(items)),
                None => return None,
            }
        }
    }

    /// What is in an object or array. `None` with `cut` set is what the end of the text left out.
    fn member(&mut self, depth: usize) -> Option<Value> {
        self.skip_blank();
        if self.peek().is_none() {
            self.cut = true;
            return None;
        }
        self.value(depth + 1)
    }

    /// Goes to the next item; `false` when `close` or the end of the text comes instead.
    fn next_item(&mut self, close: char) -> Option<bool> {
        self.skip_blank();
        let mut commas = 0;
        while self.eat(",") {
            commas += 1;
            self.skip_blank();
        }
        // A comma too many, before the first or after the last.
        self.overlooked |= commas > 1;
        match self.peek() {
            None => {
                self.cut = true;
                Some(false)
            }
            Some(_) if self.cut => Some(false),
            Some(letter) if letter == close => {
                self.overlooked |= commas > 0;
                self.bump();
                Some(false)
            }
            Some('}' | ']') => None,
            Some(_) => Some(true),
        }
    }

    fn bare_key(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-');
        let key = &rest[..end.unwrap_or(rest.len())];
        self.overlooked = true;
        self.at += key.len();
        (!key.is_empty()).then(|| key.to_owned())
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.bump()?;
        self.overlooked |= quote == '\'';
        let mut text = String::new();
        loop {
            match self.bump() {
                None => {
                    self.cut = true;
                    return Some(text);
                }
                Some(letter) if letter == quote => return Some(text),
                Some('\\') => {
                    if let Some(letter) = self.escaped() {
                        text.push(letter);
                    }
                }
                Some(letter) => {
                    self.overlooked |= letter < ' ';
                    text.push(letter);
                }
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.bump()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => return self.unicode(),
            other => {
                self.overlooked |= !matches!(other, '"' | '\\' | '/');
                other
            }
        })
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex()?;
        if !(0xD800..0xDC00).contains(&high) {
            return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        let low = if self.eat("\\u") { self.hex() } else { None };
        match low {
            Some(low @ 0xDC00..0xE000) => char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)),
            _ => {
                self.at = before;
                self.overlooked = true;
                Some(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            self.overlooked = true;
            return None;
        };
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    /// A number or a literal.
    fn word(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '+' | '-' | '.'));
        let Some(end) = end else {
            // It may go on.
            self.at = self.text.len();
            self.cut = true;
            return None;
        };
        let word = &rest[..end];
        self.at += end;
        let python = match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" | "undefined" | "NaN" => Some(Value::Null),
            _ => None,
        };
        self.overlooked |= python.is_some();
        python.or_else(|| match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => serde_json::from_str::<Number>(word).ok().map(Value::Number),
        })
    }
}
