//! Rules as data and as text.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::router::Label;

/// One rule of a [`Keyword`](super::Keyword) router: what gives a route away, or speaks against it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeywordRule<R> {
    /// The route.
    pub route: R,
    /// What the rule looks for.
    pub pattern: Pattern,
    /// What a match does.
    pub effect: Effect,
}

/// What a rule looks for. Case, accents and the width of spaces do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A word or a phrase, as whole words.
    Words(String),
    /// A regular expression, anywhere. Case and accents do not count in it either.
    Regex(String),
}

/// What a match does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Adds to the route's score, or takes from it when negative. 1 unless said otherwise.
    Weigh(f64),
    /// The route is out.
    Veto,
}

impl<R> KeywordRule<R> {
    /// A word or phrase that counts 1.
    pub fn words(route: R, words: impl Into<String>) -> Self {
        Self { route, pattern: Pattern::Words(words.into()), effect: Effect::Weigh(1.0) }
    }

    /// A regular expression that counts 1.
    pub fn regex(route: R, pattern: impl Into<String>) -> Self {
        Self { route, pattern: Pattern::Regex(pattern.into()), effect: Effect::Weigh(1.0) }
    }

    /// The same rule with another weight.
    #[must_use]
    pub fn weighing(self, weight: f64) -> Self {
        Self { effect: Effect::Weigh(weight), ..self }
    }

    /// The same rule as a veto.
    #[must_use]
    pub fn vetoing(self) -> Self {
        Self { effect: Effect::Veto, ..self }
    }
}

impl<R> fmt::Display for KeywordRule<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effect == Effect::Veto {
            f.write_str("!")?;
        }
        match &self.pattern {
            Pattern::Words(words) => f.write_str(&escaped_words(words))?,
            Pattern::Regex(regex) => write!(f, "/{}/", on_one_line(regex))?,
        }
        match self.effect {
            Effect::Weigh(weight) if (weight - 1.0).abs() > f64::EPSILON => write!(f, " * {weight}"),
            _ => Ok(()),
        }
    }
}

/// Rules as they were read.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed<R> {
    pub(super) rules: Vec<KeywordRule<R>>,
    /// The routes, those without a rule included.
    pub(super) routes: Vec<R>,
    /// Offset and slope of their confidence if it was fitted.
    pub(super) confidence: Option<[f64; 2]>,
}

/// Reads rules: `[route]` begins a route's rules, one a line; `#` begins a comment.
pub(super) fn parse<R: Label>(text: &str) -> Result<Parsed<R>> {
    let mut parsed = Parsed { rules: Vec::new(), routes: Vec::new(), confidence: None };
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let wrong = |what: String| Error::with(Kind::Router, format!("line {}: {what}", index + 1));
        if let Some(fitted) = line.strip_prefix("#:confidence") {
            let numbers: Vec<f64> = fitted.split_whitespace().filter_map(|part| part.parse().ok()).collect();
            parsed.confidence = match numbers[..] {
                [offset, slope] if offset.is_finite() && slope.is_finite() => Some([offset, slope]),
                _ => {
                    return Err(wrong(
                        "`#:confidence` wants two numbers; leave the line out to do without".to_owned(),
                    ));
                }
            };
        } else if line.is_empty() || line.starts_with('#') {
        } else if let Some(label) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let label = unescaped(label.trim());
            let Some(route) = R::from_label(&label) else {
                let others = without_rules::<R>(text);
                let others = if others.is_empty() {
                    String::new()
                } else {
                    format!("; the program's routes without a line: {}", others.join(", "))
                };
                return Err(wrong(format!("no route has the label `{label}`{others}")));
            };
            parsed.routes.push(route);
        } else {
            let route =
                parsed.routes.last().cloned().ok_or_else(|| {
                    wrong("this rule belongs to no route; write `[route]` above it".to_owned())
                })?;
            parsed.rules.push(rule(route, line).map_err(wrong)?);
        }
    }
    let missing = if parsed.confidence.is_some() { without_rules::<R>(text) } else { Vec::new() };
    if !missing.is_empty() {
        let what = format!(
            "these rules were fitted without {}, which the program has; mine them again, or write `[route]` and its rules, \
             and leave the line `#:confidence` out",
            missing.join(", ")
        );
        return Err(Error::with(Kind::Router, what));
    }
    Ok(parsed)
}

/// The routes of a closed set that a text of rules does not name.
fn without_rules<R: Label>(text: &str) -> Vec<String> {
    let header = |line: &str| Some(unescaped(line.trim().strip_prefix('[')?.strip_suffix(']')?.trim()));
    let named: Vec<String> = text.lines().filter_map(header).collect();
    let expected = R::expected();
    let missing = expected.iter().map(Label::label).filter(|label| !named.iter().any(|named| named == label));
    missing.map(|label| format!("`{label}`")).collect()
}

/// A label on one line, with nothing at its ends that could get lost: a backslash, a control character
/// and a space at an end are written as `\u{..}`, in hexadecimal.
fn escaped(label: &str) -> String {
    let inner = label.trim();
    let start = label.len() - label.trim_start().len();
    let inside = start..start + inner.len();
    let mut text = String::with_capacity(label.len());
    for (at, letter) in label.char_indices() {
        let at_an_end = !inside.contains(&at);
        if letter == '\\' || letter.is_control() || at_an_end {
            text.extend(letter.escape_unicode());
        } else {
            text.push(letter);
        }
    }
    text
}

/// Words as [`escaped`] writes them, where they also cannot be taken for a comment, a veto, a route, an expression or a
/// weight.
fn escaped_words(words: &str) -> String {
    let mut text = escaped(words).replace(" *", " \\u{2a}");
    if let Some(first @ ('#' | '!' | '[' | '/')) = text.chars().next() {
        text.replace_range(..1, &first.escape_unicode().to_string());
    }
    text
}

/// An expression without control characters: what expressions can say of them instead.
fn on_one_line(regex: &str) -> String {
    let mut text = String::with_capacity(regex.len());
    for letter in regex.chars() {
        if letter.is_control() { text.extend(letter.escape_unicode()) } else { text.push(letter) }
    }
    text
}

/// Undoes [`escaped`]; a backslash that begins no such escape stands for itself.
fn unescaped(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        label.push_str(before);
        let escape = after.strip_prefix("u{").and_then(|digits| digits.split_once('}'));
        let letter = escape.and_then(|(digits, _)| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        match (escape, letter) {
            (Some((_, after)), Some(letter)) => {
                label.push(letter);
                rest = after;
            }
            _ => {
                label.push('\\');
                rest = after;
            }
        }
    }
    label.push_str(rest);
    label
}

fn rule<R>(route: R, line: &str) -> std::result::Result<KeywordRule<R>, String> {
    let (veto, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    // What stands between the slashes of an expression is no weight.
    let expression = line.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (regex, rest) = match expression {
        Some((regex, rest)) if rest.is_empty() || rest.starts_with(" * ") => (Some(regex), rest),
        _ => (None, line),
    };
    let (words, weight) = match rest.rsplit_once(" * ") {
        Some((words, weight)) => {
            let number = weight.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            (words.trim(), Some(number.ok_or_else(|| format!("`{weight}` is no weight; write a number"))?))
        }
        None => (rest, None),
    };
    let pattern = match regex {
        Some(regex) => Pattern::Regex(regex.to_owned()),
        None => Pattern::Words(unescaped(words)),
    };
    let effect = match (veto, weight) {
        (false, weight) => Effect::Weigh(weight.unwrap_or(1.0)),
        (true, None) => Effect::Veto,
        (true, Some(_)) => return Err("a veto has no weight; leave out the `!` or the ` * `".to_owned()),
    };
    Ok(KeywordRule { route, pattern, effect })
}

/// Writes what [`parse`] reads.
pub(super) fn write<R: Label>(
    rules: &[KeywordRule<R>],
    routes: &[R],
    confidence: Option<[f64; 2]>,
) -> String {
    use fmt::Write as _;
    let mut text = String::from(
        "# One rule a line under its route. `!rule` is a veto, `/rule/` a regular expression, `rule * 2.5` has a weight.\n",
    );
    if let Some([offset, slope]) = confidence {
        let _ = writeln!(
            text,
            "# How sure a lead in weight makes; fitted to the data, so fit again after many edits."
        );
        let _ = writeln!(text, "#:confidence {offset} {slope}");
    }
    for route in routes {
        let _ = writeln!(text, "\n[{}]", escaped(route.label()));
        for rule in rules.iter().filter(|rule| rule.route == *route) {
            let _ = writeln!(text, "{rule}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_rules_are_the_same_thing() {
        let rules = vec![
            KeywordRule::words("billing".to_owned(), "double charge").weighing(2.5),
            KeywordRule::words("billing".to_owned(), "refund"),
            KeywordRule::regex("tech".to_owned(), r"err(or)?-\d+"),
            KeywordRule::words("tech".to_owned(), "login page").vetoing(),
            KeywordRule::regex("tech".to_owned(), "a * 2/b").weighing(-0.5),
        ]
        .into_iter()
        .chain(
            [
                "#1 issue",
                "!important",
                "[x]",
                "/etc/",
                "a * 2",
                " c:\\u{41}\n ",
                "/a/ * 3",
                "#:confidence 1 2",
            ]
            .map(|words| KeywordRule::words("tech".to_owned(), words)),
        )
        .collect::<Vec<_>>();
        let routes = ["billing", "tech", " a\\ \n[b] ", "\u{b}\0\u{a0}", "\\u{41}", "\u{2003}"]
            .map(str::to_owned)
            .to_vec();
        let text = write(&rules, &routes, Some([-1.0, 0.5]));
        let parsed = parse::<String>(&text).unwrap();
        assert_eq!(parsed, Parsed { rules, routes, confidence: Some([-1.0, 0.5]) }, "{text}");
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line, what) in [
            ("refund", 1, "belongs to no route"),
            ("[a]\nrefund * much", 2, "no weight"),
            ("[a]\n\n!refund * 2", 3, "veto has no weight"),
            ("[a]\nx * inf", 2, "no weight"),
            ("#:confidence 1", 1, "two numbers"),
        ] {
            let error = parse::<String>(text).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}: ")) && error.contains(what), "{error}");
        }
    }
}
