//! Past cases, found again by the words they share with a message.

use orch_core::Result;
use orch_core::retrieve::{Chunker, Document, Index, MemoryStore};
use orch_core::router::Encoder;

/// Past cases that can be searched.
pub type Cases = Index<Words, MemoryStore>;

/// How like a message a case must be.
const ALIKE: f64 = 0.2;
/// Numbers of a vector; the last stands for no word.
const DIMENSIONS: usize = 512;
/// Words of so many letters or fewer say nothing.
const SHORT: usize = 3;

const PAST: [(&str, &str); 8] = [
    ("loop bound", "A loop ran to `i <= n` and read one element too many. The last index is n - 1."),
    ("integer division", "An average came out whole, since both numbers were int. One was made a float."),
    ("sorting text", "Numbers were sorted as text: 1, 10, 11, 2. They were compared as numbers."),
    ("default argument", "A list as default argument was shared by all calls. The default became None."),
    ("copied reference", "A copy changed the original: both named one list. The list was cloned."),
    ("time zone", "Appointments were an hour early, stored in local time. They are stored in UTC now."),
    ("race", "A counter lost updates from ten threads. The increment was made atomic."),
    ("late closure", "All handlers alerted the last value: the closure kept the variable. Each got a copy."),
];

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

    async fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
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

/// The past cases, read into memory.
///
/// # Errors
///
/// When one cannot be added.
pub async fn cases() -> Result<Cases> {
    let cases = Index::new(Words, MemoryStore::new(), Chunker::sentences(60, 0)).at_least(ALIKE);
    for (name, text) in PAST {
        cases.add(&Document::new(name, text)).await?;
    }
    Ok(cases)
}
