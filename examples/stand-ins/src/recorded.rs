//! The model: recorded answers, or those of a server.

use std::path::Path;

use orch_core::model::ChatModel;
use orch_core::{Result, prompt};
use orch_eval::{Cassette, Mode, Replay, Scorer, Suite};
use orch_openai::{Chat, Server};

/// The model that was recorded. A recording is known by the name of the model it is of.
const RECORDED: &str = "qwen2.5-coder-1.5b";
/// Tokens of an answer of one model, at most.
const MAX_TOKENS: u32 = 80;
/// Where it was; without `live` nobody is asked there.
const WHERE: &str = "http://127.0.0.1:8081/v1";

/// A model that says what the cassette of an example has; `example` is its folder. With `live`, or where `ORCH_RECORD` says
/// to record, what is not there is asked of the server that the environment names (see [`Chat::from_env`]), and recorded.
///
/// # Errors
///
/// When the cassette cannot be read.
pub fn model(example: impl AsRef<Path>, live: bool) -> Result<Replay<Chat>> {
    let folder = example.as_ref().join("evals/cassette");
    let cassette = if live { Cassette::record(folder, Mode::Missing)? } else { Cassette::open(folder)? };
    let records = std::env::var("ORCH_RECORD").is_ok_and(|mode| mode == "missing" || mode == "all");
    let asks = live || records;
    let model = if asks { Chat::from_env() } else { Chat::new(Server::new(WHERE), RECORDED) };
    Ok(cassette.replay(model))
}

/// Puts beside a suite of answers what its workflow must beat: the model of an example, told the task and given the input,
/// with nothing around it. What was recorded says the same each time, so each case is asked once.
pub fn beside_the_model_alone(suite: Suite, example: &'static Path, task: &'static str) -> Suite {
    let alone = |suite: Suite| {
        suite.try_answers(Scorer::Contains, move || {
            let model = model(example, false)?;
            Ok(async move |text: String| one_model(&model, task, &text).await)
        })
    };
    suite.against("the model alone", alone).epochs(1)
}

async fn one_model<M: ChatModel>(model: &M, task: &str, input: &str) -> Result<String> {
    let request = prompt!(system = "{task}", user = "{input}");
    Ok(model.chat(&request.max_tokens(MAX_TOKENS).temperature(0.0)).await?.text)
}
