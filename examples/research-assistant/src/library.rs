//! Eight short documents, found again by the words they share with a question.

use orch_core::retrieve::{Chunker, Document, Hit, Index, MemoryStore, Retrieved};
use orch_core::{Error, Result};
use stand_ins::Words;

/// How like a query a passage must be.
const ALIKE: f64 = 0.15;

const DOCUMENTS: [(&str, &str); 8] = [
    (
        "heat pumps",
        "A heat pump takes warmth from air or ground. It gives about 3 units of heat for one of power. It \
         is cheap to run and dear to install.",
    ),
    (
        "pellet heating",
        "A pellet boiler burns pressed wood. It needs a dry store and ash has to be taken out. It costs \
         less to install than a heat pump, and more to run.",
    ),
    (
        "old bridges",
        "The stone bridge over the Alder was built in 1742. It has 7 arches. Lorries have been banned from \
         it since 1988.",
    ),
    (
        "bees in spring",
        "Colonies that die in spring have often starved: they had too little honey in autumn. Mites weaken \
         them in summer already.",
    ),
    (
        "mites",
        "The varroa mite lives on young bees and carries viruses. Keepers treat colonies in August and \
         again in December.",
    ),
    (
        "bakers",
        "Few young people want to become bakers. Work begins at 2 at night and pay is low. Shops that start \
         at 6 with long dough find apprentices again.",
    ),
    (
        "night trains",
        "Night trains came back since 2016. They save a hotel and cost more than a flight. Tracks are free \
         at night, sleeping cars are rare.",
    ),
    (
        "lake levels",
        "The lake lost 40 centimetres in ten years. Wells of the farms take more than rain gives back. The \
         dam above it plays no part.",
    ),
];

/// The library.
#[derive(Debug)]
pub struct Library {
    index: Index<Words, MemoryStore>,
}

impl Library {
    /// Reads the documents into memory.
    ///
    /// # Errors
    ///
    /// When one cannot be added.
    pub async fn open() -> Result<Self> {
        let index = Index::new(Words, MemoryStore::new(), Chunker::sentences(80, 0)).at_least(ALIKE);
        for (name, text) in DOCUMENTS {
            index.add(&Document::new(name, text)).await?;
        }
        Ok(Self { index })
    }

    /// The passages that fit a query, best first; `count` at most.
    ///
    /// # Errors
    ///
    /// When the index fails.
    pub async fn search(&self, query: &str, count: usize) -> Result<Retrieved> {
        self.index.search(query, count).await
    }

    /// The text of a document.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn read(&self, name: &str) -> Result<&'static str> {
        let asked = name.trim().to_lowercase();
        let found = DOCUMENTS.iter().find(|(name, _)| *name == asked);
        found
            .map(|(_, text)| *text)
            .ok_or_else(|| Error::message(format!("the library has no document called {name}")))
    }
}

/// The names of all documents.
#[must_use]
pub fn names() -> Vec<&'static str> {
    DOCUMENTS.iter().map(|(name, _)| *name).collect()
}

/// The names of the documents some passages are from, each once, best first.
#[must_use]
pub fn names_of(hits: &[Hit]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for hit in hits {
        if !names.contains(&hit.passage.document) {
            names.push(hit.passage.document.clone());
        }
    }
    names
}
