//! Encoders, from the outside, on real models. `cargo xtask models` installs those.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::unnecessary_literal_bound, reason = "tests")]

use std::path::PathBuf;

use orch_core::model::conformance;
use orch_core::router::{Encoder, Vectors};
use orch_embed::{Cached, EmbedError, Static, Transformer};

/// A model's folder. Where it is not installed the test is skipped, but not in CI.
fn model(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models").join(name);
    if folder.join("tokenizer.json").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not installed", folder.display());
    println!("skipped: {} is not installed; `cargo xtask models` does it", folder.display());
    None
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

const TEXTS: [&str; 3] =
    ["my parcel has not arrived", "the package I ordered never came", "turn the volume up"];

async fn check(encoder: impl Encoder) {
    conformance::check_encoder(&encoder).await.unwrap();
    let rank = |word| encoder.word_rank(word);
    assert!(rank("there").is_some() && rank("there") < rank("package"), "{:?}", rank("package"));
    assert_eq!(rank("packgae"), None);
    let vectors = encoder.encode(&TEXTS).await.unwrap().vectors;
    assert!(vectors.iter().all(|vector| vector.len() == encoder.dimensions()));
    let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    assert!(near > far + 0.2, "{near} {far}");
    // A vector does not depend on its neighbours, and what is not prose is embedded too.
    let alone = encoder.encode(&TEXTS[1..2]).await.unwrap().vectors;
    assert!(cosine(&alone[0], &vectors[1]) > 0.99999);
    let huge = "🙂 مرحبا \u{0} ".repeat(1 << 20);
    for text in ["", " ", "\u{0}\u{ffff}", "🙂", huge.as_str()] {
        let vector = encoder.encode(&[text]).await.unwrap().vectors.remove(0);
        assert!(vector.iter().all(|number| number.is_finite()), "{:?}", &text[..text.len().min(9)]);
    }
}

#[tokio::test]
async fn a_transformer_knows_what_is_alike() {
    let Some(folder) = model("minilm") else { return };
    let encoder = Transformer::open(folder).unwrap();
    // The last layer and a middle one.
    assert_eq!(encoder.dimensions(), 768);
    check(encoder).await;
}

#[tokio::test]
async fn so_does_a_table_of_tokens() {
    let Some(folder) = model("static") else { return };
    check(Static::open(folder).unwrap()).await;
}

#[tokio::test]
async fn a_vector_does_not_depend_on_what_it_is_embedded_with() {
    let Some(folder) = model("minilm") else { return };
    let encoder = Transformer::open(folder).unwrap();
    let texts =
        ["where is my card", "block my card now", "hi", "", "where is my parcel", "a rather longer question"];
    let together = encoder.encode(&texts).await.unwrap().vectors;
    for (text, vector) in texts.iter().zip(together) {
        assert_eq!(encoder.encode(&[text]).await.unwrap().vectors[0], vector, "{text}");
    }
}

#[test]
fn a_table_of_another_tokenizer_is_refused() {
    let Some(table) = model("static") else { return };
    let folder = tempfile::tempdir().unwrap();
    let smaller = table.join("tokenizer.json");
    std::fs::copy(table.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    // One token more than there are vectors.
    let mut tokens: serde_json::Value = serde_json::from_slice(&std::fs::read(smaller).unwrap()).unwrap();
    let vocabulary = tokens["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.insert("one-too-many".to_owned(), 9_000_000.into());
    std::fs::write(folder.path().join("tokenizer.json"), tokens.to_string()).unwrap();
    let error = Static::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("9000000") && error.contains("different models"), "{error}");
}

#[test]
fn what_is_not_there_or_no_model_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let missing = Transformer::open(path).unwrap_err().to_string();
    assert!(missing.contains("tokenizer.json") && missing.contains("cargo xtask models"), "{missing}");
    let missing = Static::open(path).unwrap_err().to_string();
    assert!(missing.contains("tokenizer.json") && missing.contains("model2vec"), "{missing}");
    std::fs::write(path.join("tokenizer.json"), "{").unwrap();
    std::fs::write(path.join("model.onnx"), "not a model").unwrap();
    std::fs::write(path.join("model.safetensors"), "not a model").unwrap();
    let broken = Transformer::open(path).unwrap_err().to_string();
    assert!(broken.contains("is no tokenizer"), "{broken}");
    assert!(Static::open(path).is_err());
    let Some(real) = model("minilm") else { return };
    std::fs::copy(real.join("tokenizer.json"), path.join("tokenizer.json")).unwrap();
    let broken = Transformer::open(path).unwrap_err().to_string();
    assert!(broken.contains("model.onnx: is no model"), "{broken}");
}

/// Counts how many texts it is asked for.
#[derive(Debug)]
struct Counting(std::sync::atomic::AtomicUsize);

impl Encoder for Counting {
    fn identity(&self) -> &str {
        "counting"
    }

    fn dimensions(&self) -> usize {
        2
    }

    async fn encode(&self, texts: &[&str]) -> orch_core::Result<Vectors> {
        self.0.fetch_add(texts.len(), std::sync::atomic::Ordering::Relaxed);
        Ok(texts.iter().map(|text| vec![text.len() as f32, 1.0]).collect())
    }
}

#[tokio::test]
async fn a_cache_embeds_a_text_once_and_survives_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    let asked = |cache: &Counting| cache.0.load(std::sync::atomic::Ordering::Relaxed);
    let counting = Counting(0.into());
    {
        let cache = Cached::open(&counting, &path).unwrap();
        assert_eq!(cache.encode(&["a", "bb", "a"]).await.unwrap().vectors[1], [2.0, 1.0]);
        cache.encode(&["bb", "ccc"]).await.unwrap();
        let second = Cached::open(&counting, &path).unwrap_err().to_string();
        assert!(second.contains("another process"), "{second}");
    }
    assert_eq!(asked(&counting), 3);
    let whole = std::fs::read(&path).unwrap();
    // Cut in the middle of the last record, as by a crash: that text alone is embedded again.
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let cache = Cached::open(&counting, &path).unwrap();
    assert_eq!(cache.encode(&["a", "bb", "ccc"]).await.unwrap().vectors[2], [3.0, 1.0]);
    assert_eq!(asked(&counting), 4);
    drop(cache);
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    std::fs::write(&path, "something else").unwrap();
    assert!(Cached::open(&counting, &path).unwrap_err().to_string().contains("no file of vectors"));
}

/// Gives what it is told to.
struct Faulty(Vec<Vec<f32>>);

impl Encoder for Faulty {
    fn identity(&self) -> &str {
        "counting"
    }

    fn dimensions(&self) -> usize {
        2
    }

    async fn encode(&self, _: &[&str]) -> orch_core::Result<Vectors> {
        Ok(self.0.clone().into())
    }
}

#[tokio::test]
async fn a_cache_keeps_nothing_of_an_encoder_that_errs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors");
    let counting = Counting(0.into());
    Cached::open(&counting, &path).unwrap().encode(&["a"]).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for (vectors, says) in [
        (vec![vec![1.0, 2.0, 3.0]], "a vector of 3 numbers, where 2 are due"),
        (vec![vec![1.0, f32::NAN]], "numbers that are none"),
        (vec![], "0 vectors for 1 texts"),
    ] {
        let cache = Cached::open(Faulty(vectors), &path).unwrap();
        let error = cache.encode(&["bb"]).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        drop(cache);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

/// What is wrong with a model, or with what it answers.
async fn answered(opened: Result<impl Encoder, EmbedError>) -> Result<(), String> {
    let model = opened.map_err(|error| error.to_string())?;
    model.encode(&["where is my card"]).await.map(drop).map_err(|error| error.to_string())
}

/// Files of models come from elsewhere: however they are damaged, they are errors, or models that still answer.
#[tokio::test]
async fn damaged_models_are_errors_and_never_a_panic() {
    let mut state = 0x5EED_0F0C_0FFE_E123_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    };
    let kinds =
        [("static", ["model.safetensors", "tokenizer.json"]), ("minilm", ["model.onnx", "tokenizer.json"])];
    for (name, files) in kinds {
        let Some(whole) = model(name) else { return };
        let mut refused = 0;
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                std::fs::copy(whole.join(file), folder.path().join(file)).unwrap();
            }
            let damaged = folder.path().join(files[round % 2]);
            let mut bytes = std::fs::read(&damaged).unwrap();
            // Where the file says what is in it, anywhere, or its end.
            match round / 2 % 3 {
                0 => (0..8).for_each(|_| bytes[random(2_048)] = random(256) as u8),
                1 => (0..64).for_each(|_| {
                    let at = random(bytes.len());
                    bytes[at] = random(256) as u8;
                }),
                _ => bytes.truncate(random(bytes.len())),
            }
            std::fs::write(&damaged, bytes).unwrap();
            let answer = match name {
                "static" => answered(Static::open(folder.path())).await,
                _ => answered(Transformer::open(folder.path())).await,
            };
            if let Err(what) = answer {
                refused += 1;
                assert!(!what.is_empty());
            }
        }
        assert!(refused >= 5, "{name}: {refused}");
    }
}
