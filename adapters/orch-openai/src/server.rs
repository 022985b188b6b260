//! A server that is asked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orch_core::model::{ModelError, ModelErrorKind};
use orch_core::{Error, Result};
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use tokio::runtime;

/// The longest an answer may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read, in bytes.
pub(crate) const MAX_ANSWER: usize = 32 << 20;
/// Runtimes whose clients are kept.
const MOST_CLIENTS: usize = 16;
/// How much of a refusal is kept, in characters.
const MAX_REFUSAL: usize = 500;

/// A server that speaks OpenAI's protocol.
#[derive(Clone)]
pub struct Server {
    base: String,
    key: Option<Arc<str>>,
    timeout: Duration,
    clients: Arc<Clients>,
}

/// A client for each runtime that asks: its connections are tasks of that runtime, and end with it.
type Clients = Mutex<Vec<(runtime::Id, Client)>>;

impl Server {
    /// A server by the address its paths are under, such as `https://api.openai.com/v1` or `http://127.0.0.1:8081/v1`.
    pub fn new(base: impl Into<String>) -> Self {
        let base = base.into().trim_end_matches('/').to_owned();
        Self { base, key: None, timeout: TIMEOUT, clients: Arc::default() }
    }

    /// The same with a key, which is sent with each request and shown nowhere.
    #[must_use]
    pub fn with_key(self, key: impl Into<Arc<str>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The same where an answer may take so long.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// A server's words, without the key.
    pub(crate) fn clean(&self, words: &str) -> String {
        match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => words.replace(key, "***"),
            None => words.to_owned(),
        }
    }

    /// Posts a document and reads the answer. Dropped before its end, it closes the connection.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        model: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T> {
        let call = self.call(model, path);
        let answer = async {
            let response = call.send(body).await?;
            call.read(response).await
        };
        answer.await.map_err(ModelError::into_error)
    }

    /// Posts a document, and leaves the answer to be read.
    pub(crate) async fn open(&self, model: &str, path: &str, body: Vec<u8>) -> Result<(Call, Response)> {
        let call = self.call(model, path);
        let response = call.send(body).await.map_err(ModelError::into_error)?;
        Ok((call, response))
    }

    /// The runtime's client.
    fn client(&self, runtime: runtime::Id) -> reqwest::Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == runtime) {
            return Ok(client.clone());
        }
        // A redirect could take the key to somebody else, and who wants a request sent again says so.
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()?;
        if clients.len() == MOST_CLIENTS {
            clients.remove(0);
        }
        clients.push((runtime, client.clone()));
        Ok(client)
    }

    fn call(&self, model: &str, path: &str) -> Call {
        Call { server: self.clone(), model: model.to_owned(), url: format!("{}/{path}", self.base) }
    }
}

/// One request.
pub(crate) struct Call {
    server: Server,
    model: String,
    url: String,
}

impl Call {
    pub(crate) fn fail(&self, kind: ModelErrorKind) -> ModelError {
        ModelError::new(&self.model, kind)
    }

    /// A document that is more than what is read of one.
    pub(crate) fn too_large(&self, limit: usize) -> ModelError {
        self.fail(ModelErrorKind::TooLarge { limit })
    }

    pub(crate) fn connection(&self, error: reqwest::Error) -> ModelError {
        let place = shown(&self.url);
        let sent = !error.is_connect() && !error.is_builder();
        let what = if error.is_timeout() {
            format!("no answer within {:?}", self.server.timeout)
        } else {
            causes(&error.without_url())
        };
        let error = self.fail(ModelErrorKind::Connection(format!("{place}: {what}")));
        if sent { error.was_sent() } else { error }
    }

    /// Sends the request. A refusal is an error with the first part of what the server says.
    async fn send(&self, body: Vec<u8>) -> Result<Response, ModelError> {
        let cannot = |what: &str| self.fail(ModelErrorKind::Connection(what.to_owned()));
        let Ok(runtime) = runtime::Handle::try_current() else {
            return Err(cannot("a server is asked on tokio's runtime, and there is none here"));
        };
        if !cfg!(feature = "tls") && self.url.starts_with("https:") {
            return Err(cannot("`https` wants the feature `tls` of orch-openai"));
        }
        let client = self.server.client(runtime.id());
        let client = client.map_err(|error| cannot(&format!("no client can be made: {}", causes(&error))))?;
        let mut request = client
            .post(&self.url)
            .timeout(self.server.timeout)
            .header("content-type", "application/json")
            .body(body);
        if let Some(key) = &self.server.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| self.connection(error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn refusal(&self, mut response: Response) -> ModelError {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        // 503 and Anthropic's 529 say the same as 429 where they say when to come back.
        if status == 429 || (matches!(status, 503 | 529) && retry_after.is_some()) {
            return self.fail(ModelErrorKind::RateLimited { retry_after });
        }
        let mut text = Vec::new();
        // What cannot be read of a refusal is not worth another error.
        while let Ok(Some(bytes)) = response.chunk().await {
            text.extend_from_slice(&bytes[..bytes.len().min(4 * MAX_REFUSAL - text.len())]);
            if text.len() == 4 * MAX_REFUSAL {
                break;
            }
        }
        // Some servers repeat the key they refuse.
        let body = self.server.clean(&String::from_utf8_lossy(&text)).chars().take(MAX_REFUSAL).collect();
        self.fail(ModelErrorKind::Refused { status, body })
    }

    async fn read<T: DeserializeOwned>(&self, mut response: Response) -> Result<T, ModelError> {
        let mut text = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| self.connection(error))? {
            if bytes.len() > MAX_ANSWER - text.len() {
                return Err(self.too_large(MAX_ANSWER));
            }
            text.extend_from_slice(&bytes);
        }
        serde_json::from_slice(&text).map_err(|error| self.fail(ModelErrorKind::Malformed(error.to_string())))
    }
}

/// An address without what may be secret: a name and a password, and what stands after a `?`.
fn shown(url: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = place.split_once("://").unwrap_or(("http", place));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}/{path}")
}

/// A model's error, as orch's.
pub(crate) fn error(model: &str, kind: ModelErrorKind) -> Error {
    ModelError::new(model, kind).into_error()
}

/// An error and what lies behind it; the client alone says only that it could not send.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut behind = std::error::Error::source(error);
    while let Some(error) = behind {
        text.push_str(": ");
        text.push_str(&error.to_string());
        behind = error.source();
    }
    text
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &shown(&self.base))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_is_secret() {
        assert_eq!(shown("http://u:p@ss@host:1/v1/chat?key=k"), "http://host:1/v1/chat");
        assert_eq!(shown("https://host/a@b"), "https://host/a@b");
        let server = Server::new("http://u:p@ss@host/v1?key=k").with_key("sk");
        let debug = format!("{server:?}");
        assert!(!debug.contains("ss@") && !debug.contains("key=k") && !debug.contains("sk"), "{debug}");
    }
}
