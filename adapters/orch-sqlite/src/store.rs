//! Passages.

use std::path::Path;

use orch_core::Result;
use orch_core::retrieve::{Passage, Store};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::file::{Database, Problem, SqliteError};

/// Words of a query that are looked for, at most.
const MAX_WORDS: usize = 64;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS passages (
        id INTEGER PRIMARY KEY,
        document TEXT NOT NULL,
        number INTEGER NOT NULL,
        headings TEXT NOT NULL,
        text TEXT NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (document, number)
    ) STRICT;
    CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
        text, content = 'passages', content_rowid = 'id', tokenize = \"unicode61 remove_diacritics 2\"
    );
    CREATE TRIGGER IF NOT EXISTS passage_added AFTER INSERT ON passages BEGIN
        INSERT INTO words (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER IF NOT EXISTS passage_removed AFTER DELETE ON passages BEGIN
        INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
    END;
";

/// A [`Store`] in a file: words by `FTS5`, vectors by comparing all. Good for about 100,000 passages.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    /// Opens a file, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`SqliteError`], when it is no database, or one of a newer version.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let database = Database::open(file.as_ref(), TABLES)?;
        Ok(Self { database })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.database.file()
    }
}

/// Numbers as bytes, the least significant first.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The cosine of a stored vector and a query, both of length 1. What has another length points nowhere.
fn cosine(stored: &[u8], query: &[f32]) -> f64 {
    if stored.len() != query.len() * 4 {
        return -2.0;
    }
    let mut lanes = [0.0_f32; 8];
    for (stored, query) in stored.chunks(32).zip(query.chunks(8)) {
        for ((lane, bytes), number) in lanes.iter_mut().zip(stored.chunks_exact(4)).zip(query) {
            *lane += f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) * number;
        }
    }
    f64::from(lanes.iter().sum::<f32>())
}

const COLUMNS: &str = "passages.document, passages.number, passages.headings, passages.text";

fn passage(row: &Row<'_>) -> rusqlite::Result<(String, u32, String, String, f64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn read(row: (String, u32, String, String, f64)) -> Result<(Passage, f64), Problem> {
    let (document, number, headings, text, score) = row;
    let headings = serde_json::from_str(&headings).map_err(|error| Problem::Row {
        table: "passages",
        key: format!("{document} {number}"),
        what: format!("its headings are damaged: {error}"),
    })?;
    Ok((Passage { document, number, headings, text }, score))
}

impl Store for SqliteStore {
    async fn replace(&self, document: &str, passages: Vec<(Passage, Vec<f32>)>) -> Result<()> {
        let document = document.to_owned();
        let replace = move |connection: &Connection| {
            connection.execute("DELETE FROM passages WHERE document = ?1", [&document])?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO passages (document, number, headings, text, vector) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (passage, vector) in passages {
                let headings = serde_json::Value::from(passage.headings).to_string();
                insert.execute(params![document, passage.number, headings, passage.text, bytes(&vector)])?;
            }
            Ok(())
        };
        self.database.with(replace).await
    }

    async fn by_words(&self, query: &str, count: usize) -> Result<Vec<(Passage, f64)>> {
        // Each word in quotes, so that nothing of a query is one of FTS5's own.
        let words = query.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.take(MAX_WORDS).map(|word| format!("\"{word}\"")).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = words.join(" OR ");
        let search = move |connection: &Connection| {
            let sql = format!(
                "SELECT {COLUMNS}, -bm25(words) FROM words JOIN passages ON passages.id = words.rowid \
                 WHERE words MATCH ?1 ORDER BY bm25(words), passages.id LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![wanted, count], passage)?;
            rows.map(|row| read(row?)).collect()
        };
        self.database.reading(search).await
    }

    async fn by_vector(&self, vector: &[f32], count: usize) -> Result<Vec<(Passage, f64)>> {
        let query = vector.to_vec();
        let search = move |connection: &Connection| {
            let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
            connection.create_scalar_function("alike", 1, flags, move |context| {
                Ok(cosine(context.get_raw(0).as_blob()?, &query))
            })?;
            // The best are found first, so that only their texts are read.
            let sql = format!(
                "SELECT {COLUMNS}, best.score FROM (SELECT id, alike(vector) AS score FROM passages \
                 ORDER BY score DESC, id LIMIT ?1) AS best JOIN passages USING (id) ORDER BY best.score DESC, id"
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map([count], passage)?;
            let found: Vec<(Passage, f64)> = rows.map(|row| read(row?)).collect::<Result<_, Problem>>()?;
            if found.iter().any(|(_, score)| *score < -1.5) {
                let what = "its vector has another length than the query's".to_owned();
                return Err(Problem::Row { table: "passages", key: "of all".to_owned(), what });
            }
            Ok(found)
        };
        self.database.reading(search).await
    }

    async fn encoder_is(&self, identity: &str) -> Result<()> {
        let identity = identity.to_owned();
        let check = move |connection: &Connection| {
            let known: Option<String> = connection
                .query_row("SELECT value FROM settings WHERE name = 'encoder'", [], |row| row.get(0))
                .optional()?;
            match known {
                Some(known) if known != identity => Err(Problem::Row {
                    table: "settings",
                    key: "encoder".to_owned(),
                    what: format!("the vectors are of `{known}`, and the encoder is `{identity}`"),
                }),
                Some(_) => Ok(()),
                None => {
                    connection
                        .execute("INSERT INTO settings (name, value) VALUES ('encoder', ?1)", [&identity])?;
                    Ok(())
                }
            }
        };
        self.database.with(check).await
    }
}
