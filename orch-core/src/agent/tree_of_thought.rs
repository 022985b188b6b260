//! Several lines of thought at once, of which the best go on.

use std::fmt::Write as _;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::{ChatModel, ChatRequest, Message, Usage};
use crate::structured::{NoValue, Structured, structured};

/// The warmth at which thoughts are written.
const GENERATED_AT: f64 = 0.7;
/// The warmth at which they are judged.
const SCORED_AT: f64 = 0.0;
/// The highest score.
const BEST: u8 = 10;

/// A search over lines of thought (Yao et al., 2023): each is continued in several ways, each continuation is judged, and
/// the best of them go on.
///
/// A search asks the models at most `depth * beam * (1 + branches)` times, twice as often if every answer has to be asked
/// for again. The answer is the best line that survived; one that was pruned is never gone back to.
///
/// ```
/// use orch_core::agent::TreeOfThought;
/// use orch_core::model::ScriptedModel;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let generator = ScriptedModel::new("writer").says(r#"{"thoughts": ["use brass", "use steel"]}"#);
/// let scorer = ScriptedModel::new("judge")
///     .says(r#"{"score": 3, "solved": false}"#)
///     .says(r#"{"score": 9, "solved": true}"#);
/// let best = TreeOfThought::new(generator, scorer).branches(2).run("Which metal for a hinge?").await?;
/// assert_eq!((best.path.join(" "), best.score, best.solved), ("use steel".to_owned(), 9, true));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TreeOfThought<G, S> {
    generator: G,
    scorer: S,
    branches: usize,
    depth: usize,
    beam: usize,
}

/// A line of thought.
#[derive(Clone, Debug, PartialEq)]
pub struct Thought {
    /// Its thoughts, the first first.
    pub path: Vec<String>,
    /// How promising it is, from 0 to 10; that of its last thought.
    pub score: u8,
    /// Whether the judge says that it solves the task.
    pub solved: bool,
    /// What the whole search used.
    pub usage: Usage,
}

#[derive(Deserialize, JsonSchema)]
struct Thoughts {
    /// The next thoughts, each a sentence or two, each different from the others.
    thoughts: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Judged {
    /// How promising the line of thought is, from 0 (wrong) to 10 (certainly right).
    score: u8,
    /// Whether it is a complete answer to the task.
    solved: bool,
}

impl<G: ChatModel, S: ChatModel> TreeOfThought<G, S> {
    /// A search with 3 branches at each thought, 3 thoughts deep, of which 2 lines go on.
    pub fn new(generator: G, scorer: S) -> Self {
        Self { generator, scorer, branches: 3, depth: 3, beam: 2 }
    }

    /// Continues each line in so many ways; 0 counts as 1.
    #[must_use]
    pub fn branches(self, branches: usize) -> Self {
        Self { branches: branches.max(1), ..self }
    }

    /// Thinks so many thoughts in a line; 0 counts as 1.
    #[must_use]
    pub fn depth(self, depth: usize) -> Self {
        Self { depth: depth.max(1), ..self }
    }

    /// Keeps so many lines after each thought; 0 counts as 1.
    #[must_use]
    pub fn beam(self, beam: usize) -> Self {
        Self { beam: beam.max(1), ..self }
    }

    /// Searches, and gives the best line that survived: one that solves the task before one that does not, then by
    /// score, then the one that was found first.
    ///
    /// A line whose continuation or judgement fails does not survive.
    ///
    /// # Errors
    ///
    /// The last failure, when no line survives; what a guard, a budget or a deadline refuses, at once.
    pub async fn run(&self, task: &str) -> Result<Thought> {
        let mut usage = Usage::default();
        let mut alive = vec![Thought { path: Vec::new(), score: 0, solved: false, usage }];
        for _ in 0..self.depth {
            let open = alive.iter().filter(|line| !line.solved);
            let grown = join_all(open.map(|line| self.grow(task, line))).await;
            let mut failure = None;
            let mut next: Vec<Thought> = alive.iter().filter(|line| line.solved).cloned().collect();
            for (lines, used, failed) in grown {
                usage += used;
                next.extend(lines);
                failure = graver(failure, failed);
            }
            if let Some(refused) = failure.take_if(|failure| failure.ends_a_run()) {
                return Err(refused);
            }
            if next.is_empty() {
                return Err(failure.unwrap_or_else(|| Error::message("no thought was written")));
            }
            next.sort_by_key(|line| std::cmp::Reverse((line.solved, line.score)));
            next.truncate(self.beam);
            alive = next;
            if alive.iter().all(|line| line.solved) {
                break;
            }
        }
        let best = alive.into_iter().next().ok_or_else(|| Error::message("no thought was written"))?;
        Ok(Thought { usage, ..best })
    }

    /// The continuations of a line, what they used, and a failure there was.
    async fn grow(&self, task: &str, line: &Thought) -> (Vec<Thought>, Usage, Option<Error>) {
        let mut usage = Usage::default();
        let so_far = so_far(task, &line.path);
        let ask = format!("{so_far}\nWrite {} different next thoughts.", self.branches);
        let request = ChatRequest::new(vec![Message::user(ask)]).temperature(GENERATED_AT).max_tokens(1_024);
        let thoughts = match structured::<Thoughts>(&self.generator, request).await {
            Ok(Structured { value, usage: used, .. }) => {
                usage += used;
                value.thoughts
            }
            Err(error) => return (Vec::new(), NoValue::used(&error), Some(error)),
        };
        let mut lines = Vec::new();
        for thought in thoughts.into_iter().filter(|thought| !thought.trim().is_empty()).take(self.branches) {
            let mut path = line.path.clone();
            path.push(thought);
            lines.push(path);
        }
        let judged = join_all(lines.iter().map(|path| self.judge(task, path))).await;
        let mut grown = Vec::new();
        let mut failure = None;
        for (path, judged) in lines.into_iter().zip(judged) {
            match judged {
                Ok(Structured { value, usage: used, .. }) => {
                    usage += used;
                    let score = value.score.min(BEST);
                    grown.push(Thought { path, score, solved: value.solved, usage: Usage::default() });
                }
                Err(error) => {
                    usage += NoValue::used(&error);
                    failure = graver(failure, Some(error));
                }
            }
        }
        (grown, usage, failure)
    }

    async fn judge(&self, task: &str, path: &[String]) -> Result<Structured<Judged>> {
        let ask = format!("{}\nJudge this line of thought.", so_far(task, path));
        let request = ChatRequest::new(vec![Message::user(ask)]).temperature(SCORED_AT).max_tokens(64);
        structured(&self.scorer, request).await
    }
}

/// Of two failures the one that ends the run; else the later.
fn graver(before: Option<Error>, now: Option<Error>) -> Option<Error> {
    match before {
        Some(before) if before.ends_a_run() => Some(before),
        before => now.or(before),
    }
}

fn so_far(task: &str, path: &[String]) -> String {
    let mut text = format!("The task:\n{task}\n\nThoughts so far:\n");
    if path.is_empty() {
        text.push_str("none\n");
    }
    for (number, thought) in path.iter().enumerate() {
        let _ = writeln!(text, "{}. {thought}", number + 1);
    }
    text
}
