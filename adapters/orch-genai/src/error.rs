//! What goes wrong, in orch's words. Of a request nothing is told, and of an answer the first part.

use std::error::Error as _;
use std::time::Duration;

use genai::webc;
use orch_core::Error;
use orch_core::model::{ModelError, ModelErrorKind};

/// How much of a refusal is kept, in characters.
const MAX_REFUSAL: usize = 500;

/// A failure, with the key that must not be told.
pub(crate) fn of(model: &str, key: Option<&str>, failed: genai::Error) -> Error {
    let unsent = was_not_sent(&failed);
    let error = ModelError::new(model, clean(kind(failed), key));
    let broke = matches!(error.kind, ModelErrorKind::Connection(_));
    if broke && !unsent { error.was_sent().into_error() } else { error.into_error() }
}

/// Whether there was no connection on which a request could have been sent.
fn was_not_sent(failed: &genai::Error) -> bool {
    use genai::Error as Failed;
    match failed {
        Failed::WebModelCall { webc_error: webc::Error::Reqwest(error), .. }
        | Failed::WebAdapterCall { webc_error: webc::Error::Reqwest(error), .. } => error.is_connect(),
        Failed::WebStream { error, .. } => error.downcast_ref::<genai::Error>().is_some_and(was_not_sent),
        _ => false,
    }
}

pub(crate) fn malformed(model: &str, what: &str) -> Error {
    ModelError::new(model, ModelErrorKind::Malformed(what.to_owned())).into_error()
}

fn kind(failed: genai::Error) -> ModelErrorKind {
    use genai::Error as Failed;
    match failed {
        Failed::WebModelCall { webc_error, .. } | Failed::WebAdapterCall { webc_error, .. } => {
            of_web(webc_error)
        }
        Failed::HttpError { status, body, headers, .. } => {
            let wait = headers.get("retry-after").and_then(|value| value.to_str().ok());
            of_status(status.as_u16(), body, wait)
        }
        Failed::WebStream { cause, error, .. } => match error.downcast::<genai::Error>() {
            Ok(inner) => kind(*inner),
            Err(error) => ModelErrorKind::Connection(with_sources(cause, error.source())),
        },
        // Its words have the whole request in them.
        Failed::ChatResponseGeneration { cause, .. } => ModelErrorKind::Malformed(cause),
        Failed::ChatResponse { body, .. } => {
            ModelErrorKind::Malformed(format!("an error in the middle: {body}"))
        }
        Failed::StreamParse { serde_error, .. } => ModelErrorKind::Malformed(serde_error.to_string()),
        Failed::NoChatResponse { .. } => ModelErrorKind::Malformed("there is no answer in it".to_owned()),
        Failed::InvalidJsonResponseElement { info } => ModelErrorKind::Malformed(info.to_owned()),
        Failed::JsonValueExt(error) => ModelErrorKind::Malformed(error.to_string()),
        Failed::SerdeJson(error) => ModelErrorKind::Malformed(error.to_string()),
        Failed::RequiresApiKey { .. } | Failed::NoAuthResolver { .. } | Failed::NoAuthData { .. } => {
            ModelErrorKind::Unsupported(
                "be asked without a key: set it by `with_key`, or the provider's variable".into(),
            )
        }
        Failed::Resolver { resolver_error, .. } => {
            ModelErrorKind::Unsupported(format!("be asked without a key: {resolver_error}"))
        }
        Failed::AdapterNotSupported { feature, .. } => ModelErrorKind::Unsupported(feature),
        other => ModelErrorKind::Unsupported(format!("do this: {other}")),
    }
}

fn of_web(failed: webc::Error) -> ModelErrorKind {
    match failed {
        webc::Error::ResponseFailedStatus { status, body, headers } => {
            let wait = headers.get("retry-after").and_then(|value| value.to_str().ok());
            of_status(status.as_u16(), body, wait)
        }
        webc::Error::ResponseFailedNotJson { content_type, .. } => {
            ModelErrorKind::Malformed(format!("it is `{content_type}`, and no JSON"))
        }
        webc::Error::ResponseFailedInvalidJson { cause, .. } => ModelErrorKind::Malformed(cause),
        webc::Error::JsonValueExt(error) => ModelErrorKind::Malformed(error.to_string()),
        webc::Error::Reqwest(error) if error.is_decode() => {
            ModelErrorKind::Malformed(with_sources("it cannot be read".to_owned(), error.source()))
        }
        // An address may have a key in it.
        webc::Error::Reqwest(error) => {
            let error = error.without_url();
            ModelErrorKind::Connection(with_sources(error.to_string(), error.source()))
        }
    }
}

fn of_status(status: u16, body: String, wait: Option<&str>) -> ModelErrorKind {
    if status == 429 {
        let seconds = wait.and_then(|wait| wait.trim().parse::<f64>().ok());
        let retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        return ModelErrorKind::RateLimited { retry_after };
    }
    ModelErrorKind::Refused { status, body }
}

/// An error's words, with those of what caused it.
fn with_sources(mut words: String, mut source: Option<&(dyn std::error::Error + 'static)>) -> String {
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}

/// Without the key, which some servers repeat, and no longer than need be.
fn clean(kind: ModelErrorKind, key: Option<&str>) -> ModelErrorKind {
    let clean = |text: String| {
        let text = match key.filter(|key| !key.is_empty()) {
            Some(key) => text.replace(key, "***"),
            None => text,
        };
        text.chars().take(MAX_REFUSAL).collect()
    };
    match kind {
        ModelErrorKind::Connection(text) => ModelErrorKind::Connection(clean(text)),
        ModelErrorKind::Malformed(text) => ModelErrorKind::Malformed(clean(text)),
        ModelErrorKind::Unsupported(text) => ModelErrorKind::Unsupported(clean(text)),
        ModelErrorKind::Refused { status, body } => ModelErrorKind::Refused { status, body: clean(body) },
        other => other,
    }
}
