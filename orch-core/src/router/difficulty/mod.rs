//! The cheap model where it does, the capable one where it pays.

use std::collections::BTreeMap;
use std::future::Future;

use crate::error::{Error, Kind, Result};
use crate::router::example::Supply;
use crate::router::lbfgs;
use crate::router::learned::{Ngrams, Vocabulary};
use crate::router::{Decision, Label, Router};

mod file;

/// The price of an error against that of a large weight. This and the weights below were chosen by cross-validation.
const C: f64 = 0.3;
const STEPS: usize = 60;
/// How much tags and the text's measures count beside its words.
const TAG: f32 = 2.0;
const MEASURE: f32 = 0.3;
/// Length in characters, words, sentences and numbers, each by its logarithm.
const MEASURES: usize = 4;

/// A question, and how well a cheap and a capable model answered it, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// The question.
    pub input: String,
    /// What else is known before it is answered: its domain, who asks.
    pub tags: Vec<String>,
    /// The quality of the cheap model's answer.
    pub cheap: f64,
    /// The quality of the capable model's answer.
    pub capable: f64,
}

/// How much better a capable model would answer than a cheap one, learned from answers of both.
///
/// Two logistic regressions over the words, the length and the tags say how likely each model is right; the gain is the
/// difference. See [`Difficulty::router`] for a router.
///
/// ```
/// use orch_core::router::{Difficulty, Graded};
///
/// let graded = |input: &str, cheap| Graded { input: input.to_owned(), tags: vec![], cheap, capable: 1.0 };
/// let seen: Vec<_> = (0..40)
///     .flat_map(|i| [graded(&format!("add {i} and {i}"), 1.0), graded(&format!("prove the lemma number {i}"), 0.0)])
///     .collect();
/// let difficulty = Difficulty::fit(&seen)?;
/// assert!(difficulty.gain("prove this lemma", &[]) > difficulty.gain("add 7 and 8", &[]) + 0.3);
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Difficulty {
    vocabulary: Vocabulary,
    tags: BTreeMap<String, u32>,
    /// Mean and spread of each measure.
    measures: [(f32, f32); MEASURES],
    cheap: Vec<f32>,
    capable: Vec<f32>,
    /// The gains of the questions it was fitted on, ascending.
    gains: Vec<f32>,
}

impl Difficulty {
    /// Learns from graded answers.
    ///
    /// # Errors
    ///
    /// When there are fewer than ten, or a grade is not between 0 and 1.
    pub fn fit(seen: &[Graded]) -> Result<Self> {
        let wrong = |what: String| Err(Error::with(Kind::Router, what));
        if seen.len() < 10 {
            return wrong(format!(
                "difficulty is learned from 10 graded questions at least, and these are {}",
                seen.len()
            ));
        }
        if let Some(bad) = seen
            .iter()
            .find(|graded| ![graded.cheap, graded.capable].iter().all(|grade| (0.0..=1.0).contains(grade)))
        {
            return wrong(format!("a grade lies from 0 to 1; `{}` has another", bad.input));
        }
        let ngrams: Vec<Ngrams> = seen.iter().map(|graded| Ngrams::of(&graded.input)).collect();
        let (vocabulary, _) = Vocabulary::of(ngrams.iter(), Supply::of(ngrams.len()), usize::MAX);
        let mut tags = BTreeMap::new();
        for tag in seen.iter().flat_map(|graded| &graded.tags) {
            let next = tags.len() as u32;
            tags.entry(tag.clone()).or_insert(next);
        }
        let raw: Vec<[f32; MEASURES]> = seen.iter().map(|graded| measures(&graded.input)).collect();
        let measures = std::array::from_fn(|measure| {
            let count = raw.len() as f32;
            let mean = raw.iter().map(|raw| raw[measure]).sum::<f32>() / count;
            let variance = raw.iter().map(|raw| (raw[measure] - mean).powi(2)).sum::<f32>() / count;
            (mean, variance.sqrt().max(1e-6))
        });
        let mut difficulty =
            Self { vocabulary, tags, measures, cheap: Vec::new(), capable: Vec::new(), gains: Vec::new() };
        let rows: Vec<Vec<(u32, f32)>> = seen
            .iter()
            .zip(&ngrams)
            .map(|(graded, ngrams)| {
                let tags: Vec<&str> = graded.tags.iter().map(String::as_str).collect();
                difficulty.row(&graded.input, ngrams, &tags)
            })
            .collect();
        let size = difficulty.size();
        let grades = |grade: fn(&Graded) -> f64| seen.iter().map(grade).collect::<Vec<f64>>();
        difficulty.cheap = logistic(&rows, &grades(|graded| graded.cheap), size);
        difficulty.capable = logistic(&rows, &grades(|graded| graded.capable), size);
        difficulty.gains = rows.iter().map(|row| difficulty.gain_of(row) as f32).collect();
        difficulty.gains.sort_by(f32::total_cmp);
        Ok(difficulty)
    }

    /// How much better the capable model is expected to answer, from -1 to 1.
    #[must_use]
    pub fn gain(&self, input: &str, tags: &[&str]) -> f64 {
        self.gain_of(&self.row(input, &Ngrams::of(input), tags))
    }

    /// The gain above which the share `share` of questions lies, as far as those it was fitted on tell.
    #[must_use]
    pub fn gain_for_share(&self, share: f64) -> f64 {
        let above = (share.clamp(0.0, 1.0) * self.gains.len() as f64).round() as usize;
        match self.gains.len() - above {
            0 => f64::NEG_INFINITY,
            below => f64::from(self.gains[below - 1]),
        }
    }

    /// What was learned as bytes, to be kept in a file or in the program with `include_bytes!`.
    ///
    /// ```
    /// use orch_core::router::{Difficulty, Graded};
    ///
    /// # let graded = |input: &str, cheap| Graded { input: input.to_owned(), tags: vec![], cheap, capable: 1.0 };
    /// # let seen: Vec<_> = (0..40)
    /// #     .flat_map(|i| [graded(&format!("add {i} and {i}"), 1.0), graded(&format!("prove the lemma number {i}"), 0.0)])
    /// #     .collect();
    /// let bytes = Difficulty::fit(&seen)?.to_bytes();
    /// let router = Difficulty::from_bytes(&bytes)?.router("small".to_owned(), "large".to_owned(), 0.002, 0.01);
    /// assert_eq!(router.choose("prove this lemma", &[]).route, "large");
    /// # orch_core::Ok(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads what [`to_bytes`](Difficulty::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are nothing of this version, or are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        file::read(bytes).map_err(|problem| Error::with(Kind::Router, problem))
    }

    /// A router that takes `capable` where the expected gain is worth more than it costs: above `price / worth`, where
    /// `price` is what the capable model costs more for a question, and `worth` is what a right answer is worth, in the
    /// same money.
    #[must_use]
    pub fn router<R: Label>(self, cheap: R, capable: R, price: f64, worth: f64) -> CostRouter<R> {
        CostRouter { difficulty: self, cheap, capable, from: price / worth }
    }

    fn gain_of(&self, row: &[(u32, f32)]) -> f64 {
        probability(&self.capable, row) - probability(&self.cheap, row)
    }

    /// Features, then tags, measures, and a constant.
    fn size(&self) -> usize {
        self.vocabulary.len() + self.tags.len() + MEASURES + 1
    }

    fn row(&self, input: &str, ngrams: &Ngrams, tags: &[&str]) -> Vec<(u32, f32)> {
        let mut row = self.vocabulary.row(ngrams).features;
        let first = self.vocabulary.len() as u32;
        row.extend(tags.iter().filter_map(|tag| self.tags.get(*tag)).map(|tag| (first + tag, TAG)));
        let first = first + self.tags.len() as u32;
        let measured = measures(input).into_iter().zip(self.measures).enumerate();
        row.extend(
            measured.map(|(number, (raw, (mean, spread)))| {
                (first + number as u32, MEASURE * (raw - mean) / spread)
            }),
        );
        row.push((first + MEASURES as u32, 1.0));
        row
    }
}

fn measures(input: &str) -> [f32; MEASURES] {
    let input = &input[..input.floor_char_boundary(1 << 16)];
    let characters = input.chars().count();
    let words = input.split_whitespace().count();
    let sentences = input.matches(['.', '?', '!']).count();
    let numbers =
        input.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty()).count();
    [characters, words, sentences, numbers].map(|count| (count as f32).ln_1p())
}

fn probability(weights: &[f32], row: &[(u32, f32)]) -> f64 {
    let logit: f32 = row.iter().map(|(feature, value)| weights[*feature as usize] * value).sum();
    1.0 / (1.0 + f64::from(-logit).exp())
}

/// The weights of a logistic regression of grades from 0 to 1; the last, of the constant, is free.
fn logistic(rows: &[Vec<(u32, f32)>], grades: &[f64], size: usize) -> Vec<f32> {
    lbfgs::minimum(size, STEPS, |weights, gradient| {
        let mut loss = 0.0;
        for ((slope, weight), free) in gradient.iter_mut().zip(weights).zip((0..size).map(|i| i + 1 == size))
        {
            *slope = if free { 0.0 } else { *weight };
            loss += if free { 0.0 } else { f64::from(weight * weight) / 2.0 };
        }
        for (row, grade) in rows.iter().zip(grades) {
            let share = probability(weights, row);
            loss -= C * (grade * share.max(1e-12).ln() + (1.0 - grade) * (1.0 - share).max(1e-12).ln());
            let slope = (C * (share - grade)) as f32;
            for (feature, value) in row {
                gradient[*feature as usize] += slope * value;
            }
        }
        loss
    })
}

/// A router between two models: see [`Difficulty::router`].
#[derive(Clone, Debug, PartialEq)]
pub struct CostRouter<R> {
    difficulty: Difficulty,
    cheap: R,
    capable: R,
    from: f64,
}

impl<R: Label> CostRouter<R> {
    /// Decides, with what is known besides the question.
    #[must_use]
    pub fn choose(&self, input: &str, tags: &[&str]) -> Decision<R> {
        let row = self.difficulty.row(input, &Ngrams::of(input), tags);
        let (cheap, capable) =
            (probability(&self.difficulty.cheap, &row), probability(&self.difficulty.capable, &row));
        if capable - cheap > self.from {
            Decision::new(self.capable.clone(), capable, "difficulty")
        } else {
            Decision::new(self.cheap.clone(), cheap, "difficulty")
        }
    }
}

/// The confidence is how likely the chosen model is right.
impl<R: Label> Router for CostRouter<R> {
    type Route = R;

    fn decide(&self, input: &str) -> impl Future<Output = Result<Decision<R>>> + Send {
        std::future::ready(Ok(self.choose(input, &[])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Vec<Graded> {
        (0..60)
            .map(|i| {
                let (input, domain, cheap) = match i % 3 {
                    0 => (format!("what is the capital of country {i}"), "facts", 1.0),
                    1 => (format!("prove that the series number {i} converges"), "proofs", 0.0),
                    _ => (format!("say hello to person {i}"), "talk", 1.0),
                };
                Graded { input, tags: vec![domain.to_owned()], cheap, capable: 1.0 }
            })
            .collect()
    }

    #[test]
    fn the_capable_model_gets_what_the_cheap_one_fails() {
        let difficulty = Difficulty::fit(&seen()).unwrap();
        let third = difficulty.gain_for_share(1.0 / 3.0);
        let router = difficulty.clone().router("cheap".to_owned(), "capable".to_owned(), 0.01, 0.05);
        assert_eq!(router.choose("prove that this converges", &["proofs"]).route, "capable");
        assert_eq!(router.choose("what is the capital of France", &["facts"]).route, "cheap");
        assert!(difficulty.gain("prove the theorem", &["proofs"]) > third);
        assert!(difficulty.gain_for_share(1.0).is_infinite());
        let bytes = difficulty.to_bytes();
        assert_eq!(Difficulty::from_bytes(&bytes).unwrap(), difficulty);
        let cut = Difficulty::from_bytes(&bytes[..bytes.len() / 2]).unwrap_err().to_string();
        assert!(cut.contains("cut short"), "{cut}");
    }

    #[test]
    fn too_few_and_impossible_grades_are_refused() {
        assert!(Difficulty::fit(&seen()[..5]).unwrap_err().to_string().contains("10 graded"));
        let mut bad = seen();
        bad[3].cheap = 1.5;
        assert!(Difficulty::fit(&bad).unwrap_err().to_string().contains("from 0 to 1"));
    }
}
