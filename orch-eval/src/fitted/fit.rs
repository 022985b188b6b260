//! Fitting routers to data.

use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Example, Fused, Keyword, Learned, Scoring, Semantic};

use super::choose;
use super::encoder::{Memory, remembering};
use super::{FileError, FittedRouter, Model, Name, ONLY_RULES, Place, Stage, StageRouter, is_rules};
use crate::dataset::{Case, Dataset, Expected, Split};

/// Rules mined for each route.
const RULES: usize = 20;
/// How likeness to examples becomes a score: the likeness of the most alike was best on most data seen.
const SCORING: Scoring = Scoring::Best;

/// Which router to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RouterKind {
    /// Words and phrases that tell the routes apart, found in the data.
    Keyword,
    /// A classifier over words and letters; no model needed.
    Learned,
    /// Likeness to the examples, by an embedding model.
    Semantic,
    /// A classifier over words, letters and embeddings.
    Fused,
    /// The learned router where it is sure, the fused one where it is not.
    Cascade,
    /// Whichever does best on rows it was not fitted to.
    Auto,
}

/// How to fit.
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// Which router.
    pub router: RouterKind,
    /// The folder of the encoder's model.
    pub encoder: Option<PathBuf>,
    /// A file that keeps vectors, so that no text is embedded twice.
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
        Self { router, encoder: None, embeddings: None, max_latency_us: None, abstain_at: None }
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
    if data.labels().len() < 2 {
        let found = data.labels().len();
        return Err(data_error(format!("a router needs rows of at least 2 labels, and these have {found}")));
    }
    let examples: Vec<Example<Name>> = cases.into_iter().map(example).collect();
    let needed = matches!(options.router, RouterKind::Semantic | RouterKind::Fused | RouterKind::Cascade);
    let encoder = match &options.encoder {
        Some(folder) => Some(Model::open(folder).map_err(FitError::Encoder)?),
        None if needed => {
            return Err(FitError::Options(
                "this router wants an encoder: --encoder FOLDER; `cargo xtask models` gets one".to_owned(),
            ));
        }
        None => None,
    };
    let place = options.encoder.as_ref().map(|folder| Place { folder: folder.clone() });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| FitError::Failed(error.to_string()))?;
    runtime.block_on(async {
        let encoders = match &encoder {
            Some(model) => {
                let memory = remembering(model, options.embeddings.as_deref()).map_err(FitError::Encoder)?;
                Some(Encoders { model, memory })
            }
            None => None,
        };
        let workshop = Workshop { encoders };
        let mut tried = Vec::new();
        let stages = match options.router {
            RouterKind::Auto | RouterKind::Cascade => {
                let (stages, results) = choose::choose(&workshop, &examples, options).await?;
                tried = results;
                stages
            }
            kind => vec![Stage { at_least: 0.0, router: workshop.make(kind, &examples).await? }],
        };
        let threshold = stages.last().map_or(0.0, |stage| stage.router.threshold());
        let wants_encoder = stages.iter().any(|stage| stage.router.needs_encoder());
        let router = FittedRouter {
            stages,
            encoder: place.zip(encoder).filter(|_| wants_encoder),
            abstains_below: options.abstain_at.unwrap_or(threshold),
        };
        Ok(Fitting { router, tried })
    })
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
    pub(super) encoders: Option<Encoders<'a>>,
}

/// A model as it is, and with a memory for the texts that several routers are tried on.
pub(super) struct Encoders<'a> {
    pub(super) model: &'a Model,
    pub(super) memory: Memory<'a>,
}

impl Workshop<'_> {
    pub(super) async fn make(
        &self,
        kind: RouterKind,
        examples: &[Example<Name>],
    ) -> Result<StageRouter, FitError> {
        let failed = |error: orch_core::Error| FitError::Failed(error.to_string());
        match kind {
            RouterKind::Keyword => {
                Keyword::mine(examples, RULES).map(|it| StageRouter::Keyword(Box::new(it))).map_err(failed)
            }
            RouterKind::Semantic => Semantic::fit(self.memory()?, examples, SCORING)
                .await
                .map(|it| StageRouter::Semantic(Box::new(it)))
                .map_err(failed),
            RouterKind::Fused => Fused::fit(self.memory()?, examples)
                .await
                .map(|it| StageRouter::Fused(Box::new(it)))
                .map_err(failed),
            _ => Learned::fit(examples).map(|it| StageRouter::Learned(Box::new(it))).map_err(failed),
        }
    }

    fn memory(&self) -> Result<&Memory<'_>, FitError> {
        self.encoders
            .as_ref()
            .map(|encoders| &encoders.memory)
            .ok_or_else(|| FitError::Options("this router wants an encoder: --encoder FOLDER".to_owned()))
    }
}
