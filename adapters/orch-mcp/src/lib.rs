//! Tools of Model Context Protocol servers, over standard input and output or streamable HTTP.
//!
//! ```no_run
//! # async fn f() -> orch_core::Result<()> {
//! use orch_core::agent::React;
//! use orch_core::model::ScriptedModel;
//! use orch_mcp::McpTools;
//!
//! let files = McpTools::command("npx", ["@modelcontextprotocol/server-filesystem", "/srv/docs"]).connect().await?;
//! let agent = React::new(ScriptedModel::new("test").says("done"), &files);
//! agent.run("Which files are there?").await?;
//! # Ok(()) }
//! ```
//!
//! A server is not trusted. What it says is bounded in size and time, its names become such as providers take, and what
//! its tools do to the world is taken to be the worst unless [told otherwise](Connect::trusting_hints). It sees of this
//! process's environment only where programs and files are.
//!
//! When a server dies, the next call starts it again. A call that was on its way is made again if the tool says that
//! twice is the same as once; otherwise its error says that nobody knows whether it was done.

mod bounded;
mod connect;
mod list;
mod session;
mod tools;

pub use connect::{Connect, McpError};
pub use tools::McpTools;
