//! Long texts, cut into passages.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation as _;

/// How many tokens a text has, about: a run of letters or digits counts one for every four, anything else that shows
/// one for each character. Tokenisers of current models give fewer for nearly all text.
///
/// ```
/// use orch_core::retrieve::estimated_tokens;
///
/// assert_eq!(estimated_tokens("The cat sat."), 4);
/// assert_eq!(estimated_tokens("internationalisation"), 5);
/// assert_eq!(estimated_tokens("猫が座った"), 5);
/// ```
#[must_use]
pub fn estimated_tokens(text: &str) -> usize {
    let (mut tokens, mut run) = (0, 0);
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || (letter.is_alphabetic() && (letter as u32) < 0x2E80) {
            run += 1;
        } else {
            tokens += usize::div_ceil(run, 4) + usize::from(!letter.is_whitespace());
            run = 0;
        }
    }
    tokens + usize::div_ceil(run, 4)
}

/// Cuts a text into chunks of at most so many tokens, each of which may begin with the end of the one before.
///
/// ```
/// use orch_core::retrieve::Chunker;
///
/// let text = "One is here. Two is there. Three is gone.";
/// let chunks = Chunker::sentences(10, 5).chunks(text);
/// let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text(text)).collect();
/// assert_eq!(texts, ["One is here. Two is there.", "Two is there. Three is gone."]);
/// ```
#[derive(Clone)]
pub struct Chunker {
    by: By,
    max: usize,
    overlap: usize,
    count: Arc<dyn Fn(&str) -> usize + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Words,
    Sentences,
    Markdown,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// The headings it stands under, outermost first; none where the text is not Markdown.
    pub headings: Vec<String>,
}

impl Chunk {
    /// Its text, without white space around it.
    #[must_use]
    pub fn text<'a>(&self, whole: &'a str) -> &'a str {
        whole[self.range.clone()].trim()
    }
}

impl Chunker {
    /// Cuts between words.
    #[must_use]
    pub fn tokens(max: usize, overlap: usize) -> Self {
        Self::new(By::Words, max, overlap)
    }

    /// Cuts between sentences, and inside those that are too long between words.
    #[must_use]
    pub fn sentences(max: usize, overlap: usize) -> Self {
        Self::new(By::Sentences, max, overlap)
    }

    /// Cuts at headings, and the text under one between paragraphs. A fenced block is cut only when it is too long.
    #[must_use]
    pub fn markdown(max: usize, overlap: usize) -> Self {
        Self::new(By::Markdown, max, overlap)
    }

    fn new(by: By, max: usize, overlap: usize) -> Self {
        let max = max.max(1);
        Self { by, max, overlap: overlap.min(max / 2), count: Arc::new(estimated_tokens) }
    }

    /// Counts tokens by this instead of [`estimated_tokens`].
    #[must_use]
    pub fn counted_by(self, count: impl Fn(&str) -> usize + Send + Sync + 'static) -> Self {
        Self { count: Arc::new(count), ..self }
    }

    /// The chunks, in order. Together they have all of the text that is not white space. The overlap is at most half of
    /// a chunk.
    #[must_use]
    pub fn chunks(&self, text: &str) -> Vec<Chunk> {
        let sections = match self.by {
            By::Markdown => sections(text),
            By::Words | By::Sentences => vec![(0..text.len(), Vec::new())],
        };
        let mut chunks = Vec::new();
        for (range, headings) in sections {
            let ranges = self.pack(text, &self.units(text, range));
            chunks.extend(ranges.into_iter().map(|range| Chunk { range, headings: headings.clone() }));
        }
        chunks.retain(|chunk| !chunk.text(text).is_empty());
        chunks
    }

    /// What a chunk is made of: none is larger than a chunk may be, but for a single character.
    fn units(&self, text: &str, range: Range<usize>) -> Vec<Range<usize>> {
        let units = match self.by {
            By::Words => words(text, range),
            By::Sentences => sentences(text, range),
            By::Markdown => paragraphs(text, range),
        };
        let mut fitting = Vec::with_capacity(units.len());
        for unit in units {
            self.fit(text, unit, self.by, &mut fitting);
        }
        fitting
    }

    fn fit(&self, text: &str, unit: Range<usize>, by: By, fitting: &mut Vec<Range<usize>>) {
        if (self.count)(&text[unit.clone()]) <= self.max {
            return fitting.push(unit);
        }
        let (smaller, next) = match by {
            By::Markdown => (sentences(text, unit), By::Sentences),
            By::Sentences => (words(text, unit), By::Words),
            // A word that is too long is cut wherever it must be.
            By::Words => {
                let offset = unit.start;
                let letters = text[unit].char_indices().map(|(at, letter)| (at + offset, letter.len_utf8()));
                fitting.extend(letters.map(|(at, length)| at..at + length));
                return;
            }
        };
        for unit in smaller {
            self.fit(text, unit, next, fitting);
        }
    }

    /// Puts as many units into a chunk as it holds; the next begins with as many of the last as the overlap allows.
    fn pack(&self, text: &str, units: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut chunks: Vec<Range<usize>> = Vec::new();
        let mut first = 0;
        while first < units.len() {
            let start = units[first].start;
            let holds = |last: usize| (self.count)(&text[start..units[last].end]) <= self.max;
            // Tokens of a longer text are not fewer, so the last that fits is found by halving.
            let (mut fits, mut beyond) = (first, units.len());
            let mut step = 1;
            while step > 0 {
                if fits + step < beyond && holds(fits + step) {
                    fits += step;
                    step *= 2;
                } else {
                    beyond = beyond.min(fits + step);
                    step /= 2;
                }
            }
            chunks.push(start..units[fits].end);
            let end = units[fits].end;
            if fits + 1 == units.len() {
                break;
            }
            // What is repeated must leave room for something new.
            let next = units[fits + 1].end;
            let repeats = |unit: &Range<usize>| {
                (self.count)(&text[unit.start..end]) <= self.overlap
                    && (self.count)(&text[unit.start..next]) <= self.max
            };
            let repeated = units[first + 1..=fits].iter().rev().take_while(|unit| repeats(unit)).count();
            first = fits + 1 - repeated;
        }
        chunks
    }
}

impl fmt::Debug for Chunker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, max, overlap, .. } = self;
        f.debug_struct("Chunker")
            .field("by", by)
            .field("max", max)
            .field("overlap", overlap)
            .finish_non_exhaustive()
    }
}

/// Words, each with the white space after it.
fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let offset = range.start;
    let mut start = offset;
    let mut blank = false;
    for (at, letter) in text[range.clone()].char_indices() {
        if blank && !letter.is_whitespace() {
            found.push(start..offset + at);
            start = offset + at;
        }
        blank = letter.is_whitespace();
    }
    found.push(start..range.end);
    found
}

fn sentences(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let offset = range.start;
    let found = text[range].split_sentence_bound_indices();
    found.map(|(at, sentence)| offset + at..offset + at + sentence.len()).collect()
}

/// Blocks between empty lines; a fenced one is whole.
fn paragraphs(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (range.start, range.start);
    let mut fenced = false;
    for line in text[range.clone()].split_inclusive('\n') {
        if is_fence(line) {
            if !fenced && start < at {
                found.push(start..at);
                start = at;
            }
            fenced = !fenced;
        }
        at += line.len();
        if !fenced && (line.trim().is_empty() || is_fence(line)) {
            found.push(start..at);
            start = at;
        }
    }
    if start < range.end {
        found.push(start..range.end);
    }
    found
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// The text under each heading, that of the heading included, with the headings it stands under.
fn sections(text: &str) -> Vec<(Range<usize>, Vec<String>)> {
    let mut found = Vec::new();
    let mut headings: Vec<(usize, String)> = Vec::new();
    let (mut start, mut at, mut fenced) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        fenced ^= is_fence(line);
        let depth = line.len() - line.trim_start_matches('#').len();
        if !fenced && (1..=6).contains(&depth) && line[depth..].starts_with([' ', '\t']) {
            let names = headings.iter().map(|(_, name)| name.clone()).collect();
            found.push((start..at, names));
            start = at;
            headings.retain(|(outer, _)| *outer < depth);
            headings.push((depth, line[depth..].trim().trim_end_matches('#').trim().to_owned()));
        }
        at += line.len();
    }
    found.push((start..text.len(), headings.into_iter().map(|(_, name)| name).collect()));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_is_cut_at_headings_and_fences_stay_whole() {
        let text = "intro\n\n# A\ntext a\n\n## B\n```\n# no heading\n\ncode\n```\n\nafter\n\n# C\nlast";
        let chunks = Chunker::markdown(12, 0).chunks(text);
        let found: Vec<(&str, String)> =
            chunks.iter().map(|chunk| (chunk.text(text), chunk.headings.join(" > "))).collect();
        assert_eq!(
            found,
            [
                ("intro", String::new()),
                ("# A\ntext a", "A".to_owned()),
                ("## B", "A > B".to_owned()),
                ("```\n# no heading\n\ncode\n```", "A > B".to_owned()),
                ("after", "A > B".to_owned()),
                ("# C\nlast", "C".to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn chunks_are_bounded_and_nothing_is_lost(
            text in "([a-zé猫🙂]{1,9}[ .!?\n#`]{1,2}){0,60}", max in 1_usize..30, overlap in 0_usize..12, by in 0..3,
        ) {
            let chunker = match by {
                0 => Chunker::tokens(max, overlap),
                1 => Chunker::sentences(max, overlap),
                _ => Chunker::markdown(max, overlap),
            };
            let chunks = chunker.chunks(&text);
            let mut reached = 0;
            for chunk in &chunks {
                prop_assert!(estimated_tokens(&text[chunk.range.clone()]) <= max);
                prop_assert!(text[reached.min(chunk.range.start)..chunk.range.start].trim().is_empty());
                if chunk.range.start < reached {
                    prop_assert!(estimated_tokens(&text[chunk.range.start..reached]) <= overlap);
                }
                prop_assert!(chunk.range.end > reached, "each goes on");
                reached = chunk.range.end;
            }
            prop_assert!(text[reached..].trim().is_empty());
        }
    }
}
