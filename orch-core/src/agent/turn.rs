//! What an agent does with the tools a model asks for in one turn.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use futures_util::future::join_all;

use crate::agent::escalation::{Approver, Verdict};
use crate::error::{Error, Result};
use crate::model::{Message, ToolCall, ToolResult};
use crate::tool::{Effect, MAX_BYTES, ToolError, Tools, shortened};

/// Calls a run has made, by a hash of tool and arguments, and how often.
#[derive(Default)]
pub(super) struct Made(Vec<(u64, u32)>);

impl Made {
    /// Counts a call, and gives how often it was made with it.
    fn count(&mut self, call: &ToolCall) -> u32 {
        let mut hasher = DefaultHasher::new();
        (&call.tool, call.arguments.trim()).hash(&mut hasher);
        let hash = hasher.finish();
        match self.0.iter_mut().find(|(known, _)| *known == hash) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.0.push((hash, 1));
                1
            }
        }
    }
}

/// How many calls a turn, and how often the same one in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallBounds {
    pub(super) a_turn: usize,
    pub(super) repeats: u32,
}

/// What came of a turn's calls.
#[derive(Default)]
pub(super) struct Turn {
    /// A result for each call, in their order: providers refuse a conversation in which one has none.
    pub(super) results: Vec<Message>,
    /// Calls that were made.
    pub(super) made: u32,
    /// The tool of a call that was refused because it was made before.
    pub(super) repeated: Option<String>,
    /// Why the run cannot go on.
    pub(super) broken: Option<Error>,
}

impl Turn {
    fn add(&mut self, call: &ToolCall, text: String, failed: bool) {
        let (id, tool) = (call.id.clone(), call.tool.clone());
        // What a tool gives has its own bound, which may be larger; the words of an error have this one.
        let text = if failed { shortened(text, MAX_BYTES) } else { text };
        self.results.push(Message::Tool(ToolResult { id, tool, text, failed }));
    }
}

/// Makes the calls of a turn, those that only read at the same time and the others in their order.
pub(super) async fn make<T: Tools, A: Approver>(
    tools: &T,
    approver: &A,
    calls: &[ToolCall],
    bounds: CallBounds,
    made: &mut Made,
) -> Turn {
    let mut turn = Turn::default();
    let mut rest = calls;
    while let Some((first, _)) = rest.split_first() {
        if turn.broken.is_some() {
            rest.iter().for_each(|call| turn.add(call, "not done: the run has ended".to_owned(), true));
            break;
        }
        let reads = |call: &ToolCall| tools.effect(&call.tool) == Some(Effect::Reads);
        let together = rest.iter().take_while(|call| reads(call)).count();
        let together = if reads(first) { together } else { 1 };
        let (now, later) = rest.split_at(together);
        let place = calls.len() - rest.len();
        let mut refused: Vec<Option<String>> = Vec::with_capacity(now.len());
        for (number, call) in now.iter().enumerate() {
            refused.push(if place + number >= bounds.a_turn {
                Some(format!("not done: at most {} calls a turn", bounds.a_turn))
            } else if made.count(call) > bounds.repeats {
                turn.repeated = Some(call.tool.clone());
                Some(
                    "not done again: the same call gave its result above; use that, or do something else"
                        .to_owned(),
                )
            } else {
                turn.made += 1;
                None
            });
        }
        let done = now.iter().zip(refused).map(async |(call, refused)| match refused {
            Some(why) => Ok(Err(why)),
            None => one(tools, approver, call).await.map(|done| done.map_err(|error| error.to_string())),
        });
        for (call, done) in now.iter().zip(join_all(done).await) {
            match done {
                Ok(Ok(text)) => turn.add(call, text, false),
                Ok(Err(why)) => turn.add(call, why, true),
                Err(error) => {
                    turn.add(call, error.to_string(), true);
                    turn.broken.get_or_insert(error);
                }
            }
        }
        rest = later;
    }
    turn
}

/// Makes one call, if whoever must be asked allows it.
async fn one<T: Tools, A: Approver>(
    tools: &T,
    approver: &A,
    call: &ToolCall,
) -> Result<Result<String, ToolError>> {
    match tools.effect(&call.tool) {
        None | Some(Effect::Reads) => {}
        Some(_) => {
            if let Verdict::Denied { reason } = approver.approve(call).await? {
                return Ok(Err(ToolError::Denied { tool: call.tool.clone(), reason }));
            }
        }
    }
    match tools.call(call).await {
        // A refusal is not for the model to talk its way round.
        Err(ToolError::Failed { error, .. }) if error.ends_a_run() => Err(error),
        done => Ok(done),
    }
}
