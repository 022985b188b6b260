//! Texts as vectors: what stands between an embedding model and the routers that use one.

use std::borrow::Cow;
use std::future::Future;

use crate::error::{Error, Kind, Result};
use crate::model::Usage;
use crate::router::{Classifier, Decision, Label, Route, Router};

/// The vectors of some texts, and what it took.
///
/// An encoder that runs in process collects them and says nothing of a use: nobody pays for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// The tokens a server counted, none where nobody was asked; `None` where it does not say.
    pub usage: Option<Usage>,
}

impl Vectors {
    /// The same, if there is a vector for each of so many texts, and each is as long as the encoder says.
    ///
    /// # Errors
    ///
    /// When the encoder has given others.
    pub fn checked<E: Encoder>(self, encoder: &E, texts: usize) -> Result<Self> {
        if self.vectors.len() != texts {
            return Err(faulty(encoder, &format!("gave {} vectors for {texts} texts", self.vectors.len())));
        }
        let due = encoder.dimensions();
        match self.vectors.iter().find(|vector| vector.len() != due) {
            Some(vector) => {
                let what = format!("gave a vector of {} numbers, where {due} are due", vector.len());
                Err(faulty(encoder, &what))
            }
            None => Ok(self),
        }
    }
}

impl FromIterator<Vec<f32>> for Vectors {
    fn from_iter<I: IntoIterator<Item = Vec<f32>>>(vectors: I) -> Self {
        vectors.into_iter().collect::<Vec<_>>().into()
    }
}

impl From<Vec<Vec<f32>>> for Vectors {
    fn from(vectors: Vec<Vec<f32>>) -> Self {
        Self { vectors, usage: Some(Usage::default()) }
    }
}

/// A model that gives each text a vector, so that texts of like meaning have vectors of like direction.
///
/// `orch-embed` has encoders that run in process; `orch-openai` and `orch-genai` ask a server. Anything that can embed is one:
///
/// ```
/// use orch_core::router::{Encoder, Vectors};
/// use orch_core::Result;
///
/// /// How often each vowel occurs.
/// struct Vowels;
///
/// impl Encoder for Vowels {
///     fn identity(&self) -> &str { "vowels 1" }
///     fn dimensions(&self) -> usize { 5 }
///     async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
///         let count = |text: &str, vowel| text.matches(vowel).count() as f32;
///         Ok(texts.iter().map(|text| ["a", "e", "i", "o", "u"].map(|vowel| count(text, vowel)).to_vec()).collect())
///     }
/// }
/// # let _ = Vowels;
/// ```
pub trait Encoder: Send + Sync {
    /// The model and what else decides its vectors, such as a version or a checksum. Routers keep it and refuse
    /// another.
    fn identity(&self) -> &str;

    /// How many numbers a vector has.
    fn dimensions(&self) -> usize;

    /// The vectors of some texts, in their order, by one request where it asks a server. Their length does not matter to
    /// the routers here.
    ///
    /// The vector of a text must not depend on which others it is embedded with.
    fn encode(&self, texts: &[&str]) -> impl Future<Output = Result<Vectors>> + Send;

    /// How many texts it gets at a time while a router is fitted: as many as a server takes in a request, unless said
    /// otherwise. At least 1.
    fn batch_size(&self) -> usize {
        64
    }

    /// The place in the model's vocabulary of a word in lower case, where the more frequent words come first; `None` where
    /// the model has no token of its own for it, or nobody can say.
    ///
    /// A word that neither the model nor any example has may be a slip of the keyboard: [`Fused`](super::Fused) reads it
    /// as the word that is meant.
    fn word_rank(&self, word: &str) -> Option<u32> {
        let _ = word;
        None
    }
}

impl<E: Encoder> Encoder for &E {
    fn identity(&self) -> &str {
        (**self).identity()
    }

    fn dimensions(&self) -> usize {
        (**self).dimensions()
    }

    fn encode(&self, texts: &[&str]) -> impl Future<Output = Result<Vectors>> + Send {
        (**self).encode(texts)
    }

    fn batch_size(&self) -> usize {
        (**self).batch_size()
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        (**self).word_rank(word)
    }
}

impl<E: Encoder> Encoder for std::sync::Arc<E> {
    fn identity(&self) -> &str {
        (**self).identity()
    }

    fn dimensions(&self) -> usize {
        (**self).dimensions()
    }

    fn encode(&self, texts: &[&str]) -> impl Future<Output = Result<Vectors>> + Send {
        (**self).encode(texts)
    }

    fn batch_size(&self) -> usize {
        (**self).batch_size()
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        (**self).word_rank(word)
    }
}

/// Bytes of a text beyond this are not sent to a server.
const MAX_SENT: usize = 16_384;

/// A text as embedding servers take it: they refuse one that is empty, and charge for one that is long.
#[must_use]
pub fn sendable(text: &str) -> &str {
    if text.is_empty() { " " } else { &text[..text.floor_char_boundary(MAX_SENT)] }
}

/// The vectors of so many texts, which a server gave with their places, in order.
///
/// # Errors
///
/// What is wrong with them, when there is not one for each text.
pub fn in_order(mut vectors: Vec<(usize, Vec<f32>)>, texts: usize) -> Result<Vec<Vec<f32>>, String> {
    vectors.sort_by_key(|(place, _)| *place);
    if vectors.len() != texts || vectors.iter().enumerate().any(|(place, (given, _))| *given != place) {
        return Err(format!("it has {} vectors for {texts} texts", vectors.len()));
    }
    Ok(vectors.into_iter().map(|(_, vector)| vector).collect())
}

/// Embeds `texts`, [so many](Encoder::batch_size) at a time, checks the vectors, and scales each to length 1, as [`Head`]s want them.
///
/// # Errors
///
/// When the encoder fails, or gives vectors that are not what it says.
pub async fn embed<E: Encoder>(encoder: &E, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(encoder.batch_size().max(1)) {
        for mut vector in encoder.encode(batch).await?.checked(encoder, batch.len())?.vectors {
            if !normalise(&mut vector) {
                return Err(faulty(encoder, "gave a vector that is not finite"));
            }
            vectors.push(vector);
        }
    }
    Ok(vectors)
}

/// Messages of a conversation that count at most, and how much the earliest of them does at least.
const MOST_MESSAGES: usize = 16;
const LEAST_COUNT: f32 = 0.01;

/// How much each of some messages counts beside the last, from the last on.
fn counts(messages: usize, weight: f32) -> Result<Vec<f32>> {
    if messages == 0 {
        return Err(Error::with(Kind::Router, "a conversation without a message has no route".to_owned()));
    }
    if !(0.0..=1.0).contains(&weight) {
        let what = format!("an earlier message counts from 0 to 1 times the next, and not {weight}");
        return Err(Error::with(Kind::Router, what));
    }
    let counts = std::iter::successors(Some(1.0_f32), |counts| Some(counts * weight));
    Ok(counts.take_while(|counts| *counts >= LEAST_COUNT).take(MOST_MESSAGES.min(messages)).collect())
}

/// The messages that [`embed_in_context`] would count, so that no other need be read.
///
/// # Errors
///
/// When there is no message, or `weight` is not from 0 to 1.
pub fn messages_that_count<'a, 'b>(messages: &'a [&'b str], weight: f32) -> Result<&'a [&'b str]> {
    Ok(&messages[messages.len() - counts(messages.len(), weight)?.len()..])
}

/// The vector of the last of some messages, given those before it. Each message counts `weight` times what the one after
/// it does, from 0 (only the last counts) to 1 (all count the same). Only the last 16 count, and of those none that
/// counts less than a hundredth.
///
/// # Errors
///
/// When the encoder fails, there is no message, or `weight` is not from 0 to 1.
pub async fn embed_in_context<E: Encoder>(encoder: &E, messages: &[&str], weight: f32) -> Result<Vec<f32>> {
    let counts = counts(messages.len(), weight)?;
    let vectors = embed(encoder, &messages[messages.len() - counts.len()..]).await?;
    let mut whole = vec![0.0; encoder.dimensions()];
    for (vector, counts) in vectors.iter().rev().zip(counts) {
        crate::simd::add_scaled(&mut whole, vector, counts);
    }
    normalise(&mut whole);
    Ok(whole)
}

fn faulty(encoder: &impl Encoder, what: &str) -> Error {
    Error::with(Kind::Router, format!("the encoder `{}` {what}", encoder.identity()))
}

/// Scales a vector to length 1, if it has one; `false` when it is not finite.
pub(super) fn normalise(vector: &mut [f32]) -> bool {
    let square = crate::simd::dot(vector, vector);
    if square > 0.0 {
        let scale = square.sqrt().recip();
        vector.iter_mut().for_each(|number| *number *= scale);
    }
    square.is_finite()
}

/// What decides once the text is embedded: [`Fused`](super::Fused), [`Dense`](super::Dense) and
/// [`Semantic`](super::Semantic).
pub trait Head: Send + Sync + sealed::Sealed {
    /// The routes.
    type Route: Label;

    /// The encoder it was fitted with.
    fn encoder(&self) -> &str;

    /// The routes it can choose.
    fn routes(&self) -> &[Self::Route];

    /// Below this confidence it abstains.
    fn abstains_below(&self) -> f64;

    /// The text to read in place of an input: the input itself, unless the head knows the words of its examples and can
    /// tell what a word was meant to be that is not among them, and that has no [rank](Encoder::word_rank) either.
    fn read<'a>(&self, input: &'a str, word_rank: &dyn Fn(&str) -> Option<u32>) -> Cow<'a, str> {
        let _ = word_rank;
        Cow::Borrowed(input)
    }

    /// The likeliest route for a text that is [read](Head::read) and its vector of length 1, whatever the confidence.
    fn rank_embedded(&self, text: &str, vector: &[f32]) -> Decision<Self::Route>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// A router that embeds its input first: an [`Encoder`] and what decides on its vectors.
#[derive(Clone, Debug)]
pub struct Encoded<E, H> {
    encoder: E,
    head: H,
}

impl<E: Encoder, H: Head> Encoded<E, H> {
    /// Puts both together.
    ///
    /// # Errors
    ///
    /// When `head` was fitted with another encoder.
    pub fn new(encoder: E, head: H) -> Result<Self> {
        let (fitted, other) = (head.encoder(), encoder.identity());
        if fitted == other {
            return Ok(Self { encoder, head });
        }
        Err(Error::with(
            Kind::Router,
            format!(
                "this router was fitted with the encoder `{fitted}`, and this one is `{other}`; fit it again, or use the other"
            ),
        ))
    }

    /// What decides.
    pub fn head(&self) -> &H {
        &self.head
    }

    /// The encoder, and what decides, to be changed: only by what keeps to this encoder.
    pub(super) fn parts_mut(&mut self) -> (&E, &mut H) {
        (&self.encoder, &mut self.head)
    }

    /// A text as the head reads it.
    fn read<'a>(&self, input: &'a str) -> Cow<'a, str> {
        self.head.read(input, &|word| self.encoder.word_rank(word))
    }

    /// The vector of a text that is read.
    pub(super) async fn embedded(&self, text: &str) -> Result<Vec<f32>> {
        Ok(embed(&self.encoder, &[text]).await?.swap_remove(0))
    }

    /// The likeliest route, whatever the confidence.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn rank(&self, input: &str) -> Result<Decision<H::Route>> {
        let text = self.read(input);
        Ok(self.head.rank_embedded(&text, &self.embedded(&text).await?))
    }

    /// The likeliest route of the last of some messages, given those before it: see [`embed_in_context`].
    ///
    /// # Errors
    ///
    /// When the encoder fails, there is no message, or `weight` is not from 0 to 1.
    pub async fn rank_in_context(&self, messages: &[&str], weight: f32) -> Result<Decision<H::Route>> {
        let recent = messages_that_count(messages, weight)?;
        let read: Vec<_> = recent.iter().map(|text| self.read(text)).collect();
        let texts: Vec<&str> = read.iter().map(|text| &**text).collect();
        let vector = embed_in_context(&self.encoder, &texts, weight).await?;
        Ok(self.head.rank_embedded(texts.last().copied().unwrap_or_default(), &vector))
    }
}

impl<E: Encoder, H: Head> Classifier for Encoded<E, H> {
    type Route = H::Route;

    async fn classify(&self, input: &str) -> Result<Option<Decision<H::Route>>> {
        let decision = self.rank(input).await?;
        Ok((decision.confidence >= self.head.abstains_below()).then_some(decision))
    }
}

impl<E: Encoder, H: Head> Router for Encoded<E, H>
where
    H::Route: Route,
{
    type Route = H::Route;

    async fn decide(&self, input: &str) -> Result<Decision<H::Route>> {
        Ok(self.rank(input).await?.or_default_below(self.head.abstains_below()))
    }
}
