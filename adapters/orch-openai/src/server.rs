//! A server that is asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use crate::error::{ServerError, ServerErrorKind};

/// The longest an answer may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 32 << 20;
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

    /// Posts a document and reads the answer, on tokio's threads for blocking work where there is a runtime.
    pub(crate) async fn post<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> orch_core::Result<T> {
        let url = format!("{}/{path}", self.base);
        let body = serde_json::to_vec(body)?;
        let server = self.clone();
        let ask = move || server.ask(&url, &body);
        let answer = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(ask).await?,
            Err(_) => ask(),
        };
        answer.map_err(ServerError::into_orch)
    }

    fn ask<T: DeserializeOwned>(&self, url: &str, body: &[u8]) -> Result<T, ServerError> {
        let mut request = self.agent.post(url).header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let fail = |kind| ServerError { url: url.to_owned(), kind };
        let mut response =
            request.send(body).map_err(|error| fail(ServerErrorKind::Connection(error.to_string())))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let text = text.map_err(|error| fail(ServerErrorKind::Connection(error.to_string())))?;
        if !(200..300).contains(&status) {
            let mut body: String = String::from_utf8_lossy(&text).chars().take(MAX_REFUSAL).collect();
            if let Some(key) = self.key.as_deref().filter(|key| !key.is_empty()) {
                // Some servers repeat the key they refuse.
                body = body.replace(key, "***");
            }
            return Err(fail(ServerErrorKind::Refused { status, body, retry_after }));
        }
        serde_json::from_slice(&text).map_err(|error| fail(ServerErrorKind::Malformed(error.to_string())))
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
