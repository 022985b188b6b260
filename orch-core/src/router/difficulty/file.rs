//! What is kept of a learned difficulty, after the kind.
//!
//! ```text
//! vocabulary as in a learned router's file; u32 tags, each text, in the order of their features;
//! f32 mean and spread[4]; f32 weight of the cheap model[features], of the capable one[features];
//! u32 questions, f32 gain[questions]
//! ```

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
    let tags = (0..reader.count(4)? as u32)
        .map(|place| Ok((reader.text()?, place)))
        .collect::<Result<_, String>>()?;
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
