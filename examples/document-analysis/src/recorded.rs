//! The model: recorded answers, or those of a server.

use std::path::Path;

use orch_core::Result;
use orch_eval::{Cassette, Mode, Replay};
use orch_openai::Chat;

/// A model that says what the cassette has. With `live`, what is not there is asked of the server that the environment
/// names (see [`Chat::from_env`]), and recorded.
///
/// # Errors
///
/// When the cassette cannot be read.
pub fn model(live: bool) -> Result<Replay<Chat>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/cassette");
    let cassette = if live { Cassette::record(folder, Mode::Missing)? } else { Cassette::open(folder)? };
    Ok(cassette.replay(Chat::from_env()))
}
