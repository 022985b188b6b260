//! Prompts that are read when the program runs.

use std::fmt;
use std::path::{Path, PathBuf};

/// Bytes of a template's file, at most.
const MAX_BYTES: u64 = 1 << 20;

/// A text with fields, from a file. Which fields it has is checked when it is read, not when it is filled; that each is
/// filled, when the program is compiled.
///
/// A field is written `{name}`; braces themselves are written twice.
///
/// ```
/// use orch_core::prompt::Template;
///
/// let template = Template::parse("Summarise {text} as {kind}. {{Briefly.}}", ["text", "kind"])?;
/// assert_eq!(template.fill(["this", "a headline"]), "Summarise this as a headline. {Briefly.}");
///
/// let error = Template::parse("Summarise\n{txt}", ["text"]).unwrap_err();
/// assert_eq!(error.to_string(), "line 2: there is no field `txt`; the fields are `text`");
/// # Ok::<(), orch_core::prompt::TemplateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<const N: usize> {
    /// Text, and the number of the field after it.
    parts: Vec<(String, usize)>,
    rest: String,
}

/// What is wrong with a template.
#[derive(Debug)]
pub struct TemplateError {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// The line, from 1; 0 where it is about the whole.
    pub line: usize,
    /// What is wrong.
    pub kind: TemplateErrorKind,
}

/// What is wrong with a template.
#[derive(Debug)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// The file cannot be read.
    Unreadable(std::io::Error),
    /// The file is larger than 1 MiB.
    TooLarge,
    /// A field that is none of those it may have.
    Unknown {
        /// The field.
        field: String,
        /// Those it may have.
        known: Vec<String>,
    },
    /// A field it must have, and has not.
    Missing {
        /// The field.
        field: String,
    },
    /// A brace without its other half.
    Brace,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match &self.kind {
            TemplateErrorKind::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            TemplateErrorKind::TooLarge => write!(f, "it is larger than {MAX_BYTES} bytes"),
            TemplateErrorKind::Unknown { field, known } => {
                write!(f, "there is no field `{field}`; the fields are `{}`", known.join("`, `"))
            }
            TemplateErrorKind::Missing { field } => write!(f, "it has no field `{{{field}}}`"),
            TemplateErrorKind::Brace => {
                f.write_str("a brace has no other half; one that is meant is written twice")
            }
        }
    }
}

impl std::error::Error for TemplateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            TemplateErrorKind::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl<const N: usize> Template<N> {
    /// Reads a template that has these fields, each at least once and no other.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], with the file and the line.
    pub fn load(path: impl AsRef<Path>, fields: [&str; N]) -> Result<Self, TemplateError> {
        let path = path.as_ref();
        let fail = |line, kind| TemplateError { file: Some(path.to_owned()), line, kind };
        let unreadable = |error| fail(0, TemplateErrorKind::Unreadable(error));
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(fail(0, TemplateErrorKind::TooLarge));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text, fields).map_err(|error| fail(error.line, error.kind))
    }

    /// As [`load`](Template::load), of a text.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], with the line.
    pub fn parse(text: &str, fields: [&str; N]) -> Result<Self, TemplateError> {
        let mut template = Self { parts: Vec::new(), rest: String::new() };
        let mut seen = [false; N];
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            template.rest.push_str(before);
            let line = 1 + text[..text.len() - from.len()].matches('\n').count();
            let fail = |kind| Err(TemplateError { file: None, line, kind });
            if from.starts_with("{{") || from.starts_with("}}") {
                template.rest.push_str(&from[..1]);
                rest = &from[2..];
                continue;
            }
            let Some(end) = from.find('}').filter(|_| from.starts_with('{')) else {
                return fail(TemplateErrorKind::Brace);
            };
            let field = &from[1..end];
            let Some(number) = fields.iter().position(|known| *known == field) else {
                let known = fields.iter().map(|&known| known.to_owned()).collect();
                return fail(TemplateErrorKind::Unknown { field: field.to_owned(), known });
            };
            seen[number] = true;
            template.parts.push((std::mem::take(&mut template.rest), number));
            rest = &from[end + 1..];
        }
        template.rest.push_str(rest);
        if let Some(missing) = seen.iter().position(|seen| !seen) {
            let kind = TemplateErrorKind::Missing { field: fields[missing].to_owned() };
            return Err(TemplateError { file: None, line: 0, kind });
        }
        Ok(template)
    }

    /// The text with its fields filled, in the order in which they were named.
    #[must_use]
    pub fn fill(&self, values: [&str; N]) -> String {
        let mut text = String::new();
        for (before, field) in &self.parts {
            text.push_str(before);
            text.push_str(values[*field]);
        }
        text.push_str(&self.rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            ("a {x} {", "line 1: a brace has no other half"),
            ("a\n}\n{x}", "line 2: a brace has no other half"),
            ("a", "it has no field `{x}`"),
            ("{x}\n\n{ x }", "line 3: there is no field ` x `; the fields are `x`"),
        ] {
            let error = Template::parse(text, ["x"]).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        let error = Template::load("/no/such/file", ["x"]).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/file: it cannot be read"), "{error}");
        // What fills a field is not read again.
        let template = Template::parse("{a}{b}{a}", ["a", "b"]).unwrap();
        assert_eq!(template.fill(["{b}", "é"]), "{b}é{b}");
    }
}
