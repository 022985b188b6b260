//! How a server is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use orch_core::Result;

use crate::McpTools;

/// The longest a connection and a list of tools may take.
const CONNECT: Duration = Duration::from_secs(30);
/// The longest a call may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest message of a server, in bytes.
const MAX_MESSAGE: usize = 16 << 20;
/// The most bytes of what a tool gives that reach a model.
const MAX_RESULT: usize = 16 << 10;

/// Why there is no server.
#[derive(Debug)]
#[non_exhaustive]
pub enum McpError {
    /// Its program cannot be started.
    Start {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It does not begin as the protocol says, or not in time.
    Connect {
        /// The server.
        server: String,
        /// Why.
        reason: String,
    },
    /// It does not say which tools it has, or too many.
    List {
        /// The server.
        server: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for McpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, error } => write!(f, "`{program}` cannot be started: {error}"),
            Self::Connect { server, reason } => write!(f, "no connection with `{server}`: {reason}"),
            Self::List { server, reason } => {
                write!(f, "`{server}` does not say which tools it has: {reason}")
            }
        }
    }
}

impl std::error::Error for McpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { error, .. } => Some(error),
            Self::Connect { .. } | Self::List { .. } => None,
        }
    }
}

/// Where a server is.
#[derive(Clone)]
pub(crate) enum Place {
    Command { program: String, arguments: Vec<String>, environment: BTreeMap<String, String> },
    Http { url: String, bearer: Option<String> },
}

/// A server to connect with.
#[derive(Clone)]
#[must_use = "nothing is started before `connect`"]
pub struct Connect {
    pub(crate) place: Place,
    pub(crate) prefix: String,
    pub(crate) patience: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_message: usize,
    pub(crate) max_result: usize,
    pub(crate) trusting: bool,
}

impl Connect {
    fn new(place: Place) -> Self {
        Self {
            place,
            prefix: String::new(),
            patience: CONNECT,
            timeout: TIMEOUT,
            max_message: MAX_MESSAGE,
            max_result: MAX_RESULT,
            trusting: false,
        }
    }

    pub(crate) fn command(program: String, arguments: Vec<String>) -> Self {
        Self::new(Place::Command { program, arguments, environment: BTreeMap::new() })
    }

    pub(crate) fn http(url: String) -> Self {
        Self::new(Place::Http { url, bearer: None })
    }

    /// Gives the program this variable besides `PATH`, `HOME`, `LANG`, `USER` and `TMPDIR`. Nothing over HTTP.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Place::Command { environment, .. } = &mut self.place {
            environment.insert(name.into(), value.into());
        }
        self
    }

    /// Sends this token with each request over HTTP; it is shown nowhere. Nothing for a program.
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        if let Place::Http { bearer, .. } = &mut self.place {
            *bearer = Some(token.into());
        }
        self
    }

    /// Puts this and `_` before each tool's name, so that those of two servers are told apart.
    pub fn named(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Lets a call take so long; a minute unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Lets connecting and listing the tools take so long; half a minute unless said.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { patience: timeout, ..self }
    }

    /// Reads messages of so many bytes; 16 MiB unless said, which is also the most of a JSON body over HTTP. A larger one
    /// ends the connection.
    pub fn max_message(self, bytes: usize) -> Self {
        Self { max_message: bytes, ..self }
    }

    /// Gives the model so many bytes of a result; 16 KiB unless said.
    pub fn max_result(self, bytes: usize) -> Self {
        Self { max_result: bytes, ..self }
    }

    /// Believes the server's hints which tools only read, and which are the same done twice. Without, every tool is taken
    /// to change something.
    pub fn trusting_hints(self) -> Self {
        Self { trusting: true, ..self }
    }

    /// Connects, and asks which tools there are.
    ///
    /// # Errors
    ///
    /// [`McpError`].
    pub async fn connect(self) -> Result<McpTools> {
        McpTools::connect(self).await
    }

    pub(crate) fn is_http(&self) -> bool {
        matches!(self.place, Place::Http { .. })
    }

    /// Another's words about the server, without what may be secret.
    pub(crate) fn clean(&self, words: &str) -> String {
        match &self.place {
            Place::Command { .. } => words.to_owned(),
            Place::Http { url, bearer } => {
                let mut words = words.replace(url.as_str(), &self.server());
                // It may be written otherwise; what is secret in it is not.
                if let Some((_, query)) = url.split_once('?') {
                    words = words.replace(query, "***");
                }
                match bearer.as_deref().filter(|bearer| !bearer.is_empty()) {
                    Some(bearer) => words.replace(bearer, "***"),
                    None => words,
                }
            }
        }
    }

    /// What the server is called in errors: its program, or its address without what may be secret.
    pub(crate) fn server(&self) -> String {
        match &self.place {
            Place::Command { program, .. } => program.clone(),
            Place::Http { url, .. } => {
                let place = url.split(['?', '#']).next().unwrap_or_default();
                match (place.split_once("://"), place.rsplit_once('@')) {
                    (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
                    _ => place.to_owned(),
                }
            }
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("server", &self.server())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
