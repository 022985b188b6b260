//! What stopped a program: an agent that may look exceptions up in a table.

use orch_core::agent::React;
use orch_core::model::{ChatModel, PromptedTools};
use orch_core::{Error, Result, tool};

use crate::advice::Advice;

/// Times the agent's model is asked, at most.
const MAX_TURNS: u32 = 3;
/// Tokens of each of its answers, at most.
const MAX_TOKENS: u32 = 80;

/// What the agent is told.
const TASK: &str = "You explain why a program stopped. First look the exception up with the tool `explain`. \
                    Then say in one or two sentences what to do.";

/// Exceptions and what is usually behind them.
#[derive(Debug)]
struct Known(&'static [(&'static str, &'static str)]);

static KNOWN: Known = Known(&[
    ("KeyError", "The dictionary has no such key. Use `get` with a default, or see where it is written."),
    ("IndexError", "The list is shorter than the index. An index ends at the length minus one."),
    ("TypeError", "An operation got a value of another type, often None where a call gave nothing."),
    ("NullPointerException", "A reference is null. The trace's first line of your own code names it."),
    ("ConcurrentModificationException", "A collection was changed inside its own loop."),
    ("NumberFormatException", "A text is no number there: it has a comma, a space, or nothing."),
    ("OutOfMemoryError", "The heap is full: something holds on to data, or is read as a whole."),
    ("StackOverflow", "A function calls itself without an end, or data is nested too deep."),
    ("BorrowMutError", "A RefCell is borrowed twice at the same time. End the first borrow earlier."),
    ("segmentation fault", "Memory is used that is not there, or no longer. A sanitizer names the line."),
]);

/// Says what is usually behind an exception.
#[tool(reads)]
async fn explain(
    known: &Known,
    /// The exception's name, such as `KeyError`.
    name: String,
) -> Result<String> {
    let asked = name.to_lowercase();
    let found = known.0.iter().find(|(known, _)| asked.contains(&known.to_lowercase()));
    match found {
        Some((_, cause)) => Ok((*cause).to_owned()),
        None => Err(Error::message(format!("the table has no {name}"))),
    }
}

/// Has an agent explain what stopped a program.
///
/// # Errors
///
/// When the agent comes to no answer within its turns, or its model fails.
pub async fn runtime<M: ChatModel>(model: &M, question: &str) -> Result<Advice> {
    // In words, since small models know no other way.
    let agent = React::new(PromptedTools::new(model), explain::tool(&KNOWN))
        .system(TASK)
        .max_turns(MAX_TURNS)
        .max_tokens(MAX_TOKENS)
        .temperature(0.0);
    let done = agent.run(question).await?;
    let sources = if done.calls > 0 { vec!["table of exceptions".to_owned()] } else { Vec::new() };
    Ok(Advice { text: done.value.trim().to_owned(), sources })
}
