//! Chat models and embeddings of hosted providers, each in its own protocol: OpenAI, Anthropic, Gemini, Ollama and others,
//! by way of the `genai` crate.
//!
//! ```no_run
//! # async fn f() -> orch_core::Result<()> {
//! use orch_core::model::{ChatModel, ChatRequest, Message};
//! use orch_genai::{Chat, Provider};
//!
//! // The key is that of the environment: ANTHROPIC_API_KEY.
//! let model = Chat::new(Provider::Anthropic, "claude-sonnet-4-5")?;
//! let reply = model.chat(&ChatRequest::new(vec![Message::user("Say hello.")])).await?;
//! println!("{}", reply.text);
//! # Ok(()) }
//! ```
//!
//! What goes wrong is a [`ModelError`](orch_core::model::ModelError). An answer takes a minute at most unless
//! [said otherwise](Chat::with_timeout), and one in pieces has 32 MiB at most. `genai` reads an answer that comes whole,
//! and a line that does not end, as far as it comes in that time: for a server nobody trusts there is `orch-openai`,
//! which bounds those too.

mod chat;
mod embeddings;
mod error;
mod provider;
mod request;

pub use chat::Chat;
pub use embeddings::Embeddings;
pub use provider::Provider;
