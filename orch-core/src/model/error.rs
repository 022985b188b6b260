//! What can go wrong between here and a model.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// Why a model gave no answer. What was sent, and keys, are not in it.
///
/// A step's error has it as its source: [`Error::downcast_ref`] finds it, so that `#[retry(3, when = ..)]` can decide by
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// The model that was asked.
    pub model: String,
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// Whether the model may have worked on the request, so that somebody may have to pay for it.
    pub sent: bool,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// No connection, or one that broke or took too long.
    Connection(String),
    /// Too many requests; when to ask again, where the provider says.
    RateLimited {
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The provider refused: its status and the first part of what it said.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The first part of the body.
        body: String,
    },
    /// The answer is not what the protocol says.
    Malformed(String),
    /// The answer is larger than what is read of one, in bytes.
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The stream ended before the answer did.
    CutShort,
    /// The model has no such ability.
    Unsupported(String),
}

impl ModelError {
    /// An error of a model. By its kind it is known whether the model had begun to answer; of a broken connection it is
    /// not, and it is taken as one on which nothing was [sent](Self::was_sent).
    pub fn new(model: impl Into<String>, kind: ModelErrorKind) -> Self {
        let sent = matches!(
            kind,
            ModelErrorKind::Malformed(_) | ModelErrorKind::TooLarge { .. } | ModelErrorKind::CutShort
        );
        Self { model: model.into(), kind, sent }
    }

    /// The same of a request that was sent.
    #[must_use]
    pub fn was_sent(self) -> Self {
        Self { sent: true, ..self }
    }

    /// As orch's error: a step's `retry` waits as long as the provider asks.
    #[must_use]
    pub fn into_error(self) -> Error {
        let wait = match &self.kind {
            ModelErrorKind::RateLimited { retry_after } => *retry_after,
            _ => None,
        };
        let error = Error::from(self);
        match wait {
            Some(wait) => error.try_again_after(wait),
            None => error,
        }
    }

    /// Whether the same request may succeed later: the connection, the provider's limits and its own faults. For
    /// `#[retry(3, when = ModelError::is_transient)]`.
    ///
    /// Of several models that did not answer, one for which it may is enough. An agent's is that of its model; tried again,
    /// the agent begins anew, and so do its tools.
    #[must_use]
    pub fn is_transient(error: &Error) -> bool {
        if let Some(none) = error.downcast_ref::<super::NoneAnswered>() {
            return none.failures.iter().any(|(_, error)| Self::is_transient(error));
        }
        #[cfg(feature = "agents")]
        if let Some(inner) = error.source().and_then(|source| crate::error::of_model(source)) {
            return Self::is_transient(inner);
        }
        error.downcast_ref::<Self>().is_some_and(|error| match &error.kind {
            ModelErrorKind::Connection(_) | ModelErrorKind::RateLimited { .. } | ModelErrorKind::CutShort => {
                true
            }
            ModelErrorKind::Refused { status, .. } => *status >= 500,
            _ => false,
        })
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model `{}`: ", self.model)?;
        match &self.kind {
            ModelErrorKind::Connection(what) => write!(f, "no connection: {what}"),
            ModelErrorKind::RateLimited { retry_after: Some(wait) } => {
                write!(f, "too many requests; ask again in {wait:?}")
            }
            ModelErrorKind::RateLimited { retry_after: None } => f.write_str("too many requests"),
            ModelErrorKind::Refused { status, body } => write!(f, "refused with status {status}: {body}"),
            ModelErrorKind::Malformed(what) => write!(f, "the answer makes no sense: {what}"),
            ModelErrorKind::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            ModelErrorKind::CutShort => f.write_str("the stream ended before the answer did"),
            ModelErrorKind::Unsupported(what) => write!(f, "it cannot {what}"),
        }
    }
}

impl std::error::Error for ModelError {}
