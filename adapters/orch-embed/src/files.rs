//! The files of a model.

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

/// Whether a tokenizer has one token for a word in lower case, by itself or as it begins where a space was.
pub(crate) fn has_word(tokenizer: &Tokenizer, word: &str) -> bool {
    ["", "\u{2581}", "\u{120}"].iter().any(|mark| tokenizer.token_to_id(&format!("{mark}{word}")).is_some())
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
