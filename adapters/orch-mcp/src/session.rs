//! One connection with a server.

use std::process::Stdio;
use std::sync::Weak;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotification,
    CancelledNotificationParam, ClientRequest, RequestId, ServerResult,
};
use rmcp::service::{
    NotificationContext, Peer, PeerRequestOptions, RoleClient, RunningService, ServiceError,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ServiceExt as _};
use tokio::process::{Child, Command};

use crate::bounded::BoundedLines;
use crate::connect::{Connect, McpError, Place};
use crate::list::List;

/// Variables a program sees besides those it is given.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "USER", "TMPDIR"];

/// Hears when the list of tools has changed, and asks for it. It keeps nothing alive.
#[derive(Clone)]
pub(crate) struct Ear(pub(crate) Weak<List>);

impl ClientHandler for Ear {
    async fn on_tool_list_changed(&self, context: NotificationContext<RoleClient>) {
        if let Some(list) = self.0.upgrade() {
            list.changed(&context.peer).await;
        }
    }
}

/// A connection, and the program behind it where there is one.
pub(crate) struct Session {
    running: RunningService<RoleClient, Ear>,
    /// It is killed with the session.
    _child: Option<Child>,
}

impl Session {
    pub(crate) async fn begin(connect: &Connect, ear: Ear) -> Result<Self, McpError> {
        let fail =
            |reason: String| McpError::Connect { server: connect.server(), reason: connect.clean(&reason) };
        let beginning = async {
            match &connect.place {
                Place::Command { program, arguments, environment } => {
                    let mut command = Command::new(program);
                    command.args(arguments).env_clear().kill_on_drop(true);
                    command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
                    command.envs(environment);
                    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
                    let start = |error| McpError::Start { program: program.clone(), error };
                    let mut child = command.spawn().map_err(start)?;
                    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                        return Err(fail("its pipes are not there".to_owned()));
                    };
                    let lines = BoundedLines::new(output, connect.max_message);
                    let running = ear.serve((lines, input)).await.map_err(|error| fail(error.to_string()))?;
                    Ok(Self { running, _child: Some(child) })
                }
                Place::Http { url, bearer } => {
                    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                        .max_sse_event_size(connect.max_message);
                    if let Some(bearer) = bearer {
                        config = config.auth_header(bearer);
                    }
                    let transport = StreamableHttpClientTransport::from_config(config);
                    let running = ear.serve(transport).await.map_err(|error| fail(error.to_string()))?;
                    Ok(Self { running, _child: None })
                }
            }
        };
        let limit = connect.patience;
        tokio::time::timeout(limit, beginning)
            .await
            .unwrap_or_else(|_| Err(fail(format!("nothing came in {limit:?}"))))
    }

    pub(crate) fn peer(&self) -> &Peer<RoleClient> {
        self.running.peer()
    }

    /// Whether it is known to have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.running.is_closed() || self.peer().is_transport_closed()
    }

    /// Calls a tool. A call that is dropped is cancelled, so that the server need not go on.
    pub(crate) async fn call(
        &self,
        params: CallToolRequestParams,
        options: PeerRequestOptions,
    ) -> Result<CallToolResult, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let handle = self.peer().send_cancellable_request(request, options).await?;
        let mut cancel = CancelOnDrop { peer: self.peer().clone(), id: Some(handle.id.clone()) };
        let answered = handle.await_response().await;
        cancel.id = None;
        match answered? {
            ServerResult::CallToolResult(result) => Ok(result),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }
}

struct CancelOnDrop {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else { return };
        let peer = self.peer.clone();
        runtime.spawn(async move {
            let why = Some("nobody waits for it any more".to_owned());
            let params = CancelledNotificationParam::new(Some(id), why);
            // A server that has gone needs no telling.
            let _ = peer.send_notification(CancelledNotification::new(params).into()).await;
        });
    }
}
