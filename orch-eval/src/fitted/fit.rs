//! Fitting routers to data.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Dense, Example, Fused, Keyword, Learned, Semantic};

use super::choose;
use super::encoder::{Memory, NamedBy, remembering};
use super::file::{ONLY_RULES, is_rules, opened};
use super::{EncoderPlace, FileError, FittedRouter, Model, Name, Stage, StageRouter};
use crate::dataset::{Case, Dataset, Expected, Split};

/// Rules mined for each route.
const RULES: usize = 20;

/// Which router to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RouterKind {
    /// Words and phrases that tell the routes apart, found in the data.
    Keyword,
    /// A classifier over words and letters; no model needed.
    Learned,
    /// Likeness to the examples, by an embedding model.
    Semantic,
    /// A classifier over embeddings.
    Dense,
    /// A classifier over words, letters and embeddings.
    Fused,
    /// Quick routers where they are sure, and fused ones where they are not.
    Cascade,
    /// Whichever does best by cross-validation.
    Auto,
}

/// How to fit.
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// Which router.
    pub router: RouterKind,
    /// Where the models of the encoders are. `Cascade` and `Auto` take several, such as a quick one and an accurate one;
    /// other kinds take one.
    pub encoders: Vec<EncoderPlace>,
    /// A file that keeps vectors, so that no text is embedded twice. Further encoders have files beside it, with a number
    /// at the end of their names.
    pub embeddings: Option<PathBuf>,
    /// The longest mean time of a decision, in microseconds.
    pub max_latency_us: Option<f64>,
    /// The confidence below which it abstains, instead of the fitted one.
    pub abstain_at: Option<f64>,
}

impl FitOptions {
    /// Only the kind of router.
    #[must_use]
    pub fn of(router: RouterKind) -> Self {
        Self { router, encoders: Vec::new(), embeddings: None, max_latency_us: None, abstain_at: None }
    }
}

impl FitOptions {
    /// That the router these options give can be saved in a file of this name: said before the fit, which may take
    /// minutes.
    ///
    /// # Errors
    ///
    /// When the name ends in `.rules`, and the router is no keyword router or has a confidence to abstain at.
    pub fn check_output(&self, path: &Path) -> Result<(), FileError> {
        if is_rules(path) && (self.router != RouterKind::Keyword || self.abstain_at.is_some()) {
            return Err(FileError { path: path.to_owned(), what: ONLY_RULES.to_owned() });
        }
        Ok(())
    }
}

/// Why a router could not be fitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum FitError {
    /// The data does not do.
    Data(FileError),
    /// The encoder does not do.
    Encoder(FileError),
    /// The options do not go together.
    Options(String),
    /// The encoder or the trainer failed.
    Failed(String),
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) | Self::Encoder(error) => error.fmt(f),
            Self::Options(what) | Self::Failed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for FitError {}

/// A fitted router, and what was found on the way.
#[derive(Debug)]
pub struct Fitting {
    /// The router.
    pub router: FittedRouter,
    /// What was tried, where there was a choice: best first.
    pub tried: Vec<Tried>,
}

/// One router that was tried on examples it was not fitted to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Tried {
    /// What it is.
    pub name: String,
    /// The share of right answers, abstaining on what is out of scope included.
    pub accuracy: f64,
    /// The mean time of a decision, in microseconds.
    pub mean_us: f64,
    /// Whether it is within the longest time asked for.
    pub in_time: bool,
}

/// Fits a router on the train and val rows of `data`, or on all where it is not split. The val rows, if there are any,
/// calibrate it. A row with several labels teaches the first.
///
/// # Errors
///
/// When there is nothing to fit on, fewer than two labels, or the encoder that is needed is not there.
pub fn fit(data: &Dataset, options: &FitOptions) -> Result<Fitting, FitError> {
    let data_error = |what: String| FitError::Data(FileError { path: data.path.clone(), what });
    let cases = data.to_fit();
    if cases.is_empty() {
        return Err(data_error("has no rows to fit on: `split` is `test` in all of them".to_owned()));
    }
    let examples: Vec<Example<Name>> = cases.into_iter().map(example).collect();
    let found = routes_of(&examples);
    if found < 2 {
        let what = format!("a router needs rows to fit on of at least 2 labels, and these have {found}");
        return Err(data_error(what));
    }
    options.check()?;
    let encoders = opened(&options.encoders, NamedBy::Caller).map_err(FitError::Encoder)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| FitError::Failed(error.to_string()))?;
    let (mut stages, tried) = runtime.block_on(async {
        let workshop = Workshop::of(&encoders, options.embeddings.as_deref())?;
        if options.router.is_choice() {
            return choose::choose(&workshop, &examples, options).await;
        }
        let encoder = options.router.needs_encoder().then_some(0);
        let router = workshop.make(options.router, encoder, &examples).await?;
        Ok((vec![Stage { at_least: 0.0, router, encoder }], Vec::new()))
    })?;
    // What is asked last abstains as the whole does.
    if let Some(confidence) = options.abstain_at
        && let Some(last) = stages.pop()
    {
        stages.push(Stage { router: last.router.abstaining_below(confidence), ..last });
    }
    let threshold = stages.last().map_or(0.0, |stage| stage.router.threshold());
    // What no stage wants is not kept.
    let wanted: Vec<usize> = (0..encoders.len())
        .filter(|index| stages.iter().any(|stage| stage.encoder == Some(*index)))
        .collect();
    for stage in &mut stages {
        stage.encoder = stage.encoder.and_then(|encoder| wanted.iter().position(|wanted| *wanted == encoder));
    }
    let encoders = encoders.into_iter().enumerate().filter(|(index, _)| wanted.contains(index));
    let router = FittedRouter {
        stages,
        encoders: encoders.map(|(_, encoder)| encoder).collect(),
        abstains_below: options.abstain_at.unwrap_or(threshold),
    };
    Ok(Fitting { router, tried })
}

/// How many routes some examples are of.
pub(super) fn routes_of(examples: &[Example<Name>]) -> usize {
    examples.iter().filter_map(|example| example.route.as_ref()).collect::<HashSet<_>>().len()
}

impl RouterKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Learned => "learned",
            Self::Semantic => "semantic",
            Self::Dense => "dense",
            Self::Fused => "fused",
            Self::Cascade => "cascade",
            Self::Auto => "auto",
        }
    }

    /// Whether it is one of several.
    fn is_choice(self) -> bool {
        matches!(self, Self::Cascade | Self::Auto)
    }

    pub(super) fn needs_encoder(self) -> bool {
        matches!(self, Self::Semantic | Self::Dense | Self::Fused)
    }
}

impl FitOptions {
    fn check(&self) -> Result<(), FitError> {
        let wants = self.router.needs_encoder() || self.router == RouterKind::Cascade;
        let what = match self.encoders.len() {
            0 if wants => {
                "this router wants an encoder: --encoder FOLDER, or URL#MODEL; orch's own `cargo xtask models` gets one"
            }
            1.. if !wants && !self.router.is_choice() => {
                "this router reads words alone; --encoder is for `semantic`, `dense`, `fused`, `cascade` and `auto`"
            }
            2.. if !self.router.is_choice() => {
                "this router has one encoder; `cascade` and `auto` can have several"
            }
            _ if self.max_latency_us.is_some() && !self.router.is_choice() => {
                "--max-latency is for `cascade` and `auto`, which have a choice"
            }
            _ => return Ok(()),
        };
        Err(FitError::Options(what.to_owned()))
    }
}

pub(super) fn example(case: &Case) -> Example<Name> {
    let route = match &case.expected {
        Expected::AnyOf(labels) => labels.first().map(|label| label.as_str().into()),
        Expected::OutOfScope => None,
    };
    Example { input: case.input.clone(), route, held_out: case.split == Some(Split::Val) }
}

/// What routers are made with.
pub(super) struct Workshop<'a> {
    pub(super) encoders: Vec<Encoders<'a>>,
}

/// A model as it is, and with a memory for the texts that several routers are tried on.
pub(super) struct Encoders<'a> {
    pub(super) place: &'a EncoderPlace,
    pub(super) model: &'a Model,
    pub(super) memory: Memory<'a>,
}

impl<'a> Workshop<'a> {
    fn of(encoders: &'a [(EncoderPlace, Model)], embeddings: Option<&Path>) -> Result<Self, FitError> {
        let encoders = encoders.iter().enumerate().map(|(index, (place, model))| {
            let file = embeddings.map(|file| match index {
                0 => file.to_owned(),
                _ => PathBuf::from(format!("{}.{index}", file.display())),
            });
            let memory = remembering(model, file.as_deref()).map_err(FitError::Encoder)?;
            Ok(Encoders { place, model, memory })
        });
        encoders.collect::<Result<_, _>>().map(|encoders| Self { encoders })
    }

    pub(super) async fn make(
        &self,
        kind: RouterKind,
        encoder: Option<usize>,
        examples: &[Example<Name>],
    ) -> Result<StageRouter, FitError> {
        let memory = encoder.and_then(|encoder| self.encoders.get(encoder)).map(|encoders| &encoders.memory);
        let made = match (kind, memory) {
            (RouterKind::Keyword, _) => {
                Keyword::mine(examples, RULES).map(|it| StageRouter::Keyword(Box::new(it)))
            }
            (RouterKind::Semantic, Some(memory)) => {
                Semantic::fit_choosing(memory, examples).await.map(|it| StageRouter::Semantic(Box::new(it)))
            }
            (RouterKind::Dense, Some(memory)) => {
                Dense::fit(memory, examples).await.map(|it| StageRouter::Dense(Box::new(it)))
            }
            (RouterKind::Fused, Some(memory)) => {
                Fused::fit(memory, examples).await.map(|it| StageRouter::Fused(Box::new(it)))
            }
            _ => Learned::fit(examples).map(|it| StageRouter::Learned(Box::new(it))),
        };
        made.map_err(|error| FitError::Failed(error.to_string()))
    }
}
