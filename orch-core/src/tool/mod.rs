//! Tools: what a model may ask for, and code does.
//!
//! [`tool`](macro@crate::tool) makes one of an `async fn`. Several are a tuple of them:
//!
//! ```
//! use orch_core::{Result, tool};
//! use orch_core::model::ToolCall;
//! use orch_core::tool::Tools;
//!
//! /// Adds two numbers.
//! #[tool(reads)]
//! async fn add(
//!     /// The first.
//!     a: f64,
//!     /// The second.
//!     b: f64,
//! ) -> Result<f64> {
//!     Ok(a + b)
//! }
//!
//! struct Stock(u32);
//!
//! /// How many of an article are in stock.
//! #[tool(reads)]
//! async fn in_stock(stock: &Stock, article: String) -> Result<u32> {
//!     Ok(if article == "hub" { stock.0 } else { 0 })
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let stock = Stock(7);
//! let tools = (add::tool(), in_stock::tool(&stock));
//! assert_eq!(tools.specs()[1].description.as_ref(), "How many of an article are in stock.");
//!
//! let call = |tool: &str, arguments: &str| ToolCall::new("1", tool, arguments);
//! assert_eq!(tools.call(&call("in_stock", r#"{"article": "hub"}"#)).await?, "7");
//! let error = tools.call(&call("add", r#"{"a": "one"}"#)).await.unwrap_err();
//! assert!(error.to_string().contains("the arguments of `add` do not fit"));
//! # orch_core::Ok(()) }).unwrap();
//! ```

use std::fmt::{self, Write as _};
use std::future::Future;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::model::{ToolCall, ToolSpec};
use crate::structured::{schema_of, sorted};

mod function;
mod sets;

pub use function::FunctionTool;

/// The longest a tool may take unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of what a tool gives that reach a model, unless it says otherwise.
pub(crate) const MAX_BYTES: usize = 16 << 10;
/// The most bytes of arguments that are read.
const MAX_ARGUMENTS: usize = 256 << 10;

/// Tools a model may ask for: one, a tuple or a `Vec` of some, those of a server.
pub trait Tools: Send + Sync {
    /// The tools, as a model is told of them.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Changes when [`specs`](Tools::specs) does.
    fn revision(&self) -> u64 {
        0
    }

    /// What calling a tool does to the world; `None` when there is no such tool.
    fn effect(&self, tool: &str) -> Option<Effect>;

    /// Does what a model asks for. What it gives is text for the model.
    ///
    /// # Errors
    ///
    /// [`ToolError`]; its text is for the model too.
    fn call(&self, call: &ToolCall) -> impl Future<Output = Result<String, ToolError>> + Send;
}

/// What calling a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: calls of one turn run at the same time.
    Reads,
    /// Something that is the same done twice.
    Idempotent,
    /// Something: it keeps the order in which the model asks.
    Writes,
}

/// Why a tool gave nothing. Its text is written for the model, which may do better on the next turn.
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolError {
    /// There is no such tool.
    Unknown {
        /// What was asked for.
        tool: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The arguments are not what the schema says.
    Arguments {
        /// The tool.
        tool: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The tool failed.
    Failed {
        /// The tool.
        tool: String,
        /// With this.
        error: Error,
    },
    /// The tool took too long, and was dropped.
    TimedOut {
        /// The tool.
        tool: String,
        /// How long it may take.
        limit: Duration,
    },
    /// Whoever was asked for it did not allow the call.
    Denied {
        /// The tool.
        tool: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { tool, known } => {
                write!(
                    f,
                    "there is no tool `{tool}`; there is {}",
                    if known.is_empty() { "none" } else { "" }
                )?;
                f.write_str(&known.join(", "))
            }
            Self::Arguments { tool, reason } => write!(f, "the arguments of `{tool}` do not fit: {reason}"),
            Self::Failed { tool, error } => write!(f, "`{tool}` failed: {error}"),
            Self::TimedOut { tool, limit } => write!(f, "`{tool}` took longer than {limit:?}"),
            Self::Denied { tool, reason } => write!(f, "`{tool}` is not allowed: {reason}"),
        }
    }
}

impl std::error::Error for ToolError {}

/// What a tool says of itself. `#[tool]` writes it.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Declared<'a> {
    name: &'a str,
    description: &'a str,
    effect: Effect,
    timeout: Duration,
    max_bytes: usize,
}

impl<'a> Declared<'a> {
    /// A tool by its name.
    pub const fn new(name: &'a str, description: &'a str, effect: Effect) -> Self {
        Self { name, description, effect, timeout: TIMEOUT, max_bytes: MAX_BYTES }
    }

    /// It may take so long.
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// So many bytes of what it gives reach the model.
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// What it does to the world.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// As a model is told of it.
    #[must_use]
    pub fn spec<A: JsonSchema>(&self) -> ToolSpec {
        ToolSpec {
            name: self.name.into(),
            description: self.description.into(),
            parameters: schema_of::<A>().schema,
        }
    }

    /// Reads the arguments, does the work within its time, and writes what it gave as text within its size: a string as
    /// it is, anything else as JSON.
    ///
    /// # Errors
    ///
    /// [`ToolError`], whatever goes wrong.
    pub async fn call<A: DeserializeOwned, T: Serialize, E: Into<Error>>(
        &self,
        call: &ToolCall,
        work: impl AsyncFnOnce(A) -> Result<T, E>,
    ) -> Result<String, ToolError> {
        let tool = || self.name.to_owned();
        if call.tool != self.name {
            return Err(ToolError::Unknown { tool: call.tool.clone(), known: vec![tool()] });
        }
        let arguments = self.arguments(&call.arguments)?;
        let ended = tokio::time::timeout(self.timeout, work(arguments)).await;
        let Ok(worked) = ended else {
            return Err(ToolError::TimedOut { tool: tool(), limit: self.timeout });
        };
        let failed = |error: Error| ToolError::Failed { tool: tool(), error };
        let value = worked.map_err(|error| failed(error.into()))?;
        let text = match serde_json::to_value(&value).map_err(|error| failed(error.into()))? {
            Value::String(text) => text,
            value => sorted(&value),
        };
        Ok(shortened(text, self.max_bytes))
    }

    fn arguments<A: DeserializeOwned>(&self, text: &str) -> Result<A, ToolError> {
        let wrong = |reason: String| ToolError::Arguments { tool: self.name.to_owned(), reason };
        if text.len() > MAX_ARGUMENTS {
            return Err(wrong(format!("they have {} bytes, and {MAX_ARGUMENTS} are read", text.len())));
        }
        // Some models say nothing where there is nothing to say.
        let text = if text.trim().is_empty() { "{}" } else { text };
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))
    }
}

/// A text of at most `limit` bytes, that says what was left out.
///
/// ```
/// assert_eq!(orch_core::tool::shortened("hello".to_owned(), 2), "he [3 bytes left out]");
/// ```
#[must_use]
pub fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let left_out = text.len() - limit;
        text.truncate(text.floor_char_boundary(limit));
        let _ = write!(text, " [{left_out} bytes left out]");
    }
    text
}
