//! One stage of a fitted router: a router of any kind.

use std::borrow::Cow;

use orch_core::router::{Decision, Dense, Encoder, Fused, Head as _, Keyword, Learned, Semantic, embed};

use super::Name;

#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// It decides when its confidence is at least this; the last stage always does.
    pub(super) at_least: f64,
    pub(super) router: StageRouter,
    /// Which of the encoders it wants, if it wants one.
    pub(super) encoder: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum StageRouter {
    Keyword(Box<Keyword<Name>>),
    Learned(Box<Learned<Name>>),
    Semantic(Box<Semantic<Name>>),
    Dense(Box<Dense<Name>>),
    Fused(Box<Fused<Name>>),
}

impl StageRouter {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Keyword(_) => "keyword",
            Self::Learned(_) => "learned",
            Self::Semantic(_) => "semantic",
            Self::Dense(_) => "dense",
            Self::Fused(_) => "fused",
        }
    }

    pub(super) fn needs_encoder(&self) -> bool {
        matches!(self, Self::Semantic(_) | Self::Dense(_) | Self::Fused(_))
    }

    pub(super) fn routes(&self) -> &[Name] {
        match self {
            Self::Keyword(router) => router.routes(),
            Self::Learned(router) => router.routes(),
            Self::Semantic(router) => router.routes(),
            Self::Dense(router) => router.routes(),
            Self::Fused(router) => router.routes(),
        }
    }

    /// Below which confidence it abstains.
    pub(super) fn threshold(&self) -> f64 {
        match self {
            Self::Keyword(_) => 0.0,
            Self::Learned(router) => router.abstains_below(),
            Self::Semantic(router) => router.abstains_below(),
            Self::Dense(router) => router.abstains_below(),
            Self::Fused(router) => router.abstains_below(),
        }
    }

    /// The same with another confidence to abstain below; a keyword router has none of its own.
    pub(super) fn abstaining_below(self, confidence: f64) -> Self {
        match self {
            Self::Keyword(router) => Self::Keyword(router),
            Self::Learned(router) => Self::Learned(Box::new(router.abstaining_below(confidence))),
            Self::Semantic(router) => Self::Semantic(Box::new(router.abstaining_below(confidence))),
            Self::Dense(router) => Self::Dense(Box::new(router.abstaining_below(confidence))),
            Self::Fused(router) => Self::Fused(Box::new(router.abstaining_below(confidence))),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Keyword(router) => router.to_text().into_bytes(),
            Self::Learned(router) => router.to_bytes(),
            Self::Semantic(router) => router.to_bytes(),
            Self::Dense(router) => router.to_bytes(),
            Self::Fused(router) => router.to_bytes(),
        }
    }

    pub(super) fn from_bytes(kind: &str, bytes: &[u8]) -> orch_core::Result<Self> {
        match kind {
            "keyword" => {
                Keyword::from_text(&String::from_utf8_lossy(bytes)).map(|it| Self::Keyword(Box::new(it)))
            }
            "learned" => Learned::from_bytes(bytes).map(|it| Self::Learned(Box::new(it))),
            "semantic" => Semantic::from_bytes(bytes).map(|it| Self::Semantic(Box::new(it))),
            "dense" => Dense::from_bytes(bytes).map(|it| Self::Dense(Box::new(it))),
            "fused" => Fused::from_bytes(bytes).map(|it| Self::Fused(Box::new(it))),
            other => Err(orch_core::Error::message(format!("there is no router of the kind `{other}`"))),
        }
    }

    /// The text to read in place of an input.
    pub(super) fn read<'a>(&self, input: &'a str, encoder: &impl Encoder) -> Cow<'a, str> {
        let word_rank = |word: &str| encoder.word_rank(word);
        match self {
            Self::Semantic(router) => router.read(input, &word_rank),
            Self::Dense(router) => router.read(input, &word_rank),
            Self::Fused(router) => router.read(input, &word_rank),
            Self::Keyword(_) | Self::Learned(_) => Cow::Borrowed(input),
        }
    }

    /// The text that is read in place of each input, and its vector.
    pub(super) async fn embed<'a>(
        &self,
        inputs: &[&'a str],
        encoder: &impl Encoder,
    ) -> orch_core::Result<Vec<Embedded<'a>>> {
        let read: Vec<_> = inputs.iter().map(|input| self.read(input, encoder)).collect();
        let texts: Vec<&str> = read.iter().map(|text| &**text).collect();
        let vectors = embed(encoder, &texts).await?;
        Ok(read.into_iter().zip(vectors).collect())
    }

    /// The likeliest route, or `None` when there is nothing to go by. `embedded` is there when it is needed.
    pub(super) fn rank(&self, input: &str, embedded: Option<&Embedded<'_>>) -> Option<Decision<Name>> {
        match (self, embedded) {
            (Self::Keyword(router), _) => router.find(input),
            (Self::Learned(router), _) => Some(router.rank(input)),
            (Self::Semantic(router), Some((text, vector))) => Some(router.rank_embedded(text, vector)),
            (Self::Dense(router), Some((text, vector))) => Some(router.rank_embedded(text, vector)),
            (Self::Fused(router), Some((text, vector))) => Some(router.rank_embedded(text, vector)),
            (Self::Semantic(_) | Self::Dense(_) | Self::Fused(_), None) => None,
        }
    }
}

/// A text that is read in place of an input, and its vector.
pub(super) type Embedded<'a> = (Cow<'a, str>, Vec<f32>);
