//! What can go wrong between here and a server.

use std::fmt;
use std::time::Duration;

/// Why a server gave no answer. What was sent, and the key, are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// The address that was asked.
    pub url: String,
    /// What went wrong.
    pub kind: ServerErrorKind,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerErrorKind {
    /// No connection, or one that broke or took too long.
    Connection(String),
    /// The server refused: its status, the first part of what it said, and when it wants to be asked again.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The first part of the body.
        body: String,
        /// What its `retry-after` header asks for.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the protocol says.
    Malformed(String),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.url)?;
        match &self.kind {
            ServerErrorKind::Connection(what) => write!(f, "no connection: {what}"),
            ServerErrorKind::Refused { status, body, .. } => {
                write!(f, "refused with status {status}: {body}")
            }
            ServerErrorKind::Malformed(what) => write!(f, "the answer makes no sense: {what}"),
        }
    }
}

impl std::error::Error for ServerError {}

impl ServerError {
    /// As orch's error: a step's `retry` waits as long as the server asks.
    pub(crate) fn into_orch(self) -> orch_core::Error {
        let wait = match &self.kind {
            ServerErrorKind::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        let error = orch_core::Error::from(self);
        match wait {
            Some(wait) => error.try_again_after(wait),
            None => error,
        }
    }
}
