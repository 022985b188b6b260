//! Static embeddings: each token has one vector, and a text is their mean.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use model2vec_rs::model::StaticModel;
use orch_core::Result;
use orch_core::router::{Encoder, Vectors};
use safetensors::SafeTensors;
use tokenizers::Tokenizer;

use crate::EmbedError;
use crate::files::{self, Words};

/// Tokens of a text beyond this are not read.
const LONGEST: usize = 512;
/// Bytes of a text beyond this are not tokenized.
const MAX_BYTES: usize = 16_384;
const HOW: &str = "a folder with `model.safetensors`, `tokenizer.json` and, if it has one, `config.json` in the \
                   model2vec format is wanted; the wheel `wordllama` on PyPI has one, which `cargo xtask models` unpacks in orch's repository; \
                   model hubs have others";

/// Static embeddings in the model2vec format.
#[derive(Clone)]
pub struct Static {
    path: PathBuf,
    identity: String,
    model: StaticModel,
    words: Words,
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
        let tokenizer = files::tokenizer(folder, &tokens, LONGEST)?;
        check_rows(folder, &tokenizer, &weights)?;
        let model = StaticModel::from_bytes(&tokens, &weights, &config, Some(true))
            .map_err(|error| EmbedError::new(folder, format!("is no model2vec model: {error:#}")))?;
        let fingerprint = files::fingerprint(&[&tokens, &weights, &config]);
        let identity = format!("static {fingerprint:016x}, {} numbers", model.dim());
        Ok(Self { path: folder.to_owned(), identity, model, words: Words::of(&tokenizer) })
    }
}

/// That there is a vector for each token: model2vec takes it for granted.
fn check_rows(folder: &Path, tokenizer: &Tokenizer, weights: &[u8]) -> std::result::Result<(), EmbedError> {
    let last = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
    let wrong = |what: String| EmbedError::new(folder.join("model.safetensors"), what);
    let tensors =
        SafeTensors::deserialize(weights).map_err(|error| wrong(format!("is no model: {error}")))?;
    // A smaller table of vectors comes with a list that says which is whose.
    let (name, table) = match tensors.tensor("mapping") {
        Ok(mapping) => ("mapping", mapping),
        // The names model2vec looks for.
        Err(_) => ["embeddings", "0", "embedding.weight"]
            .iter()
            .find_map(|name| Some((*name, tensors.tensor(name).ok()?)))
            .ok_or_else(|| wrong("it has no table of vectors".to_owned()))?,
    };
    let rows = table.shape().first().copied().unwrap_or(0);
    if last < rows {
        return Ok(());
    }
    Err(wrong(format!(
        "its `{name}` has {rows} rows, and the tokenizer a token of the number {last}: they are of different models"
    )))
}

impl Encoder for Static {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimensions(&self) -> usize {
        self.model.dim()
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        self.words.rank(word)
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let texts: Vec<String> =
            texts.iter().map(|text| text[..text.floor_char_boundary(MAX_BYTES)].to_owned()).collect();
        let (model, batch) = (&self.model, texts.len().max(1));
        // model2vec panics where a tokenizer fails, as one without a token for what it does not know can.
        let encoded = catch_unwind(AssertUnwindSafe(|| model.encode_with_args(&texts, Some(LONGEST), batch)));
        let failed = |_| EmbedError::new(&self.path, "the model's tokenizer cannot read this text");
        Ok(encoded.map_err(failed)?.into())
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
