//! A fitted router's file: what is in it, and where its encoders are.

use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Bundle, Encoder as _, Head as _, Keyword, kind_of_router};
use serde::{Deserialize, Serialize};

use crate::files::write_whole;

use super::FittedRouter;
use super::encoder::{EncoderPlace, Model, NamedBy};
use super::stage::{Stage, StageRouter};

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

/// What the file says of its parts.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// The kind of each part, the confidence from which on it decides, and which of the encoders it wants.
    stages: Vec<(String, f64, Option<usize>)>,
    encoders: Vec<EncoderPlace>,
    abstains_below: f64,
}

impl FittedRouter {
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

    pub(super) fn single(
        router: StageRouter,
        encoders: Vec<(EncoderPlace, Model)>,
        abstains_below: f64,
    ) -> Self {
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
pub(super) fn opened(
    places: &[EncoderPlace],
    named_by: NamedBy,
) -> Result<Vec<(EncoderPlace, Model)>, FileError> {
    places.iter().map(|place| Ok((place.clone(), Model::open(place, named_by)?))).collect()
}

/// What a file of rules cannot hold.
pub(super) const ONLY_RULES: &str = "a file that ends in `.rules` has keyword rules as text and nothing else: no other router, and \
                          no confidence to abstain at; give it another ending";

/// Whether a file has keyword rules as text.
pub(super) fn is_rules(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rules")
}
