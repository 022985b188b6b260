//! A database's file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orch_core::Error;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// How long a write waits for others.
const WAIT: Duration = Duration::from_secs(10);
/// What the tables of this version look like.
const VERSION: i64 = 1;

/// What is wrong with a database.
#[derive(Debug)]
pub struct SqliteError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub kind: SqliteErrorKind,
}

/// What is wrong with a database.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqliteErrorKind {
    /// The file is no database, or a damaged one.
    Damaged(String),
    /// A newer version of orch wrote it.
    Newer(i64),
    /// Somebody else wrote to it for too long.
    Busy,
    /// There is no room for more.
    Full,
    /// A row is not what was written.
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else.
    Other(rusqlite::Error),
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.kind {
            SqliteErrorKind::Damaged(what) => write!(f, "it is no database, or a damaged one: {what}"),
            SqliteErrorKind::Newer(version) => {
                write!(f, "it has version {version}, and this is for version {VERSION}: update orch-sqlite")
            }
            SqliteErrorKind::Busy => write!(f, "somebody else wrote to it for {WAIT:?}"),
            SqliteErrorKind::Full => f.write_str("there is no room for more"),
            SqliteErrorKind::Row { table, key, what } => write!(f, "table {table}, row {key}: {what}"),
            SqliteErrorKind::Other(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SqliteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            SqliteErrorKind::Other(error) => Some(error),
            _ => None,
        }
    }
}

/// A database with one connection, on which one thing is done at a time. A clone has the same.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    file: Arc<Path>,
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens a file, makes it where there is none, and brings its tables about.
    pub(crate) fn open(file: &Path, tables: &str) -> Result<Self, SqliteError> {
        let fail = |error| wrong(file, error);
        let connection = Connection::open(file).map_err(fail)?;
        connection.busy_timeout(WAIT).map_err(fail)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
        if version > VERSION {
            return Err(SqliteError { file: file.to_owned(), kind: SqliteErrorKind::Newer(version) });
        }
        // Readers go on while somebody writes.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(fail)?;
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {tables} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(fail)?;
        Ok(Self { file: file.into(), connection: Arc::new(Mutex::new(connection)) })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Does something in one transaction, on tokio's threads for blocking work where there is a runtime. What fails leaves
    /// nothing behind.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem> + Send + 'static,
    ) -> orch_core::Result<T> {
        self.run(TransactionBehavior::Immediate, work).await
    }

    /// Reads something, while others may write.
    pub(crate) async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem> + Send + 'static,
    ) -> orch_core::Result<T> {
        self.run(TransactionBehavior::Deferred, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T, Problem> + Send + 'static,
    ) -> orch_core::Result<T> {
        let this = self.clone();
        let run = move || this.transaction(behavior, work);
        let done = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(run).await?,
            Err(_) => run(),
        };
        done.map_err(Error::from)
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, SqliteError> {
        let fail = |problem| match problem {
            Problem::Sqlite(error) => wrong(&self.file, error),
            Problem::Row { table, key, what } => {
                SqliteError { file: self.file.to_path_buf(), kind: SqliteErrorKind::Row { table, key, what } }
            }
        };
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = connection.transaction_with_behavior(behavior);
        let transaction = begun.map_err(|error| wrong(&self.file, error))?;
        let value = work(&transaction).map_err(fail)?;
        transaction.commit().map_err(|error| wrong(&self.file, error))?;
        Ok(value)
    }
}

/// What goes wrong inside a transaction.
pub(crate) enum Problem {
    Sqlite(rusqlite::Error),
    Row { table: &'static str, key: String, what: String },
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub(crate) fn wrong(file: &Path, error: rusqlite::Error) -> SqliteError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            SqliteErrorKind::Damaged(error.to_string())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqliteErrorKind::Busy,
        Some(ErrorCode::DiskFull) => SqliteErrorKind::Full,
        _ => SqliteErrorKind::Other(error),
    };
    SqliteError { file: file.to_owned(), kind }
}
