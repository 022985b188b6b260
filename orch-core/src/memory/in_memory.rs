//! Conversations that end with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Conversations;
use crate::error::Result;
use crate::model::Message;

/// [`Conversations`] in memory.
#[derive(Debug, Default)]
pub struct InMemory {
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// How many messages the summary stands for.
    summarised: u64,
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

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversations for InMemory {
    async fn append(&self, conversation: &str, messages: &[Message]) -> Result<()> {
        self.kept().entry(conversation.to_owned()).or_default().messages.extend_from_slice(messages);
        Ok(())
    }

    async fn messages(&self, conversation: &str) -> Result<(u64, Vec<Message>)> {
        let kept = self.kept();
        Ok(kept.get(conversation).map_or((0, Vec::new()), |kept| (kept.summarised, kept.messages.clone())))
    }

    async fn summary(&self, conversation: &str) -> Result<Option<String>> {
        Ok(self.kept().get(conversation).and_then(|kept| kept.summary.clone()))
    }

    async fn summarise(&self, conversation: &str, from: u64, to: u64, summary: &str) -> Result<bool> {
        let mut all = self.kept();
        let Some(kept) = all.get_mut(conversation).filter(|kept| kept.summarised == from) else {
            return Ok(false);
        };
        let count = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX).min(kept.messages.len());
        kept.messages.drain(..count);
        kept.summarised += count as u64;
        kept.summary = Some(summary.to_owned());
        Ok(true)
    }

    async fn learn(&self, conversation: &str, name: &str, fact: &str) -> Result<()> {
        self.kept()
            .entry(conversation.to_owned())
            .or_default()
            .facts
            .insert(name.to_owned(), fact.to_owned());
        Ok(())
    }

    async fn facts(&self, conversation: &str) -> Result<Vec<(String, String)>> {
        let kept = self.kept();
        let facts = kept.get(conversation).map(|kept| &kept.facts);
        Ok(facts.into_iter().flatten().map(|(name, fact)| (name.clone(), fact.clone())).collect())
    }

    async fn unlearn(&self, conversation: &str, name: &str) -> Result<bool> {
        Ok(self.kept().get_mut(conversation).is_some_and(|kept| kept.facts.remove(name).is_some()))
    }

    async fn forget(&self, conversation: &str) -> Result<()> {
        self.kept().remove(conversation);
        Ok(())
    }
}
