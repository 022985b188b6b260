//! Conversations.

use std::path::Path;

use orch_core::Result;
use orch_core::memory::Conversations;
use orch_core::model::Message;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::file::{Database, Problem, SqliteError};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        conversation TEXT NOT NULL,
        number INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (conversation, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS summaries (
        conversation TEXT PRIMARY KEY,
        stands_for INTEGER NOT NULL,
        text TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS facts (
        conversation TEXT NOT NULL,
        name TEXT NOT NULL,
        fact TEXT NOT NULL,
        PRIMARY KEY (conversation, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS numbers (
        only INTEGER PRIMARY KEY CHECK (only = 0),
        unused INTEGER NOT NULL
    ) STRICT;
";

/// [`Conversations`] in a file.
#[derive(Clone, Debug)]
pub struct SqliteConversations {
    database: Database,
}

impl SqliteConversations {
    /// Opens a file, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`SqliteError`], when it is no database, or one of a newer version.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open(file.as_ref(), TABLES)? })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.database.file()
    }
}

/// The number of the first message that no summary stands for. That of a conversation without messages is one that no
/// forgotten message had, so that what was meant for those does nothing to what comes after them.
fn first(connection: &Connection, conversation: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(
        (SELECT stands_for FROM summaries WHERE conversation = ?1),
        (SELECT min(number) FROM messages WHERE conversation = ?1),
        (SELECT unused FROM numbers),
        0)";
    connection.query_row(sql, [conversation], |row| row.get(0))
}

impl Conversations for SqliteConversations {
    async fn append(&self, conversation: &str, messages: &[Message]) -> Result<()> {
        let conversation = conversation.to_owned();
        let messages = messages.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let append = move |connection: &Connection| {
            let last = "SELECT max(number) FROM messages WHERE conversation = ?1";
            let last: Option<u64> = connection.query_row(last, [&conversation], |row| row.get(0))?;
            let next = last.map_or(first(connection, &conversation)?, |last| last + 1);
            let mut insert = connection
                .prepare_cached("INSERT INTO messages (conversation, number, message) VALUES (?1, ?2, ?3)")?;
            for (number, message) in (next..).zip(&messages) {
                insert.execute(params![conversation, number, message])?;
            }
            Ok(())
        };
        self.database.with(append).await
    }

    async fn messages(&self, conversation: &str) -> Result<(u64, Vec<Message>)> {
        let conversation = conversation.to_owned();
        let read = move |connection: &Connection| {
            let sql = "SELECT number, message FROM messages WHERE conversation = ?1 ORDER BY number";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement
                .query_map([&conversation], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?)))?;
            let mut messages = Vec::new();
            for row in rows {
                let (number, message) = row?;
                messages.push(serde_json::from_str(&message).map_err(|error| Problem::Row {
                    table: "messages",
                    key: format!("{conversation} {number}"),
                    what: format!("the message is damaged: {error}"),
                })?);
            }
            Ok((first(connection, &conversation)?, messages))
        };
        self.database.reading(read).await
    }

    async fn summary(&self, conversation: &str) -> Result<Option<String>> {
        let conversation = conversation.to_owned();
        let read = move |connection: &Connection| {
            let sql = "SELECT text FROM summaries WHERE conversation = ?1";
            Ok(connection.query_row(sql, [&conversation], |row| row.get(0)).optional()?)
        };
        self.database.reading(read).await
    }

    async fn summarise(&self, conversation: &str, from: u64, to: u64, summary: &str) -> Result<bool> {
        let (conversation, summary) = (conversation.to_owned(), summary.to_owned());
        let replace = move |connection: &Connection| {
            if first(connection, &conversation)? != from || to <= from {
                return Ok(false);
            }
            let gone = connection.execute(
                "DELETE FROM messages WHERE conversation = ?1 AND number >= ?2 AND number < ?3",
                params![conversation, from, to],
            )?;
            connection.execute(
                "INSERT INTO summaries (conversation, stands_for, text) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET stands_for = excluded.stands_for, text = excluded.text",
                params![conversation, from + gone as u64, summary],
            )?;
            Ok(true)
        };
        self.database.with(replace).await
    }

    async fn learn(&self, conversation: &str, name: &str, fact: &str) -> Result<()> {
        let (conversation, name, fact) = (conversation.to_owned(), name.to_owned(), fact.to_owned());
        let keep = move |connection: &Connection| {
            connection.execute(
                "INSERT INTO facts (conversation, name, fact) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET fact = excluded.fact",
                params![conversation, name, fact],
            )?;
            Ok(())
        };
        self.database.with(keep).await
    }

    async fn facts(&self, conversation: &str) -> Result<Vec<(String, String)>> {
        let conversation = conversation.to_owned();
        let read = move |connection: &Connection| {
            let mut statement = connection
                .prepare_cached("SELECT name, fact FROM facts WHERE conversation = ?1 ORDER BY name")?;
            let rows = statement.query_map([&conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        self.database.reading(read).await
    }

    async fn unlearn(&self, conversation: &str, name: &str) -> Result<bool> {
        let (conversation, name) = (conversation.to_owned(), name.to_owned());
        let forget = move |connection: &Connection| {
            let sql = "DELETE FROM facts WHERE conversation = ?1 AND name = ?2";
            Ok(connection.execute(sql, [&conversation, &name])? > 0)
        };
        self.database.with(forget).await
    }

    async fn forget(&self, conversation: &str) -> Result<()> {
        let conversation = conversation.to_owned();
        let forget = move |connection: &Connection| {
            connection.execute(
                "INSERT INTO numbers (only, unused) VALUES (0, coalesce(
                     (SELECT max(number) + 1 FROM messages WHERE conversation = ?1),
                     (SELECT stands_for FROM summaries WHERE conversation = ?1),
                     0) + 1)
                 ON CONFLICT DO UPDATE SET unused = max(unused, excluded.unused)",
                [&conversation],
            )?;
            for table in ["messages", "summaries", "facts"] {
                connection
                    .execute(&format!("DELETE FROM {table} WHERE conversation = ?1"), [&conversation])?;
            }
            Ok(())
        };
        self.database.with(forget).await
    }
}
