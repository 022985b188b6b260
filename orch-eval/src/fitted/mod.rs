//! Routers from data alone: their routes are the labels found in it, and they live in a file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orch_core::router::{
    Decision, Passed, Ranked, Reason, Undecided, embed, embed_in_context, messages_that_count,
};

use crate::dataset::Dataset;
use crate::mutate::{self, Worth};

mod choose;
mod encoder;
mod file;
mod fit;
mod score;
mod stage;
mod typed;

pub use encoder::EncoderPlace;
use encoder::Model;
pub use file::FileError;
pub use fit::{FitError, FitOptions, Fitting, RouterKind, Tried, fit};
pub use score::{Scored, answers, score};
use stage::{Embedded, Stage, StageRouter};
pub use typed::TypedRouter;

/// A label found in data.
type Name = Arc<str>;

/// A router fitted to data: one stage, or several of which the first that is sure enough decides.
#[derive(Debug)]
pub struct FittedRouter {
    stages: Vec<Stage>,
    encoders: Vec<(EncoderPlace, Model)>,
    abstains_below: f64,
}

impl FittedRouter {
    /// The routes it can choose.
    #[must_use]
    pub fn routes(&self) -> Vec<Name> {
        let mut routes: Vec<Name> = Vec::new();
        for route in self.stages.iter().flat_map(|stage| stage.router.routes()) {
            if !routes.contains(route) {
                routes.push(Arc::clone(route));
            }
        }
        routes
    }

    /// Below this confidence it abstains.
    #[must_use]
    pub fn abstains_below(&self) -> f64 {
        self.abstains_below
    }

    /// Its stages in order: what decisions call each, and the confidence from which on it decides.
    #[must_use]
    pub fn stages(&self) -> Vec<(&'static str, f64)> {
        let numbered = self.stages.iter().enumerate();
        numbered.map(|(number, stage)| (self.stage_name(number), stage.at_least)).collect()
    }

    /// What each rule, or each example, of a router of one stage earns on the data, those that cost the most first;
    /// `None` where it has neither. Examples are named where the data has the rows they came from.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn worths(&self, data: &Dataset) -> orch_core::Result<Option<Vec<Worth>>> {
        let cases = data.to_measure();
        match (self.stages.as_slice(), self.encoders.as_slice()) {
            ([Stage { router: StageRouter::Keyword(router), .. }], _) => {
                mutate::of_rules(router, self.abstains_below, &cases).map(Some)
            }
            ([Stage { router: StageRouter::Semantic(router), .. }], [(_, encoder)]) => {
                let inputs: Vec<&str> = cases.iter().map(|case| case.input.as_str()).collect();
                let vectors = embed(encoder, &inputs).await?;
                let rows = data.to_fit().into_iter().filter(|case| case.expected.first().is_some());
                let texts: Vec<&str> = rows.map(|case| case.input.as_str()).collect();
                let texts = (texts.len() == router.examples()).then_some(texts.as_slice());
                let worths = mutate::of_examples(router, self.abstains_below, &cases, &vectors, texts);
                Ok(Some(worths))
            }
            _ => Ok(None),
        }
    }

    /// Its rules as text, where it is a keyword router.
    #[must_use]
    pub fn rules(&self) -> Option<String> {
        match self.stages.as_slice() {
            [Stage { router: StageRouter::Keyword(router), .. }] => Some(router.to_text()),
            _ => None,
        }
    }

    /// The likeliest route, whatever the confidence; `None` when nothing speaks for any.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn rank(&self, input: &str) -> orch_core::Result<Option<Decision<Name>>> {
        Ok(self.rank_all(&[input]).await?.pop().flatten())
    }

    /// The likeliest route of each input, as [`rank`](FittedRouter::rank) gives it. Inputs that need the encoder are
    /// embedded together, which takes less time than one after the other.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn rank_all(&self, inputs: &[&str]) -> orch_core::Result<Vec<Option<Decision<Name>>>> {
        self.rank_timed(inputs, None).await.map(|(decisions, _)| decisions)
    }

    /// The likeliest route of the last of some messages, given those before it, which count as
    /// [`embed_in_context`] says. Stages without an encoder read the last message alone.
    ///
    /// # Errors
    ///
    /// When the encoder fails, there is no message, or `weight` is not from 0 to 1.
    pub async fn rank_in_context(
        &self,
        messages: &[&str],
        weight: f32,
    ) -> orch_core::Result<Option<Decision<Name>>> {
        let Some((last, earlier)) = messages_that_count(messages, weight)?.split_last() else {
            return Ok(None);
        };
        let (mut decisions, _) = self.rank_timed(&[last], Some(Context { earlier, weight })).await?;
        Ok(decisions.pop().flatten())
    }

    /// Whether it has an encoder, through which the messages before one can count.
    #[must_use]
    pub fn reads_context(&self) -> bool {
        !self.encoders.is_empty()
    }

    /// The routes a message speaks of, which may be several or none, best first: see
    /// [`Semantic::several`](orch_core::router::Semantic::several). `None` where it is not a semantic router alone: no other
    /// tells several.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn several(&self, input: &str) -> orch_core::Result<Option<Vec<Ranked<Name>>>> {
        match (self.stages.as_slice(), self.encoders.as_slice()) {
            ([Stage { router: StageRouter::Semantic(router), .. }], [(_, encoder)]) => {
                let vectors = embed(encoder, &[input]).await?;
                Ok(vectors.first().map(|vector| router.several(vector)))
            }
            _ => Ok(None),
        }
    }

    /// What [`rank_all`](FittedRouter::rank_all) gives, and how long the encoders took of it. With a context
    /// there is one input.
    pub(crate) async fn rank_timed(
        &self,
        inputs: &[&str],
        context: Option<Context<'_>>,
    ) -> orch_core::Result<(Vec<Option<Decision<Name>>>, Duration)> {
        let mut embedding = Duration::ZERO;
        let mut decisions: Vec<Option<Decision<Name>>> = vec![None; inputs.len()];
        let mut passed: Vec<Vec<Passed>> = vec![Vec::new(); inputs.len()];
        let mut open: Vec<usize> = (0..inputs.len()).collect();
        // Of each encoder and input, so that no stage embeds a text again.
        let mut embedded: Vec<Vec<Option<Embedded<'_>>>> =
            vec![vec![None; inputs.len()]; self.encoders.len()];
        for (number, stage) in self.stages.iter().enumerate() {
            if let Some(encoder) = stage.encoder {
                let (known, encoder) = (&mut embedded[encoder], &self.encoders[encoder].1);
                let read = open.iter().map(|input| (*input, stage.router.read(inputs[*input], encoder)));
                let new: Vec<_> = read
                    .filter(|(input, text)| known[*input].as_ref().is_none_or(|(known, _)| known != text))
                    .collect();
                let texts: Vec<&str> = new.iter().map(|(_, text)| &**text).collect();
                let started = Instant::now();
                let vectors = match context {
                    Some(context) => context.embed(&stage.router, encoder, &texts).await?,
                    None => embed(encoder, &texts).await?,
                };
                embedding += started.elapsed();
                for ((input, text), vector) in new.into_iter().zip(vectors) {
                    known[input] = Some((text, vector));
                }
            }
            let embedded = stage.encoder.map(|encoder| &embedded[encoder]);
            let (name, last) = (self.stage_name(number), number + 1 == self.stages.len());
            open.retain(|input| {
                let embedded = embedded.and_then(|embedded| embedded[*input].as_ref());
                let ranked = stage.router.rank(inputs[*input], embedded);
                let confidence = ranked.as_ref().map(|ranked| ranked.confidence);
                let ranked = ranked.map(|ranked| Decision { decided_by: name, ..ranked });
                decisions[*input] = ranked.or(decisions[*input].take());
                let decided = last || confidence.is_some_and(|confidence| confidence >= stage.at_least);
                if !decided {
                    let at_least = stage.at_least;
                    let unsure = |confidence| Undecided::Unsure { confidence, at_least };
                    let why = confidence.map_or(Undecided::Abstained, unsure);
                    passed[*input].push(Passed { stage: name, why });
                }
                !decided
            });
        }
        let with_passed = decisions.into_iter().zip(passed);
        let decisions = with_passed.map(|(decision, passed)| Some(Decision { passed, ..decision? }));
        Ok((decisions.collect(), embedding))
    }

    /// What a stage is called: its kind, and of several of a kind, such as one for each encoder, which it is.
    fn stage_name(&self, number: usize) -> &'static str {
        let kind = self.stages[number].router.kind();
        let before = self.stages[..number].iter().filter(|stage| stage.router.kind() == kind).count();
        match (kind, before) {
            ("fused", 1) => "fused-2",
            ("fused", 2) => "fused-3",
            ("fused", 3..) => "fused-4",
            _ => kind,
        }
    }

    /// The router that is nearest to this one and gets the rows of `data` right, those to fit on.
    ///
    /// # Errors
    ///
    /// When it is not a learned router, or a row is of a label that it does not have.
    pub fn corrected(&self, data: &Dataset) -> Result<Self, FitError> {
        let [Stage { router: StageRouter::Learned(router), .. }] = self.stages.as_slice() else {
            let kinds: Vec<&str> = self.stages().into_iter().map(|(kind, _)| kind).collect();
            let what = format!(
                "only a learned router can be corrected, and this is {}; fit it again",
                kinds.join(", ")
            );
            return Err(FitError::Options(what));
        };
        let corrections: Vec<_> = data.to_fit().into_iter().map(fit::example).collect();
        if corrections.is_empty() {
            return Err(FitError::Options(
                "there is no row to learn from: `split` is `test` in all".to_owned(),
            ));
        }
        let router = router.as_ref().clone().abstaining_below(self.abstains_below);
        let better = router.corrected(&corrections).map_err(|error| FitError::Failed(error.to_string()))?;
        Ok(Self::single(StageRouter::Learned(Box::new(better)), Vec::new(), self.abstains_below))
    }

    /// The likeliest route, and how much each of the first words of the input spoke for it, the weightiest first;
    /// `None` when nothing speaks for any route.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn explain<'a>(
        &self,
        input: &'a str,
    ) -> orch_core::Result<Option<(Decision<Name>, Vec<Reason<'a>>)>> {
        let Some(decision) = self.rank(input).await? else { return Ok(None) };
        let whole = Reason::log_odds(Some(&decision), &decision.route);
        let mut reasons = Vec::new();
        for (word, start, rest) in Reason::without_each(input) {
            let without = self.rank(&rest).await?;
            let weight = whole - Reason::log_odds(without.as_ref(), &decision.route);
            reasons.push(Reason { word, start, weight });
        }
        Ok(Some((decision, Reason::sorted(reasons))))
    }
}

/// The messages before one, and how much each counts beside the next.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    earlier: &'a [&'a str],
    weight: f32,
}

impl Context<'_> {
    /// The vector of each text at the end of the conversation.
    async fn embed(
        self,
        router: &StageRouter,
        encoder: &Model,
        texts: &[&str],
    ) -> orch_core::Result<Vec<Vec<f32>>> {
        let read: Vec<_> = self.earlier.iter().map(|text| router.read(text, encoder)).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let messages: Vec<&str> = read.iter().map(|text| &**text).chain([*text]).collect();
            vectors.push(embed_in_context(encoder, &messages, self.weight).await?);
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests {
    use orch_core::router::{Encoder, Example, Fused, Vectors};

    use super::*;

    /// How often each vowel occurs.
    struct Vowels;

    impl Encoder for Vowels {
        fn identity(&self) -> &'static str {
            "vowels"
        }

        fn dimensions(&self) -> usize {
            5
        }

        async fn encode(&self, texts: &[&str]) -> orch_core::Result<Vectors> {
            let count = |text: &str, vowel| text.matches(vowel).count() as f32;
            let vector = |text: &&str| ["a", "e", "i", "o", "u"].map(|vowel| count(text, vowel)).to_vec();
            Ok(texts.iter().map(vector).collect())
        }
    }

    #[test]
    fn two_stages_of_a_kind_have_two_names() {
        let examples = [("banana", "a"), ("papaya", "a"), ("kiwi", "i"), ("chili", "i")]
            .map(|(input, route)| Example::new(input, Some(Name::from(route))));
        let runtime = crate::suite::runtime().unwrap();
        let router = runtime.block_on(Fused::fit(&Vowels, &examples)).unwrap();
        let stage = Stage { at_least: 0.5, router: StageRouter::Fused(Box::new(router)), encoder: Some(0) };
        let stages = vec![stage.clone(), stage];
        let router = FittedRouter { stages, encoders: Vec::new(), abstains_below: 0.0 };
        assert_eq!(router.stages(), [("fused", 0.5), ("fused-2", 0.5)]);
    }
}
