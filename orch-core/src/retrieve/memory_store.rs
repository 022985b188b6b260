//! Passages in memory.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Bm25, Passage, Store};
use crate::error::{Error, Kind, Result};
use crate::router::VectorIndex;

/// A [`Store`] in memory. The search over vectors is exact: up to about 100,000 passages it takes a few milliseconds.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    words: Bm25,
    /// The vectors, and for each its passage.
    vectors: VectorIndex,
    order: Vec<u64>,
    passages: HashMap<u64, Passage>,
    next: u64,
    encoder: Option<String>,
}

impl MemoryStore {
    /// A store of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn replace(&self, document: &str, passages: Vec<(Passage, Vec<f32>)>) -> Result<()> {
        let mut kept = self.write();
        let Kept { words, vectors, order, passages: known, next, .. } = &mut *kept;
        let dimensions = passages.first().map_or(vectors.dimensions(), |(_, vector)| vector.len());
        if passages.iter().any(|(_, vector)| vector.len() != dimensions)
            || (!order.is_empty() && dimensions != vectors.dimensions())
        {
            return Err(Error::with(Kind::Router, "the vectors are not of one length".to_owned()));
        }
        let gone: Vec<u64> =
            known.iter().filter(|(_, passage)| passage.document == document).map(|(id, _)| *id).collect();
        if !gone.is_empty() {
            gone.iter().for_each(|id| words.remove(*id));
            known.retain(|_, passage| passage.document != document);
            vectors.retain(|place| known.contains_key(&order[place]));
            order.retain(|id| known.contains_key(id));
        }
        if order.is_empty() {
            *vectors = VectorIndex::new(dimensions);
        }
        for (passage, vector) in passages {
            words.add(*next, &passage.text);
            vectors.push(&vector);
            order.push(*next);
            known.insert(*next, passage);
            *next += 1;
        }
        Ok(())
    }

    async fn by_words(&self, query: &str, count: usize) -> Result<Vec<(Passage, f64)>> {
        let kept = self.read();
        let found = kept.words.search(query, count).into_iter();
        Ok(found.filter_map(|(id, score)| Some((kept.passages.get(&id)?.clone(), score))).collect())
    }

    async fn by_vector(&self, vector: &[f32], count: usize) -> Result<Vec<(Passage, f64)>> {
        let kept = self.read();
        if kept.order.is_empty() {
            return Ok(Vec::new());
        }
        if vector.len() != kept.vectors.dimensions() {
            return Err(Error::with(Kind::Router, "the query's vector has another length".to_owned()));
        }
        let found = kept.vectors.nearest(vector, count).into_iter();
        let passage = |place: u32| kept.passages.get(&kept.order[place as usize]).cloned();
        Ok(found.filter_map(|(place, cosine)| Some((passage(place)?, f64::from(cosine)))).collect())
    }

    async fn encoder_is(&self, identity: &str) -> Result<()> {
        let mut kept = self.write();
        match &kept.encoder {
            Some(known) if known != identity => {
                let what = format!("the store has vectors of `{known}`, and the encoder is `{identity}`");
                Err(Error::with(Kind::Router, what))
            }
            Some(_) => Ok(()),
            None => {
                kept.encoder = Some(identity.to_owned());
                Ok(())
            }
        }
    }
}
