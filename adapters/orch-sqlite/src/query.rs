//! Queries that change nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use orch_core::Error;
use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Declared, Effect, ToolError, Tools};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::file::{SqliteError, wrong};

/// Rows of an answer, at most.
const MAX_ROWS: usize = 100;
/// Bytes of a value, at most.
const MAX_VALUE: usize = 2_000;
/// Steps of SQLite's machine between two looks at the clock. One may be a function over whole values.
const STEPS: i32 = 50;
/// Letters of a pattern of `LIKE` and `GLOB`, at most: matching takes as many steps as pattern and text multiplied, and
/// calls itself for each `%`.
const MAX_PATTERN: i32 = 100;
/// The most memory one value may take, in bytes.
const MAX_LENGTH: i32 = 64 << 10;
/// Columns of an answer, at most.
const MAX_COLUMNS: i32 = 64;

/// A tool that answers one `SELECT` from a database, and can do nothing else: the file is opened for reading, and what
/// would attach another, change a setting or load code is refused before it runs. A query that takes too long is ended;
/// an answer has 100 rows at most.
///
/// Its description has the tables, so that a model knows what to ask for.
#[derive(Clone)]
pub struct ReadOnlySql {
    file: PathBuf,
    name: String,
    description: String,
    timeout: Duration,
}

/// What a model asks.
#[derive(Deserialize, JsonSchema)]
struct Ask {
    /// One SELECT statement, in SQLite's dialect.
    sql: String,
}

impl ReadOnlySql {
    /// A tool over a file, called `query`, that may take five seconds.
    ///
    /// # Errors
    ///
    /// [`SqliteError`], when it is no database that can be read.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let file = file.as_ref().to_owned();
        let connection = read_only(&file)?;
        let schema = "SELECT sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let tables = (|| {
            let mut statement = connection.prepare(schema)?;
            let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })();
        let tables: Vec<String> =
            tables.map_err(|error| wrong(&file, error))?.into_iter().flatten().collect();
        let description =
            format!("Reads a database by one SELECT statement. Its tables:\n{}", tables.join("\n"));
        Ok(Self { file, name: "query".to_owned(), description, timeout: Duration::from_secs(5) })
    }

    /// Calls it otherwise, where an agent has several.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Lets a query take so long.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn declared(&self) -> Declared<'_> {
        // The query ends itself; what is above only waits for it.
        Declared::new(&self.name, &self.description, Effect::Reads)
            .timeout(self.timeout + Duration::from_secs(5))
    }
}

fn read_only(file: &Path) -> Result<Connection, SqliteError> {
    let fail = |error| wrong(file, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(fail)?;
    connection.busy_timeout(Duration::from_secs(1)).map_err(fail)?;
    // A first read, so that what is no database is known now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(fail)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH).map_err(fail)?;
    connection.set_limit(Limit::SQLITE_LIMIT_COLUMN, MAX_COLUMNS).map_err(fail)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(fail)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN).map_err(fail)?;
    connection
        .authorizer(Some(|context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
            AuthAction::Function { function_name } if function_name != "load_extension" => {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        }))
        .map_err(fail)?;
    Ok(connection)
}

/// The answer to a query.
fn answer(file: &Path, sql: &str, timeout: Duration) -> Result<Value, Error> {
    let mut connection = read_only(file)?;
    let end = Instant::now() + timeout;
    connection
        .progress_handler(STEPS, Some(move || Instant::now() > end))
        .map_err(|error| wrong(file, error))?;
    let late = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Error::message(format!("the query took longer than {timeout:?}"))
        }
        Some(rusqlite::ErrorCode::AuthorizationForStatementDenied) => {
            Error::message("only SELECT is allowed, over the tables there are")
        }
        _ => Error::message(error.to_string()),
    };
    let mut statement = connection.prepare(sql).map_err(late)?;
    if !statement.readonly() {
        return Err(Error::message("only SELECT is allowed"));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).map_err(late)?;
    let (mut found, mut more) = (Vec::new(), false);
    while let Some(row) = rows.next().map_err(late)? {
        if found.len() == MAX_ROWS {
            more = true;
            break;
        }
        let values = (0..columns.len()).map(|column| row.get_ref(column).map(value));
        found.push(values.collect::<rusqlite::Result<Vec<Value>>>().map_err(late)?);
    }
    Ok(json!({ "columns": columns, "rows": found, "more": more }))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(&text[..text.len().min(MAX_VALUE + 4)]).into_owned();
            Value::String(orch_core::tool::shortened(text, MAX_VALUE))
        }
        ValueRef::Blob(bytes) => format!("[{} bytes]", bytes.len()).into(),
    }
}

impl Tools for ReadOnlySql {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![self.declared().spec::<Ask>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == self.name).then_some(Effect::Reads)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        let work = async |Ask { sql }| {
            let (file, timeout) = (self.file.clone(), self.timeout);
            let run = move || answer(&file, &sql, timeout);
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => runtime.spawn_blocking(run).await?,
                Err(_) => run(),
            }
        };
        self.declared().call(call, work).await
    }
}

impl fmt::Debug for ReadOnlySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlySql")
            .field("file", &self.file)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
