//! What is kept of a learned difficulty, after the kind.
//!
//! ```text
//! vocabulary as in a learned router's file; u32 tags, each text, in the order of their features;
//! f32 mean and spread[4]; f32 weight of the cheap model[features], of the capable one[features];
//! u32 questions, f32 gain[questions]
//! ```

use std::collections::BTreeMap;

use crate::router::file::{self, Writer, nonsense};
use crate::router::learned::Vocabulary;

use super::{Difficulty, MEASURES};

const KIND: &str = "difficulty";

pub(super) fn write(difficulty: &Difficulty) -> Vec<u8> {
    let mut file = Writer::new(KIND);
    difficulty.vocabulary.write(&mut file);
    let mut tags: Vec<(&String, &u32)> = difficulty.tags.iter().collect();
    tags.sort_by_key(|(_, place)| **place);
    file.count(tags.len());
    tags.into_iter().for_each(|(tag, _)| file.text(tag));
    difficulty.measures.iter().for_each(|(mean, spread)| file.floats(&[*mean, *spread]));
    file.floats(&difficulty.cheap);
    file.floats(&difficulty.capable);
    file.count(difficulty.gains.len());
    file.floats(&difficulty.gains);
    file.finish()
}

/// What was learned, or what is wrong with the file and what to do.
pub(super) fn read(bytes: &[u8]) -> Result<Difficulty, String> {
    let mut reader = file::read(bytes, KIND)?;
    let vocabulary = Vocabulary::read(&mut reader)?;
    let count = reader.count(4)? as u32;
    let tags: BTreeMap<String, u32> =
        (0..count).map(|place| Ok((reader.text()?, place))).collect::<Result<_, String>>()?;
    if tags.len() != count as usize {
        return Err(nonsense());
    }
    let measures: [f32; 2 * MEASURES] = reader.few()?;
    let mut difficulty = Difficulty {
        vocabulary,
        tags,
        measures: std::array::from_fn(|measure| (measures[2 * measure], measures[2 * measure + 1])),
        cheap: Vec::new(),
        capable: Vec::new(),
        gains: Vec::new(),
    };
    difficulty.cheap = reader.floats(difficulty.size())?;
    difficulty.capable = reader.floats(difficulty.size())?;
    let questions = reader.count(4)?;
    difficulty.gains = reader.floats(questions)?;
    reader.finish()?;
    if difficulty.measures.iter().any(|(_, spread)| *spread <= 0.0) || !difficulty.gains.is_sorted() {
        return Err(nonsense());
    }
    Ok(difficulty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Graded;

    #[test]
    fn a_tag_that_stands_twice_is_no_difficulty() {
        let graded = (0..20).map(|i| Graded {
            input: format!("question {i}"),
            tags: vec![["first", "other"][i % 2].to_owned()],
            cheap: f64::from(u8::from(i % 2 == 0)),
            capable: 1.0,
        });
        let bytes = write(&Difficulty::fit(&graded.collect::<Vec<_>>()).unwrap());
        // The payload stands between 20 bytes of envelope and 8 of checksum.
        let mut payload = bytes[20..bytes.len() - 8].to_vec();
        let place = payload.windows(5).position(|five| five == b"other").unwrap();
        payload[place..place + 5].copy_from_slice(b"first");
        let mut file = bytes[..20].to_vec();
        file.extend_from_slice(&payload);
        file.extend_from_slice(&file::checksum(&payload).to_le_bytes());
        assert!(read(&file).unwrap_err().contains("no sense"));
    }
}
