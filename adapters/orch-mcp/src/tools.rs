//! A server's tools, as an agent has them.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Effect, ToolError, Tools};
use orch_core::{Error, Result};
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ResourceContents};
use rmcp::service::{PeerRequestOptions, ServiceError};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::connect::{Connect, McpError};
use crate::list::{List, Listed};
use crate::session::{Ear, Session};

/// The tools of a server. Cheap to clone: a clone has the same connection.
#[derive(Clone)]
pub struct McpTools {
    shared: Arc<Shared>,
}

struct Shared {
    connect: Connect,
    session: Mutex<Option<Arc<Session>>>,
    list: Arc<List>,
}

impl McpTools {
    /// A server that is a program, and speaks on its standard input and output.
    pub fn command<A: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Connect {
        Connect::command(program.into(), arguments.into_iter().map(Into::into).collect())
    }

    /// A server over streamable HTTP.
    pub fn http(url: impl Into<String>) -> Connect {
        Connect::http(url.into())
    }

    pub(crate) async fn connect(connect: Connect) -> Result<Self> {
        let list = Arc::new(List::of(connect.clone()));
        let shared = Shared { connect, session: Mutex::new(None), list };
        let tools = Self { shared: Arc::new(shared) };
        let session = tools.session().await?;
        tools.shared.list.ask(session.peer()).await?;
        Ok(tools)
    }

    /// Asks again which tools there are. That is also done when the server says that they changed.
    ///
    /// # Errors
    ///
    /// [`McpError`]; the list is then as it was.
    pub async fn refresh(&self) -> Result<()> {
        let session = self.session().await?;
        Ok(self.shared.list.ask(session.peer()).await?)
    }

    /// The connection; a new one where there is none any more.
    async fn session(&self) -> Result<Arc<Session>, McpError> {
        let mut session = self.shared.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| !session.is_over()) {
            return Ok(Arc::clone(session));
        }
        let ear = Ear(Arc::downgrade(&self.shared.list));
        let begun = Arc::new(Box::pin(Session::begin(&self.shared.connect, ear)).await?);
        if session.replace(Arc::clone(&begun)).is_some() {
            // One that was started again may have other tools.
            self.shared.list.is_old();
        }
        Ok(begun)
    }

    /// Leaves a connection that broke; the next call makes a new one.
    async fn leave(&self, broken: &Arc<Session>) {
        let mut session = self.shared.session.lock().await;
        if session.as_ref().is_some_and(|session| Arc::ptr_eq(session, broken)) {
            *session = None;
            // The next one may have other tools.
            self.shared.list.is_old();
        }
    }

    async fn attempt(&self, tool: &Listed, call: &ToolCall) -> Result<CallToolResult, Broken> {
        let name = &call.tool;
        let failed = |error: Error| Broken::For(ToolError::Failed { tool: name.clone(), error });
        let arguments = arguments(call).map_err(Broken::For)?;
        // A server that is started again has the time it had at first, which may be more than a call's; so has whoever waits
        // for another call to start it.
        let ready = async {
            let session = self.session().await?;
            self.shared.list.catch_up(session.peer()).await;
            Ok::<_, McpError>(session)
        };
        let Connect { patience, timeout: limit, .. } = self.shared.connect;
        let session = tokio::time::timeout(patience, ready)
            .await
            .map_err(|_| Broken::For(ToolError::TimedOut { tool: name.clone(), limit: patience }))?
            .map_err(|error| failed(error.into()))?;
        let params = CallToolRequestParams::new(tool.name.clone()).with_arguments(arguments);
        match session.call(params, PeerRequestOptions::with_timeout(limit)).await {
            Ok(result) => Ok(result),
            Err(ServiceError::Timeout { .. }) => {
                // One over HTTP that has died, or has forgotten the session, looks like one that is slow.
                if self.shared.connect.is_http() {
                    self.leave(&session).await;
                }
                Err(Broken::For(ToolError::TimedOut { tool: name.clone(), limit }))
            }
            Err(error @ (ServiceError::TransportClosed | ServiceError::TransportSend(_))) => {
                self.leave(&session).await;
                Err(Broken::Connection(self.shared.connect.clean(&error.to_string())))
            }
            Err(error) => Err(failed(Error::message(self.shared.connect.clean(&error.to_string())))),
        }
    }
}

/// What a call came to.
enum Broken {
    /// An error of the call.
    For(ToolError),
    /// The connection broke: the call may have been done.
    Connection(String),
}

fn arguments(call: &ToolCall) -> Result<serde_json::Map<String, Value>, ToolError> {
    let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let wrong = |reason: String| ToolError::Arguments { tool: call.tool.clone(), reason };
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(wrong("they are no object".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

impl Tools for McpTools {
    fn specs(&self) -> Vec<ToolSpec> {
        self.shared.list.specs()
    }

    fn revision(&self) -> u64 {
        self.shared.list.revision()
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        self.shared.list.find(tool).map(|listed| listed.effect)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        let Some(tool) = self.shared.list.find(&call.tool) else {
            let known = self.specs().iter().map(|spec| spec.name.to_string()).collect();
            return Err(ToolError::Unknown { tool: call.tool.clone(), known });
        };
        let mut answered = self.attempt(&tool, call).await;
        if matches!(answered, Err(Broken::Connection(_))) && tool.effect != Effect::Writes {
            answered = self.attempt(&tool, call).await;
        }
        let failed =
            |what: String| ToolError::Failed { tool: call.tool.clone(), error: Error::message(what) };
        let result = answered.map_err(|broken| match broken {
            Broken::For(error) => error,
            Broken::Connection(why) => failed(format!(
                "the connection with the server broke ({why}); nobody knows whether it was done"
            )),
        })?;
        let text = text(&result, self.shared.connect.max_result);
        if result.is_error == Some(true) { Err(failed(text)) } else { Ok(text) }
    }
}

/// What a tool gave, as text for a model.
fn text(result: &CallToolResult, limit: usize) -> String {
    let mut text = String::new();
    for block in &result.content {
        if !text.is_empty() {
            text.push('\n');
        }
        // What does not fit is not even put together.
        if text.len() > limit {
            break;
        }
        match block {
            ContentBlock::Text(content) => text.push_str(&content.text),
            ContentBlock::Image(image) => {
                let _ = write!(text, "[image {}, {} bytes]", image.mime_type, image.data.len() / 4 * 3);
            }
            ContentBlock::Audio(audio) => {
                let _ = write!(text, "[audio {}, {} bytes]", audio.mime_type, audio.data.len() / 4 * 3);
            }
            ContentBlock::Resource(resource) => match &resource.resource {
                ResourceContents::TextResourceContents { text: inside, .. } => text.push_str(inside),
                ResourceContents::BlobResourceContents { uri, .. } => {
                    let _ = write!(text, "[resource {uri}]");
                }
                _ => text.push_str("[resource]"),
            },
            ContentBlock::ResourceLink(link) => {
                let _ = write!(text, "[resource {}]", link.uri);
            }
            _ => text.push_str("[something else]"),
        }
    }
    if text.is_empty()
        && let Some(value) = &result.structured_content
    {
        text = value.to_string();
    }
    orch_core::tool::shortened(text, limit)
}

impl fmt::Debug for McpTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTools").field("server", &self.shared.connect.server()).finish_non_exhaustive()
    }
}
