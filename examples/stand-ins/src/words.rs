//! Vectors without a model.

use orch_core::Result;
use orch_core::router::{Encoder, Vectors};

/// Numbers of a vector; the last stands for no word.
const DIMENSIONS: usize = 512;
/// Words of so many letters or fewer say nothing.
const SHORT: usize = 3;

/// Hashed words as directions: two texts are alike as far as they share some. A stand-in for a model of embeddings.
#[derive(Clone, Copy, Debug)]
pub struct Words;

impl Encoder for Words {
    fn identity(&self) -> &'static str {
        "hashed words, 512"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    vector[DIMENSIONS - 1] = 0.01;
    let text = text.to_lowercase();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > SHORT) {
        let add = |hash: usize, byte: u8| (hash * 31 + usize::from(byte)) % (DIMENSIONS - 1);
        vector[word.bytes().fold(7, add)] += 1.0;
    }
    vector
}
