//! Vectors kept in memory or in a file, so that a text is embedded once.
//!
//! The file is a header (`ORCHVEC1`, the encoder's identity, the dimensions) and records of a text's 128-bit hash, the
//! vector, and the record's own checksum. Records are appended; one that is damaged is embedded again, and an
//! unfinished one is cut off at the next start.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use orch_core::Result;
use orch_core::model::Usage;
use orch_core::router::{Encoder, Vectors};

use crate::EmbedError;

const MAGIC: &[u8; 8] = b"ORCHVEC1";

/// The most vectors that are kept.
const MOST_KEPT: usize = 200_000;

/// An encoder that remembers the vectors of texts it has seen, for its own lifetime or in a file.
///
/// One process at a time uses the file. If the encoder changes, the file begins anew. 200,000 vectors are kept at most;
/// texts that come after them are embedded each time, and so are those whose vectors a full disk did not take once the
/// process has ended.
#[derive(Debug)]
pub struct Cached<E> {
    encoder: E,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    vectors: HashMap<u128, Vec<f32>>,
    /// The file, and how long it is; `None` also when it could not be written any more.
    file: Option<(File, u64)>,
    /// What the file does not have yet.
    unwritten: Vec<u8>,
}

impl State {
    fn keep(&mut self, key: u128, vector: &[f32]) {
        if self.vectors.len() >= MOST_KEPT {
            return;
        }
        if self.file.is_some() {
            let start = self.unwritten.len();
            self.unwritten.extend_from_slice(&key.to_le_bytes());
            self.unwritten.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
            let sum = checksum(&self.unwritten[start..]);
            self.unwritten.extend_from_slice(&sum.to_le_bytes());
        }
        self.vectors.insert(key, vector.to_vec());
    }

    /// Writes what is not written. A file that takes no more is cut back to whole records and left alone: its vectors
    /// are known all the same.
    fn write(&mut self) {
        let records = std::mem::take(&mut self.unwritten);
        let Some((file, length)) = &mut self.file else { return };
        if file.write_all(&records).is_ok() {
            *length += records.len() as u64;
        } else {
            // If cutting fails too, the next start drops what is not whole.
            let _ = file.set_len(*length);
            self.file = None;
        }
    }
}

impl<E: Encoder> Cached<E> {
    /// Keeps the vectors of `encoder` in memory only.
    #[must_use]
    pub fn in_memory(encoder: E) -> Self {
        Self {
            encoder,
            state: Mutex::new(State { vectors: HashMap::new(), file: None, unwritten: Vec::new() }),
        }
    }

    /// Keeps the vectors of `encoder` in a file, which need not exist.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, another process has it, or it is no file of vectors.
    pub fn open(encoder: E, path: impl AsRef<Path>) -> std::result::Result<Self, EmbedError> {
        let path = path.as_ref().to_owned();
        let wrong = |error: std::io::Error| EmbedError::new(&path, format!("cannot be used: {error}"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(wrong)?;
        file.try_lock()
            .map_err(|_| EmbedError::new(&path, "another process uses this file; give each its own"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(wrong)?;
        if !bytes.is_empty() && !bytes.starts_with(MAGIC) {
            return Err(EmbedError::new(&path, "is no file of vectors; name another, or delete it"));
        }
        let header = header(&encoder);
        let mut vectors = HashMap::new();
        let mut good = 0;
        if bytes.starts_with(&header) {
            good = header.len();
            let size = 16 + encoder.dimensions() * 4 + 8;
            for record in bytes[header.len()..].chunks_exact(size) {
                let (content, sum) = record.split_at(size - 8);
                good += size;
                if checksum(content).to_le_bytes() != *sum {
                    continue;
                }
                let (key, numbers) = content.split_at(16);
                let key = u128::from_le_bytes(key.try_into().unwrap_or_default());
                let numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                vectors.insert(key, numbers.collect());
            }
        }
        file.set_len(good as u64).map_err(wrong)?;
        file.seek(std::io::SeekFrom::End(0)).map_err(wrong)?;
        if good == 0 {
            file.write_all(&header).map_err(wrong)?;
            good = header.len();
        }
        let file = Some((file, good as u64));
        Ok(Self { encoder, state: Mutex::new(State { vectors, file, unwritten: Vec::new() }) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Whoever panicked while holding it left at most an unfinished record, which the next start drops.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header(encoder: &impl Encoder) -> Vec<u8> {
    let identity = encoder.identity().as_bytes();
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&(identity.len() as u32).to_le_bytes());
    header.extend_from_slice(identity);
    header.extend_from_slice(&(encoder.dimensions() as u32).to_le_bytes());
    header
}

/// 64-bit FNV-1a (Fowler, Noll, Vo).
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// 128-bit FNV-1a.
fn key(text: &str) -> u128 {
    text.bytes().fold(0x6C62_272E_07BB_0142_62B8_2175_6295_C58D, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B)
    })
}

impl<E: Encoder> Encoder for Cached<E> {
    fn identity(&self) -> &str {
        self.encoder.identity()
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn batch_size(&self) -> usize {
        self.encoder.batch_size()
    }

    fn word_rank(&self, word: &str) -> Option<u32> {
        self.encoder.word_rank(word)
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let mut found: Vec<Option<Vec<f32>>> = {
            let state = self.state();
            texts.iter().map(|text| state.vectors.get(&key(text)).cloned()).collect()
        };
        let mut usage = Some(Usage::default());
        // The same text twice is embedded once.
        let mut wanted: Vec<&str> = Vec::new();
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for index in (0..texts.len()).filter(|index| found[*index].is_none()) {
            let places = places.entry(texts[index]).or_default();
            if places.is_empty() {
                wanted.push(texts[index]);
            }
            places.push(index);
        }
        if !wanted.is_empty() {
            let embedded = self.encoder.encode(&wanted).await?.checked(&self.encoder, wanted.len())?;
            // What is kept once is given always.
            if !embedded.vectors.iter().flatten().all(|number| number.is_finite()) {
                let what =
                    format!("the encoder `{}` gave a vector with numbers that are none", self.identity());
                return Err(orch_core::Error::message(what));
            }
            let Vectors { vectors, usage: used } = embedded;
            usage = used;
            let mut state = self.state();
            for (text, vector) in wanted.into_iter().zip(vectors) {
                state.keep(key(text), &vector);
                for index in places.remove(text).unwrap_or_default() {
                    found[index] = Some(vector.clone());
                }
            }
            state.write();
        }
        Ok(Vectors { vectors: found.into_iter().flatten().collect(), usage })
    }
}
