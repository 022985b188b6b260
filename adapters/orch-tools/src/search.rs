//! Searching the web.

use std::fmt;
use std::time::Duration;

use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Declared, Effect, ToolError, Tools};
use schemars::JsonSchema;
use serde::Deserialize;
use ureq::Agent;

/// The longest a search may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const MAX_BYTES: u64 = 1 << 20;
/// Results a model is shown, and characters of each one's text, unless it is told otherwise.
const RESULTS: usize = 5;
const SHOWN: usize = 400;
/// Bytes of a query that are sent.
const MAX_QUERY: usize = 512;

/// A tool that searches the web by a server of yours or your provider's, `search_web`.
///
/// The server answers `GET {address}?q=..&format=json` with `{"results": [{"title", "url", "content"}]}`, as `SearXNG` does.
/// The program chooses the server; a model only writes the query. What it finds is what others wrote: put a
/// [guard](orch_core::guard) behind it.
#[derive(Clone)]
pub struct Search {
    address: String,
    results: usize,
    agent: Agent,
}

#[derive(Deserialize, JsonSchema)]
struct Query {
    /// What to look for, in a few words.
    query: String,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    results: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    content: String,
}

/// Why nothing was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchError {
    /// The server refuses.
    Status(u16),
    /// What it says is no list of results.
    Malformed(String),
    /// It cannot be reached, or not in time.
    Connection(String),
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the search answers with status {status}"),
            Self::Malformed(what) => write!(f, "the search gives no list of results: {what}"),
            Self::Connection(why) => write!(f, "the search cannot be reached: {why}"),
        }
    }
}

impl std::error::Error for SearchError {}

const SEARCH: Declared<'static> =
    Declared::new("search_web", "Searches the web, and gives titles, addresses and excerpts.", Effect::Reads)
        .timeout(TIMEOUT);

impl Search {
    /// Searches by the server at this address, such as `http://127.0.0.1:8888/search`.
    pub fn new(address: impl Into<String>) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self { address: address.into(), results: RESULTS, agent: config.into() }
    }

    /// Shows a model so many results, 5 unless said otherwise.
    #[must_use]
    pub fn results(self, count: usize) -> Self {
        Self { results: count, ..self }
    }

    fn ask(&self, query: &str) -> Result<String, SearchError> {
        let query = &query[..query.floor_char_boundary(MAX_QUERY)];
        // What ureq says of an address may repeat a key in it.
        let failed = |error: ureq::Error| {
            SearchError::Connection(error.to_string().replace(&self.address, "its address"))
        };
        let mut response =
            self.agent.get(&self.address).query("q", query).query("format", "json").call().map_err(failed)?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(SearchError::Status(status));
        }
        let body = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(failed)?;
        let found: Found =
            serde_json::from_slice(&body).map_err(|error| SearchError::Malformed(error.to_string()))?;
        let shown: Vec<String> = found.results.iter().take(self.results).enumerate().map(shown).collect();
        Ok(if shown.is_empty() { "nothing was found".to_owned() } else { shown.join("\n\n") })
    }
}

fn shown((number, Hit { title, url, content }): (usize, &Hit)) -> String {
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let content: String = on_one_line(content).chars().take(SHOWN).collect();
    let title: String = on_one_line(title).chars().take(SHOWN).collect();
    format!("{}. {title}\n{}\n{content}", number + 1, on_one_line(url))
}

impl Tools for Search {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![SEARCH.spec::<Query>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == SEARCH.name()).then(|| SEARCH.effect())
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        let work = async |Query { query }| {
            let search = self.clone();
            tokio::task::spawn_blocking(move || search.ask(&query))
                .await
                .map_err(orch_core::Error::from)?
                .map_err(orch_core::Error::from)
        };
        SEARCH.call::<_, _, orch_core::Error>(call, work).await
    }
}

/// The address is the program's secret where it has a key in it.
impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("results", &self.results).finish_non_exhaustive()
    }
}
