//! What lasts, in SQLite: passages for retrieval ([`SqliteStore`]), conversations ([`SqliteConversations`]), and a tool
//! that reads a database and cannot change it ([`ReadOnlySql`]).
//!
//! ```
//! use orch_core::memory::Memory;
//! use orch_core::model::Message;
//! use orch_sqlite::SqliteConversations;
//!
//! # let folder = std::env::temp_dir().join(format!("orch-sqlite-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let file = folder.join("memory.db");
//! Memory::new(SqliteConversations::open(&file)?).record("ann", &[Message::user("I am Ann.")]).await?;
//! // Another process, another day.
//! let memory = Memory::new(SqliteConversations::open(&file)?);
//! assert_eq!(memory.recall("ann", 100).await?, [Message::user("I am Ann.")]);
//! # orch_core::Ok(()) }).unwrap();
//! # std::fs::remove_dir_all(folder).unwrap();
//! ```
//!
//! Several processes may have a file open and write to it: each write is one transaction, and waits ten seconds for
//! others.

mod conversations;
mod file;
mod query;
mod store;

pub use conversations::SqliteConversations;
pub use file::{SqliteError, SqliteErrorKind};
pub use query::ReadOnlySql;
pub use store::SqliteStore;
