//! Conversations that end with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Conversations;
use crate::error::Result;
use crate::model::Message;

/// [`Conversations`] in memory.
#[derive(Debug, Default)]
pub struct InMemory {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    kept: HashMap<String, Kept>,
    /// How many conversations were begun: none is numbered as one before it was, whatever was forgotten.
    begun: u64,
}

impl All {
    fn entry(&mut self, conversation: &str) -> &mut Kept {
        self.kept.entry(conversation.to_owned()).or_insert_with(|| {
            self.begun += 1;
            Kept { first: self.begun << 32, ..Kept::default() }
        })
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// The number of the first message that no summary stands for.
    first: u64,
    summary: Option<String>,
    messages: Vec<Message>,
    facts: BTreeMap<String, String>,
}

impl InMemory {
    /// No conversation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversations for InMemory {
    async fn append(&self, conversation: &str, messages: &[Message]) -> Result<()> {
        self.all().entry(conversation).messages.extend_from_slice(messages);
        Ok(())
    }

    async fn messages(&self, conversation: &str) -> Result<(u64, Vec<Message>)> {
        let all = self.all();
        let kept = all.kept.get(conversation);
        Ok(kept.map_or((0, Vec::new()), |kept| (kept.first, kept.messages.clone())))
    }

    async fn summary(&self, conversation: &str) -> Result<Option<String>> {
        Ok(self.all().kept.get(conversation).and_then(|kept| kept.summary.clone()))
    }

    async fn summarise(&self, conversation: &str, from: u64, to: u64, summary: &str) -> Result<bool> {
        let mut all = self.all();
        let Some(kept) = all.kept.get_mut(conversation).filter(|kept| kept.first == from) else {
            return Ok(false);
        };
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX).min(kept.messages.len());
        kept.messages.drain(..count);
        kept.first += count as u64;
        kept.summary = Some(summary.to_owned());
        Ok(true)
    }

    async fn learn(&self, conversation: &str, name: &str, fact: &str) -> Result<()> {
        self.all().entry(conversation).facts.insert(name.to_owned(), fact.to_owned());
        Ok(())
    }

    async fn facts(&self, conversation: &str) -> Result<Vec<(String, String)>> {
        let all = self.all();
        let facts = all.kept.get(conversation).map(|kept| &kept.facts);
        Ok(facts.into_iter().flatten().map(|(name, fact)| (name.clone(), fact.clone())).collect())
    }

    async fn unlearn(&self, conversation: &str, name: &str) -> Result<bool> {
        Ok(self.all().kept.get_mut(conversation).is_some_and(|kept| kept.facts.remove(name).is_some()))
    }

    async fn forget(&self, conversation: &str) -> Result<()> {
        self.all().kept.remove(conversation);
        Ok(())
    }
}
