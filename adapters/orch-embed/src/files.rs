//! The files of a model.

use std::collections::HashMap;
use std::path::Path;

use tokenizers::Tokenizer;

use crate::EmbedError;

/// Reads a file of a model; `how` says where to get one.
pub(crate) fn read(folder: &Path, name: &str, how: &str) -> Result<Vec<u8>, EmbedError> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|error| {
        let what = if error.kind() == std::io::ErrorKind::NotFound {
            format!("the model's `{name}` is not there; {how}")
        } else {
            format!("cannot be read: {error}")
        };
        EmbedError::new(path, what)
    })
}

/// A tokenizer without padding, which cuts after `longest` tokens.
pub(crate) fn tokenizer(folder: &Path, bytes: &[u8], longest: usize) -> Result<Tokenizer, EmbedError> {
    let path = folder.join("tokenizer.json");
    let mut tokenizer = Tokenizer::from_bytes(bytes)
        .map_err(|error| EmbedError::new(&path, format!("is no tokenizer: {error}")))?;
    tokenizer.with_padding(None);
    let cut = tokenizers::TruncationParams { max_length: longest, ..Default::default() };
    tokenizer.with_truncation(Some(cut)).map_err(|error| EmbedError::new(&path, error))?;
    Ok(tokenizer)
}

/// The words a tokenizer has one token for, and the tokens' numbers: vocabularies are made with the more frequent first.
#[derive(Clone, Debug)]
pub(crate) struct Words(HashMap<Box<str>, u32>);

/// What stands before a token that begins a word, where the others are those that go on with one.
const BEGINS: [char; 2] = ['\u{2581}', '\u{120}'];
/// What stands before a token that goes on with a word, where the others are those that begin one.
const GOES_ON: &str = "##";

impl Words {
    pub(crate) fn of(tokenizer: &Tokenizer) -> Self {
        let tokens = tokenizer.get_vocab(true);
        let are_marked = tokens.keys().any(|token| token.chars().count() > 1 && token.starts_with(BEGINS));
        let words = tokens.into_iter().filter_map(|(token, number)| {
            let word = if are_marked { token.strip_prefix(BEGINS)? } else { &token };
            (!word.is_empty() && !word.starts_with(GOES_ON)).then(|| (word.into(), number))
        });
        Self(words.collect())
    }

    pub(crate) fn rank(&self, word: &str) -> Option<u32> {
        self.0.get(word).copied()
    }
}

/// 64-bit FNV-1a (Fowler, Noll, Vo) over eight bytes at a time: tells one model from another.
pub(crate) fn fingerprint(files: &[&[u8]]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for file in files {
        for part in file.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        hash = (hash ^ file.len() as u64).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash
}
