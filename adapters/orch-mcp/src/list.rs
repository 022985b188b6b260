//! Which tools a server has, as models may be told.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use orch_core::model::ToolSpec;
use orch_core::tool::Effect;
use rmcp::model::{PaginatedRequestParams, Tool};
use rmcp::service::{Peer, RoleClient};
use tokio::sync::Mutex;

use crate::connect::{Connect, McpError};

/// Pages of a list, at most.
const MAX_PAGES: usize = 100;
/// Tools of a server, at most.
const MAX_TOOLS: usize = 1_000;
/// Bytes of a description, at most.
const MAX_DESCRIPTION: usize = 4 << 10;
/// Bytes of a schema, at most; a tool with a larger one is left out.
const MAX_SCHEMA: usize = 64 << 10;
/// Letters of a name, as providers have it.
const MAX_NAME: usize = 64;

/// A tool of a server.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// As a model is told of it.
    pub(crate) spec: ToolSpec,
    /// What the server calls it.
    pub(crate) name: String,
    pub(crate) effect: Effect,
}

/// The tools of a server, as they were when it was asked last.
pub(crate) struct List {
    connect: Connect,
    tools: RwLock<Vec<Listed>>,
    /// Held while the server is asked.
    asking: Mutex<()>,
    /// How often the list changed as far as is known, and how often that was when it was asked for.
    changed: AtomicU64,
    listed_at: AtomicU64,
    revision: AtomicU64,
}

impl List {
    /// The list of a server that has not been asked yet.
    pub(crate) fn of(connect: Connect) -> Self {
        Self {
            connect,
            tools: RwLock::default(),
            asking: Mutex::new(()),
            changed: AtomicU64::new(0),
            listed_at: AtomicU64::new(0),
            revision: AtomicU64::new(0),
        }
    }

    /// Changes when the list does.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        tools.iter().map(|listed| listed.spec.clone()).collect()
    }

    pub(crate) fn find(&self, tool: &str) -> Option<Listed> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        tools.iter().find(|listed| &*listed.spec.name == tool).cloned()
    }

    /// It may have changed.
    pub(crate) fn is_old(&self) {
        self.changed.fetch_add(1, Ordering::Relaxed);
    }

    /// The server says that its list has changed. However often it says so, it is asked once at a time.
    pub(crate) async fn changed(&self, peer: &Peer<RoleClient>) {
        self.is_old();
        // Whoever holds it looks again before and after leaving it.
        while let Ok(one) = self.asking.try_lock() {
            let listed = self.list_until_known(peer).await;
            drop(one);
            if !listed || !self.is_behind() {
                return;
            }
        }
    }

    /// Asks for the list if it has changed since it was asked for. If it cannot be had the old one does: a call will tell.
    pub(crate) async fn catch_up(&self, peer: &Peer<RoleClient>) {
        if self.is_behind() {
            let _one = self.asking.lock().await;
            // Boxed, as it is rare: a call's future need not have room for it.
            Box::pin(self.list_until_known(peer)).await;
        }
    }

    /// Asks until the list is as the server said last; `false` when it cannot be had.
    async fn list_until_known(&self, peer: &Peer<RoleClient>) -> bool {
        while self.is_behind() {
            if self.ask(peer).await.is_err() {
                return false;
            }
        }
        true
    }

    fn is_behind(&self) -> bool {
        self.changed.load(Ordering::Relaxed) != self.listed_at.load(Ordering::Relaxed)
    }

    pub(crate) async fn ask(&self, peer: &Peer<RoleClient>) -> Result<(), McpError> {
        let Connect { prefix, trusting, patience, .. } = &self.connect;
        let fail = |reason: String| McpError::List {
            server: self.connect.server(),
            reason: self.connect.clean(&reason),
        };
        let seen = self.changed.load(Ordering::Relaxed);
        let asked = tokio::time::timeout(*patience, all(peer, prefix, *trusting)).await;
        let tools = asked.unwrap_or_else(|_| Err(format!("nothing came in {patience:?}"))).map_err(fail)?;
        *self.tools.write().unwrap_or_else(PoisonError::into_inner) = tools;
        self.listed_at.store(seen, Ordering::Relaxed);
        self.revision.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Asks for all tools.
async fn all(peer: &Peer<RoleClient>, prefix: &str, trusting: bool) -> Result<Vec<Listed>, String> {
    let mut tools: Vec<Tool> = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let answered = peer.list_tools(Some(page)).await.map_err(|error| error.to_string())?;
        tools.extend(answered.tools);
        if tools.len() > MAX_TOOLS {
            return Err(format!("it has more than {MAX_TOOLS} tools"));
        }
        cursor = answered.next_cursor;
        if cursor.is_none() {
            return Ok(listed(tools, prefix, trusting));
        }
    }
    Err(format!("its list has more than {MAX_PAGES} pages"))
}

fn listed(tools: Vec<Tool>, prefix: &str, trusting: bool) -> Vec<Listed> {
    let mut taken = HashSet::new();
    let mut found = Vec::new();
    for tool in tools {
        let schema = serde_json::Value::Object((*tool.input_schema).clone()).to_string();
        if schema.len() > MAX_SCHEMA {
            continue;
        }
        let name = plain(prefix, &tool.name, &mut taken);
        let description = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or(&tool.name);
        let description = &description[..description.floor_char_boundary(MAX_DESCRIPTION)];
        let spec = ToolSpec { name, description: description.into(), parameters: schema.into() };
        let effect = tool.annotations.filter(|_| trusting).map_or(Effect::Writes, |hints| {
            match (hints.read_only_hint, hints.idempotent_hint) {
                (Some(true), _) => Effect::Reads,
                (_, Some(true)) => Effect::Idempotent,
                _ => Effect::Writes,
            }
        });
        found.push(Listed { spec, name: tool.name.into_owned(), effect });
    }
    found
}

/// A name that providers take and no other tool has.
fn plain(prefix: &str, name: &str, taken: &mut HashSet<String>) -> Arc<str> {
    let whole = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}_{name}") };
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let mut plain: String = whole.chars().map(letter).take(MAX_NAME).collect();
    if plain.is_empty() {
        plain.push_str("tool");
    }
    let mut unique = plain.clone();
    let mut number = 2;
    while !taken.insert(unique.clone()) {
        let end = format!("_{number}");
        unique = plain.chars().take(MAX_NAME - end.len()).chain(end.chars()).collect();
        number += 1;
    }
    unique.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_as_providers_take_and_told_apart() {
        let mut taken = HashSet::new();
        let mut named = |name: &str| plain("a", name, &mut taken).to_string();
        assert_eq!(named("odd.name/with spaces"), "a_odd_name_with_spaces");
        assert_eq!(named("odd name.with/spaces"), "a_odd_name_with_spaces_2");
        assert_eq!(named(&"x".repeat(100)).len(), 64);
        assert_eq!(named(&"x".repeat(90)).len(), 64);
        assert_eq!(named("ünï"), "a__n_");
    }
}
