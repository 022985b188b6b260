//! The model: recorded answers, or those of a server.

use std::path::Path;

use orch_core::Result;
use orch_eval::{Cassette, Mode, Replay};
use orch_openai::{Chat, Server};

/// The model that was recorded. A recording is known by the name of the model it is of.
const RECORDED: &str = "qwen2.5-coder-1.5b";
/// Where it was; without `live` nobody is asked there.
const WHERE: &str = "http://127.0.0.1:8081/v1";

/// A model that says what the cassette of an example has; `example` is its folder. With `live`, what is not there is asked of the server that the environment
/// names (see [`Chat::from_env`]), and recorded.
///
/// # Errors
///
/// When the cassette cannot be read.
pub fn model(example: impl AsRef<Path>, live: bool) -> Result<Replay<Chat>> {
    let folder = example.as_ref().join("evals/cassette");
    let cassette = if live { Cassette::record(folder, Mode::Missing)? } else { Cassette::open(folder)? };
    let model = if live { Chat::from_env() } else { Chat::new(Server::new(WHERE), RECORDED) };
    Ok(cassette.replay(model))
}
