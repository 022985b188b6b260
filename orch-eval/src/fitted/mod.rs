//! Routers from data alone: their routes are the labels found in it, and they live in a file.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orch_core::router::{
    Bundle, Decision, Dense, Encoder, Fused, Head as _, Keyword, Learned, Passed, Reason, Semantic,
    Undecided, embed, kind_of_router,
};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::files::write_whole;
use crate::mutate::{self, Worth};

mod choose;
mod encoder;
mod fit;
mod score;
mod typed;

pub use encoder::EncoderPlace;
use encoder::{Model, NamedBy};
pub use fit::{FitError, FitOptions, Fitting, RouterKind, Tried, fit};
pub use score::{Scored, answers, score};
pub use typed::TypedRouter;

/// Why a router could not be written or read.
#[derive(Debug)]
pub struct FileError {
    /// The router's file, or its model's.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for FileError {}

/// A label found in data.
type Name = Arc<str>;

/// A router fitted to data: one stage, or several of which the first that is sure enough decides.
#[derive(Debug)]
pub struct FittedRouter {
    stages: Vec<Stage>,
    encoders: Vec<(EncoderPlace, Model)>,
    abstains_below: f64,
}

#[derive(Clone, Debug)]
struct Stage {
    /// It decides when its confidence is at least this; the last stage always does.
    at_least: f64,
    router: StageRouter,
    /// Which of the encoders it wants, if it wants one.
    encoder: Option<usize>,
}

#[derive(Clone, Debug)]
enum StageRouter {
    Keyword(Box<Keyword<Name>>),
    Learned(Box<Learned<Name>>),
    Semantic(Box<Semantic<Name>>),
    Dense(Box<Dense<Name>>),
    Fused(Box<Fused<Name>>),
}

/// What the file says of its parts.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// The kind of each part, the confidence from which on it decides, and which of the encoders it wants.
    stages: Vec<(String, f64, Option<usize>)>,
    encoders: Vec<EncoderPlace>,
    abstains_below: f64,
}

impl StageRouter {
    fn kind(&self) -> &'static str {
        match self {
            Self::Keyword(_) => "keyword",
            Self::Learned(_) => "learned",
            Self::Semantic(_) => "semantic",
            Self::Dense(_) => "dense",
            Self::Fused(_) => "fused",
        }
    }

    fn needs_encoder(&self) -> bool {
        matches!(self, Self::Semantic(_) | Self::Dense(_) | Self::Fused(_))
    }

    fn routes(&self) -> &[Name] {
        match self {
            Self::Keyword(router) => router.routes(),
            Self::Learned(router) => router.routes(),
            Self::Semantic(router) => router.routes(),
            Self::Dense(router) => router.routes(),
            Self::Fused(router) => router.routes(),
        }
    }

    /// Below which confidence it abstains.
    fn threshold(&self) -> f64 {
        match self {
            Self::Keyword(_) => 0.0,
            Self::Learned(router) => router.abstains_below(),
            Self::Semantic(router) => router.abstains_below(),
            Self::Dense(router) => router.abstains_below(),
            Self::Fused(router) => router.abstains_below(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Keyword(router) => router.to_text().into_bytes(),
            Self::Learned(router) => router.to_bytes(),
            Self::Semantic(router) => router.to_bytes(),
            Self::Dense(router) => router.to_bytes(),
            Self::Fused(router) => router.to_bytes(),
        }
    }

    fn from_bytes(kind: &str, bytes: &[u8]) -> orch_core::Result<Self> {
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
    fn read<'a>(&self, input: &'a str, encoder: &impl Encoder) -> Cow<'a, str> {
        let word_rank = |word: &str| encoder.word_rank(word);
        match self {
            Self::Semantic(router) => router.read(input, &word_rank),
            Self::Dense(router) => router.read(input, &word_rank),
            Self::Fused(router) => router.read(input, &word_rank),
            Self::Keyword(_) | Self::Learned(_) => Cow::Borrowed(input),
        }
    }

    /// The text that is read in place of each input, and its vector.
    async fn embed<'a>(
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
    fn rank(&self, input: &str, embedded: Option<&Embedded<'_>>) -> Option<Decision<Name>> {
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
type Embedded<'a> = (Cow<'a, str>, Vec<f32>);

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

    /// Its stages in order: the kind of each, and the confidence from which on it decides.
    #[must_use]
    pub fn stages(&self) -> Vec<(&'static str, f64)> {
        self.stages.iter().map(|stage| (stage.router.kind(), stage.at_least)).collect()
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
        self.rank_timed(inputs).await.map(|(decisions, _)| decisions)
    }

    /// What [`rank_all`](FittedRouter::rank_all) gives, and how long the encoders took of it.
    pub(crate) async fn rank_timed(
        &self,
        inputs: &[&str],
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
                let vectors = embed(encoder, &texts).await?;
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

    /// Writes the router's file: whole or not at all. A keyword router goes into a file that ends in `.rules` as text.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let error = |what: String| FileError { path: path.to_owned(), what };
        if is_rules(path) {
            let Some(text) = self.rules().filter(|_| self.abstains_below == 0.0) else {
                return Err(error(ONLY_RULES.to_owned()));
            };
            return write_whole(path, text.as_bytes())
                .map_err(|problem| error(format!("cannot be written: {problem}")));
        }
        // A learned router alone is its own file, which a program can read without this crate. One that needs an encoder
        // says in a bundle where that is.
        if let [Stage { router: StageRouter::Learned(router), .. }] = self.stages.as_slice() {
            let bytes = router.as_ref().clone().abstaining_below(self.abstains_below).to_bytes();
            return write_whole(path, &bytes)
                .map_err(|problem| error(format!("cannot be written: {problem}")));
        }
        let manifest = Manifest {
            stages: self
                .stages
                .iter()
                .map(|stage| (stage.router.kind().to_owned(), stage.at_least, stage.encoder))
                .collect(),
            encoders: self.encoders.iter().map(|(place, _)| place.clone()).collect(),
            abstains_below: self.abstains_below,
        };
        let manifest = serde_json::to_string(&manifest).map_err(|problem| error(problem.to_string()))?;
        let parts = self.stages.iter().map(|stage| stage.router.to_bytes()).collect();
        write_whole(path, &Bundle { manifest, parts }.to_bytes())
            .map_err(|problem| error(format!("cannot be written: {problem}")))
    }

    /// Reads a router's file: one that [`save`](FittedRouter::save) wrote, one of a single router, or the text of
    /// keyword rules. The encoders, if it needs any, are where they were when the router was fitted, or in `encoders`, one
    /// for each that it was fitted with.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no router, is damaged, or its encoder is not there or another.
    pub fn load(path: &Path, encoders: &[EncoderPlace]) -> Result<Self, FileError> {
        let error = |what: String| FileError { path: path.to_owned(), what };
        let bytes = std::fs::read(path).map_err(|problem| error(format!("cannot be read: {problem}")))?;
        if is_rules(path) {
            let text = std::str::from_utf8(&bytes).map_err(|_| error("is not UTF-8".to_owned()))?;
            let router = Keyword::from_text(text).map_err(|problem| error(problem.to_string()))?;
            return Ok(Self::single(StageRouter::Keyword(Box::new(router)), Vec::new(), 0.0));
        }
        let kind = kind_of_router(&bytes).map_err(|problem| error(problem.to_string()))?;
        if kind != "bundle" {
            let router =
                StageRouter::from_bytes(&kind, &bytes).map_err(|problem| error(problem.to_string()))?;
            let encoders =
                if router.needs_encoder() { opened(encoders, NamedBy::Caller)? } else { Vec::new() };
            let threshold = router.threshold();
            let single = Self::single(router, encoders, threshold);
            single.check_encoder().map_err(error)?;
            return Ok(single);
        }
        let bundle = Bundle::from_bytes(&bytes).map_err(|problem| error(problem.to_string()))?;
        let manifest: Manifest = serde_json::from_str(&bundle.manifest)
            .map_err(|problem| error(format!("does not say what its parts are: {problem}")))?;
        if manifest.stages.is_empty() || manifest.stages.len() != bundle.parts.len() {
            return Err(error("does not say what its parts are".to_owned()));
        }
        let stages = manifest
            .stages
            .iter()
            .zip(&bundle.parts)
            .map(|((kind, at_least, encoder), part)| {
                let router = StageRouter::from_bytes(kind, part)?;
                let fits = router.needs_encoder() == encoder.is_some()
                    && encoder.is_none_or(|encoder| encoder < manifest.encoders.len());
                if !fits {
                    return Err(orch_core::Error::message(
                        "does not say which encoder a part wants".to_owned(),
                    ));
                }
                Ok(Stage { at_least: *at_least, router, encoder: *encoder })
            })
            .collect::<orch_core::Result<Vec<Stage>>>()
            .map_err(|problem| error(problem.to_string()))?;
        if !encoders.is_empty() && encoders.len() != manifest.encoders.len() {
            return Err(error(format!(
                "was fitted with {} encoders, and {} are named",
                manifest.encoders.len(),
                encoders.len()
            )));
        }
        let (places, named_by) = match encoders {
            [] => (manifest.encoders.as_slice(), NamedBy::File),
            _ => (encoders, NamedBy::Caller),
        };
        let encoders = opened(places, named_by).map_err(|error| FileError {
            what: format!(
                "{}; if the router's model has moved, or is at a server that wants a key, name its place with --encoder",
                error.what
            ),
            ..error
        })?;
        let router = Self { stages, encoders, abstains_below: manifest.abstains_below };
        router.check_encoder().map_err(error)?;
        Ok(router)
    }

    fn single(router: StageRouter, encoders: Vec<(EncoderPlace, Model)>, abstains_below: f64) -> Self {
        let encoder = router.needs_encoder().then_some(0);
        Self { stages: vec![Stage { at_least: 0.0, router, encoder }], encoders, abstains_below }
    }

    /// That each stage has the encoder it was fitted with.
    fn check_encoder(&self) -> Result<(), String> {
        for stage in &self.stages {
            let fitted = match &stage.router {
                StageRouter::Semantic(router) => router.encoder(),
                StageRouter::Dense(router) => router.encoder(),
                StageRouter::Fused(router) => router.encoder(),
                StageRouter::Keyword(_) | StageRouter::Learned(_) => continue,
            };
            let found = stage.encoder.and_then(|encoder| self.encoders.get(encoder));
            let found = found.map(|(_, model)| model.identity());
            if found != Some(fitted) {
                let found =
                    found.map_or_else(|| "there is none".to_owned(), |found| format!("this is `{found}`"));
                return Err(format!(
                    "was fitted with the encoder `{fitted}`, and {found}; name it with --encoder"
                ));
            }
        }
        Ok(())
    }
}

/// The models at some places.
fn opened(places: &[EncoderPlace], named_by: NamedBy) -> Result<Vec<(EncoderPlace, Model)>, FileError> {
    places.iter().map(|place| Ok((place.clone(), Model::open(place, named_by)?))).collect()
}

/// What a file of rules cannot hold.
const ONLY_RULES: &str = "a file that ends in `.rules` has keyword rules as text and nothing else: no other router, and \
                          no confidence to abstain at; give it another ending";

/// Whether a file has keyword rules as text.
fn is_rules(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rules")
}
