//! An index: documents in, passages out.

use std::future::Future;

use super::{Chunker, reciprocal_rank_fusion};
use crate::error::{Error, Result};
use crate::router::{Encoder, embed};

/// For each passage wanted, so many are looked at in each ranking before they are fused.
const DEEPER: usize = 4;

/// A text with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name, by which it is cited and replaced.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Document {
    /// A document.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The document's name.
    pub document: String,
    /// Its place among the passages of the document, from 0.
    pub number: u32,
    /// The headings it stands under, outermost first.
    pub headings: Vec<String>,
    /// The text.
    pub text: String,
}

/// A passage that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// How well it fits; comparable within one search only.
    pub score: f64,
    /// Its place by words, from 0, if it is there.
    pub by_words: Option<usize>,
    /// Its place by meaning, from 0, if it is there.
    pub by_vector: Option<usize>,
}

/// What a search came to. Nothing is an outcome, not an error: it can be routed.
#[derive(Clone, Debug, PartialEq)]
pub enum Retrieved {
    /// Passages, best first; at least one.
    Found(Vec<Hit>),
    /// Nothing fits.
    Nothing,
}

impl Retrieved {
    /// The passages, best first.
    #[must_use]
    pub fn hits(&self) -> &[Hit] {
        match self {
            Self::Found(hits) => hits,
            Self::Nothing => &[],
        }
    }
}

/// Where passages are kept. Writers may write at the same time.
pub trait Store: Send + Sync {
    /// Replaces all passages of a document, by none or by these with their vectors; readers see all of them or those
    /// before.
    fn replace(
        &self,
        document: &str,
        passages: Vec<(Passage, Vec<f32>)>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The passages that share words with a query, best first.
    fn by_words(&self, query: &str, count: usize)
    -> impl Future<Output = Result<Vec<(Passage, f64)>>> + Send;

    /// The passages whose vectors point most where this one does, with their cosines, best first.
    fn by_vector(
        &self,
        vector: &[f32],
        count: usize,
    ) -> impl Future<Output = Result<Vec<(Passage, f64)>>> + Send;

    /// The encoder the vectors are of; kept with the first, and compared from then on.
    ///
    /// # Errors
    ///
    /// When the vectors there are of another.
    fn encoder_is(&self, identity: &str) -> impl Future<Output = Result<()>> + Send;
}

/// Documents that are found again by words and by meaning.
#[derive(Clone, Debug)]
pub struct Index<E, S> {
    encoder: E,
    store: S,
    chunker: Chunker,
    at_least: f64,
}

impl<E: Encoder, S: Store> Index<E, S> {
    /// An index that cuts documents by `chunker`, gives each passage a vector by `encoder`, and keeps both in `store`.
    pub fn new(encoder: E, store: S, chunker: Chunker) -> Self {
        Self { encoder, store, chunker, at_least: -1.0 }
    }

    /// Leaves out passages that share no word with the query and whose cosine with it is below this, from -1, which leaves out
    /// none and is the default, to 1.
    #[must_use]
    pub fn at_least(self, cosine: f64) -> Self {
        Self { at_least: cosine, ..self }
    }

    /// Adds a document, in place of one of the same name. Gives how many passages it has.
    ///
    /// # Errors
    ///
    /// When the encoder or the store fails, or the store has vectors of another encoder; the document is then as it was.
    pub async fn add(&self, document: &Document) -> Result<usize> {
        self.store.encoder_is(self.encoder.identity()).await?;
        let chunks = self.chunker.chunks(&document.text);
        let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text(&document.text)).collect();
        let vectors = embed(&self.encoder, &texts).await?;
        let passages =
            chunks.iter().zip(&texts).zip(vectors).enumerate().map(|(number, ((chunk, text), vector))| {
                let passage = Passage {
                    document: document.name.clone(),
                    number: number as u32,
                    headings: chunk.headings.clone(),
                    text: (*text).to_owned(),
                };
                (passage, vector)
            });
        let passages: Vec<_> = passages.collect();
        let count = passages.len();
        self.store.replace(&document.name, passages).await?;
        Ok(count)
    }

    /// Takes a document out.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn remove(&self, document: &str) -> Result<()> {
        self.store.replace(document, Vec::new()).await
    }

    /// The passages that fit a query best by words and by meaning, the two rankings fused; `count` at most.
    ///
    /// # Errors
    ///
    /// When the encoder or the store fails, or the store has vectors of another encoder.
    pub async fn search(&self, query: &str, count: usize) -> Result<Retrieved> {
        self.store.encoder_is(self.encoder.identity()).await?;
        let vector = embed(&self.encoder, &[query]).await?.pop();
        let vector = vector.ok_or_else(|| Error::message("the encoder gave no vector"))?;
        let (words, alike) = futures_util::future::try_join(
            self.store.by_words(query, count * DEEPER),
            self.store.by_vector(&vector, count * DEEPER),
        )
        .await?;
        let words: Vec<&Passage> = words.iter().map(|(passage, _)| passage).collect();
        let alike = alike.iter().filter(|(_, cosine)| *cosine >= self.at_least);
        let alike: Vec<&Passage> = alike.map(|(passage, _)| passage).collect();
        let place =
            |ranking: &[&Passage], passage: &Passage| ranking.iter().position(|known| *known == passage);
        let hits = reciprocal_rank_fusion([words.clone(), alike.clone()]).into_iter().take(count);
        let hits: Vec<Hit> = hits
            .map(|(passage, score)| Hit {
                by_words: place(&words, passage),
                by_vector: place(&alike, passage),
                passage: passage.clone(),
                score,
            })
            .collect();
        Ok(if hits.is_empty() { Retrieved::Nothing } else { Retrieved::Found(hits) })
    }
}
