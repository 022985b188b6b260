//! Recordings of what models and tools answered, so that a suite runs again without them.

mod cassette;
mod error;
mod miss;
mod models;
mod shards;
mod stream;

pub use cassette::{Cassette, Mode};
pub use error::CassetteError;
pub use models::Replay;
pub(crate) use shards::hash;
