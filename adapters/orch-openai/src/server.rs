//! A server that is asked.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::time::Duration;

use orch_core::model::{ModelError, ModelErrorKind};
use orch_core::{Error, Result};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use ureq::http::Response;
use ureq::{Agent, Body};

/// The longest an answer may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 32 << 20;
/// The largest event of a stream, in bytes.
const MAX_EVENT: u64 = 4 << 20;
/// Events of a stream that wait for whoever reads it.
const WAITING: usize = 64;
/// How much of a refusal is kept, in characters.
const MAX_REFUSAL: usize = 500;

/// A server that speaks OpenAI's protocol.
#[derive(Clone)]
pub struct Server {
    base: String,
    key: Option<Arc<str>>,
    timeout: Duration,
    agent: Agent,
}

impl Server {
    /// A server by the address its paths are under, such as `https://api.openai.com/v1` or `http://127.0.0.1:8081/v1`.
    pub fn new(base: impl Into<String>) -> Self {
        let base = base.into().trim_end_matches('/').to_owned();
        Self { base, key: None, timeout: TIMEOUT, agent: agent(TIMEOUT) }
    }

    /// The same with a key, which is sent with each request and shown nowhere.
    #[must_use]
    pub fn with_key(self, key: impl Into<Arc<str>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The same where an answer may take so long.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, agent: agent(timeout), ..self }
    }

    /// A server's words, without the key.
    pub(crate) fn clean(&self, words: &str) -> String {
        match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => words.replace(key, "***"),
            None => words.to_owned(),
        }
    }

    /// Posts a document and reads the answer, on tokio's threads for blocking work where there is a runtime.
    pub(crate) async fn post<T: DeserializeOwned + Send + 'static>(
        &self,
        model: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T> {
        let call =
            Call { server: self.clone(), model: model.to_owned(), url: format!("{}/{path}", self.base) };
        let ask = move || call.answer(&body);
        let answer = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(ask).await?,
            Err(_) => ask(),
        };
        answer.map_err(ModelError::into_error)
    }

    /// Posts a document and reads the events that come back, on a thread of its own. When nobody waits for them any more,
    /// it closes the connection.
    pub(crate) fn events(&self, model: &str, path: &str, body: Vec<u8>) -> mpsc::Receiver<Result<String>> {
        let call =
            Call { server: self.clone(), model: model.to_owned(), url: format!("{}/{path}", self.base) };
        let (sender, receiver) = mpsc::channel(WAITING);
        std::thread::spawn(move || {
            if let Err(error) = call.stream(&body, &sender) {
                // If nobody listens, there is nobody to tell.
                let _ = sender.blocking_send(Err(error.into_error()));
            }
        });
        receiver
    }
}

/// One request.
struct Call {
    server: Server,
    model: String,
    url: String,
}

/// A model's error, as orch's.
pub(crate) fn error(model: &str, kind: ModelErrorKind) -> Error {
    ModelError::new(model, kind).into_error()
}

impl Call {
    fn fail(&self, kind: ModelErrorKind) -> ModelError {
        ModelError::new(&self.model, kind)
    }

    fn connection(&self, error: &dyn fmt::Display) -> ModelError {
        // What stands before an `@` or after a `?` may be secret.
        let place = self.url.split(['?', '#']).next().unwrap_or_default();
        let place = place.split_once('@').map_or(place, |(_, host)| host);
        self.fail(ModelErrorKind::Connection(format!("{place}: {error}")))
    }

    /// Sends the request. A refusal is an error with the first part of what the server says.
    fn send(&self, body: &[u8]) -> Result<Response<Body>, ModelError> {
        let mut request = self.server.agent.post(&self.url).header("content-type", "application/json");
        if let Some(key) = &self.server.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request.send(body).map_err(|error| self.connection(&error))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        if status == 429 {
            return Err(self.fail(ModelErrorKind::RateLimited { retry_after }));
        }
        let mut text = Vec::new();
        // What cannot be read of a refusal is not worth another error.
        let _ = response.body_mut().as_reader().take(4 * MAX_REFUSAL as u64).read_to_end(&mut text);
        // Some servers repeat the key they refuse.
        let body = self.server.clean(&String::from_utf8_lossy(&text)).chars().take(MAX_REFUSAL).collect();
        Err(self.fail(ModelErrorKind::Refused { status, body }))
    }

    fn answer<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ModelError> {
        let mut response = self.send(body)?;
        let text =
            response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(
                |error| match error {
                    ureq::Error::BodyExceedsLimit(limit) => {
                        self.fail(ModelErrorKind::TooLarge { limit: limit as usize })
                    }
                    error => self.connection(&error),
                },
            )?;
        serde_json::from_slice(&text).map_err(|error| self.fail(ModelErrorKind::Malformed(error.to_string())))
    }

    fn stream(&self, body: &[u8], events: &mpsc::Sender<Result<String>>) -> Result<(), ModelError> {
        let response = self.send(body)?;
        let mut lines = BufReader::new(response.into_body().into_reader().take(MAX_ANSWER));
        let (mut read, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let count = (&mut lines).take(MAX_EVENT).read_until(b'\n', &mut line);
            let count = count.map_err(|error| self.connection(&error))? as u64;
            read += count;
            if count == 0 {
                // The end; or the end of what is read.
                let too_large = ModelErrorKind::TooLarge { limit: MAX_ANSWER as usize };
                return if read < MAX_ANSWER { Ok(()) } else { Err(self.fail(too_large)) };
            }
            if count == MAX_EVENT && line.last() != Some(&b'\n') {
                return Err(self.fail(ModelErrorKind::TooLarge { limit: MAX_EVENT as usize }));
            }
            let text = String::from_utf8_lossy(&line);
            // Comments and the names of events keep a connection alive, and say nothing.
            let Some(data) = text.trim_end().strip_prefix("data:") else { continue };
            if events.blocking_send(Ok(data.trim_start().to_owned())).is_err() {
                return Ok(());
            }
        }
    }
}

fn agent(timeout: Duration) -> Agent {
    let config =
        Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).max_redirects(0);
    config.build().into()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
