//! Chat models and embeddings behind OpenAI's protocol: hosted, or a server on your own machine such as llama.cpp's.
//!
//! ```no_run
//! # async fn f() -> orch_core::Result<()> {
//! use orch_core::model::{ChatModel, ChatRequest, Message};
//! use orch_openai::{Chat, Server};
//!
//! let server = Server::new("http://127.0.0.1:8081/v1");
//! let model = Chat::new(server, "qwen");
//! let reply = model.chat(&ChatRequest::new(vec![Message::user("Say hello.")])).await?;
//! println!("{}", reply.text);
//! # Ok(()) }
//! ```
//!
//! What goes wrong is a [`ModelError`](orch_core::model::ModelError). Answers are bounded: 32 MiB, and a minute unless
//! [said otherwise](Server::with_timeout). A call that is dropped closes its connection, so that the server stops too.
//! Without the feature `tls` only `http` is spoken. It runs on tokio, with its input, output and time enabled.

mod chat;
mod embeddings;
mod events;
mod server;
mod streamed;
mod wire;

pub use chat::Chat;
pub use embeddings::Embeddings;
pub use server::Server;
