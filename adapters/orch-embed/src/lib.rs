//! Sentence embeddings for orch's routers.
//!
//! | encoder | runs | a text takes |
//! |---|---|---|
//! | `Static` | in process: a table of token vectors, in the model2vec format | microseconds |
//! | `Transformer` | in process: a MiniLM-class model as an ONNX file | milliseconds |
//! | [`Cached`] | around another: keeps vectors in a file | microseconds for a text it has seen |
//!
//! Models are files of your own: see each encoder for where to get one.

mod cached;
mod error;
#[cfg(any(feature = "static", feature = "transformer"))]
mod files;
#[cfg(feature = "static")]
mod static_model;
#[cfg(feature = "transformer")]
mod transformer;

pub use cached::Cached;
pub use error::EmbedError;
#[cfg(feature = "static")]
pub use static_model::Static;
#[cfg(feature = "transformer")]
pub use transformer::Transformer;
