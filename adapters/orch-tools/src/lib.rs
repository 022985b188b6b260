//! Tools an agent may be given, each with the least it needs.
//!
//! | | may |
//! |---|---|
//! | [`Fetch`] | read pages of hosts it is told, and never of this network |
//! | [`Search`] | search the web by a server the program chooses |
//! | [`Folder`] | read, and if it is told so write, files inside one folder |
//! | [`calculate()`] | do arithmetic |
//! | [`Sandbox`] | run code that sees no network, no files but its own, and has limits |
//!
//! `orch-sqlite` has one that reads a database, `orch-mcp` those of servers.
//!
//! ```
//! use orch_core::agent::React;
//! use orch_core::model::ScriptedModel;
//! use orch_tools::calculate;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let model = ScriptedModel::new("test").calls("calculate", r#"{"expression": "2 * (3 + 4)"}"#).says("14");
//! let agent = React::new(model, calculate::tool());
//! assert_eq!(agent.run("What is 2 * (3 + 4)?").await?.messages[2].text(), "14.0");
//! # orch_core::Ok(()) }).unwrap();
//! ```

mod arithmetic;
mod fetch;
mod folder;
mod sandbox;
mod search;

pub use arithmetic::{ArithmeticError, calculate, evaluate};
pub use fetch::{Fetch, FetchError};
pub use folder::Folder;
pub use sandbox::{Sandbox, SandboxError};
pub use search::{Search, SearchError};
