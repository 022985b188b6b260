//! Several agents, each with a model, tools, a task and a context of its own.
//!
//! A [`Member`] is an agent that others can ask: it is a tool. A supervisor is an agent whose tools are its members, and a
//! member asks for help when it has members as tools of its own. A member is made before whoever asks it, and is part of
//! it; so a delegation that leads back to where it came from cannot be written.
//!
//! ```
//! use orch_core::agent::React;
//! use orch_core::agent::team::Member;
//! use orch_core::model::ScriptedModel;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let reader = React::new(ScriptedModel::new("small").says("It is about hinges."), ());
//! let reader = Member::new("reader", "Reads a document and says what it is about.", reader);
//! let boss = ScriptedModel::new("large").calls("reader", r#"{"task": "doc 7"}"#).says("Hinges.");
//! let supervisor = React::new(boss, (reader,)).system("You lead. Give work to your team.");
//! assert_eq!(supervisor.run("What is doc 7 about?").await?.value, "Hinges.");
//! # orch_core::Ok(()) }).unwrap();
//! ```
//!
//! They share what they know on a [`Workspace`], and hear of it as it is posted. A [`debate`] has members answer the same
//! question, look at each other's answers, and answer again; functions of [`vote`](crate::vote) decide.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::React;
use super::escalation::{AllowAll, Approver};
use crate::error::Error;
use crate::model::{ChatModel, ToolCall, ToolSpec};
use crate::tool::{Declared, Effect, ToolError, Tools};

/// How long a member may work on what it is asked, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_mins(5);

/// An agent that other agents can ask.
#[derive(Clone, Debug)]
pub struct Member<M, T, A = AllowAll> {
    name: String,
    description: String,
    agent: React<M, T, A>,
    timeout: Duration,
}

/// What a member is asked.
#[derive(Deserialize, JsonSchema)]
struct Ask {
    /// What to do, with all that has to be known for it.
    task: String,
}

impl<M: ChatModel, T: Tools, A: Approver> Member<M, T, A> {
    /// A member by its name, which is that of the tool, and what it is good for.
    pub fn new(name: impl Into<String>, description: impl Into<String>, agent: React<M, T, A>) -> Self {
        Self { name: name.into(), description: description.into(), agent, timeout: TIMEOUT }
    }

    /// Works on what it is asked no longer than this.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The agent itself.
    #[must_use]
    pub fn agent(&self) -> &React<M, T, A> {
        &self.agent
    }

    /// What its tools may do is what asking it may do: nothing only where it has none that changes something.
    fn declared(&self) -> Declared<'_> {
        let effect = if self.agent.only_reads() { Effect::Reads } else { Effect::Writes };
        Declared::new(&self.name, &self.description, effect).timeout(self.timeout)
    }
}

impl<M: ChatModel, T: Tools, A: Approver> Tools for Member<M, T, A> {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![self.declared().spec::<Ask>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == self.name).then(|| self.declared().effect())
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        // The future of an agent holds those of its tools; a box keeps that of a team from growing with its depth.
        let work = async |Ask { task }| {
            Box::pin(self.agent.run(task)).await.map(|done| done.value).map_err(Error::from)
        };
        self.declared().call(call, work).await
    }
}

/// What one member posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<E> {
    /// Who.
    pub author: String,
    /// When.
    pub at: Instant,
    /// What.
    pub entry: E,
}

/// What a team knows: notes of a type of yours, in the order in which they were posted. A clone is the same workspace.
///
/// ```
/// use orch_core::agent::team::Workspace;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let workspace = Workspace::with_room_for(100);
/// let mut reader = workspace.reader();
/// workspace.post("searcher", "found 3 pages")?;
/// assert_eq!(reader.next().await.unwrap().entry, "found 3 pages");
/// assert_eq!(workspace.notes().len(), 1);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Workspace<E> {
    shared: Arc<Mutex<Board<E>>>,
    room: usize,
    posted: watch::Sender<usize>,
}

#[derive(Debug)]
struct Board<E> {
    notes: Vec<Note<E>>,
}

/// The workspace has no room for another note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkspaceFull {
    /// How many notes it has room for.
    pub room: usize,
}

impl std::fmt::Display for WorkspaceFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the workspace has room for {} notes, and they are written", self.room)
    }
}

impl std::error::Error for WorkspaceFull {}

impl<E: Clone> Workspace<E> {
    /// A workspace that takes so many notes.
    #[must_use]
    pub fn with_room_for(notes: usize) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Board { notes: Vec::new() })),
            room: notes,
            posted: watch::Sender::new(0),
        }
    }

    /// Adds a note; whoever [reads along](Workspace::reader) hears of it.
    ///
    /// # Errors
    ///
    /// When there is no room.
    pub fn post(&self, author: impl Into<String>, entry: E) -> Result<(), WorkspaceFull> {
        let mut board = self.board();
        if board.notes.len() >= self.room {
            return Err(WorkspaceFull { room: self.room });
        }
        board.notes.push(Note { author: author.into(), at: Instant::now(), entry });
        self.posted.send_replace(board.notes.len());
        Ok(())
    }

    /// All notes so far.
    #[must_use]
    pub fn notes(&self) -> Vec<Note<E>> {
        self.board().notes.clone()
    }

    /// Reads every note, those already posted first, and waits for more.
    #[must_use]
    pub fn reader(&self) -> Reader<E> {
        Reader { shared: Arc::clone(&self.shared), posted: self.posted.subscribe(), read: 0 }
    }

    fn board(&self) -> MutexGuard<'_, Board<E>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever reads a workspace along. None is missed, however slow the reader is.
#[derive(Debug)]
pub struct Reader<E> {
    shared: Arc<Mutex<Board<E>>>,
    posted: watch::Receiver<usize>,
    read: usize,
}

impl<E: Clone> Reader<E> {
    /// The next note; `None` when all are read and no workspace is left that could post one.
    pub async fn next(&mut self) -> Option<Note<E>> {
        loop {
            let note =
                self.shared.lock().unwrap_or_else(PoisonError::into_inner).notes.get(self.read).cloned();
            if note.is_some() {
                self.read += 1;
                return note;
            }
            let read = self.read;
            self.posted.wait_for(|posted| *posted > read).await.ok()?;
        }
    }
}

/// The answers of a [`debate`], round by round.
#[derive(Debug)]
pub struct Debate {
    /// For each round, each member's answer, in their order.
    pub rounds: Vec<Vec<Result<String, Error>>>,
}

impl Debate {
    /// The last answer of each member that gave one, in their order, with its place.
    #[must_use]
    pub fn answers(&self) -> Vec<(usize, &str)> {
        let last = self.rounds.last().map(Vec::as_slice).unwrap_or_default();
        let answers = last.iter().enumerate();
        answers.filter_map(|(member, answer)| Some((member, answer.as_ref().ok()?.as_str()))).collect()
    }
}

/// Has all members answer a question at the same time, then look at each other's answers and answer again, for so many
/// rounds in all (0 counts as 1). A member that fails is left out of its round and may come back in the next. The debate
/// ends early when a round has nothing but failures, or when all who answered agree to the letter.
pub async fn debate<M: ChatModel, T: Tools, A: Approver>(
    members: &[Member<M, T, A>],
    question: &str,
    rounds: u32,
) -> Debate {
    let mut debate = Debate { rounds: Vec::new() };
    let mut ask = question.to_owned();
    for _ in 0..rounds.max(1) {
        let answers = join_all(members.iter().map(async |member| {
            let answered = tokio::time::timeout(member.timeout, member.agent.run(&ask)).await;
            answered.map_err(|_| Error::timeout(member.timeout))?.map(|done| done.value).map_err(Error::from)
        }));
        debate.rounds.push(answers.await);
        let given = debate.answers();
        let agree = given.windows(2).all(|pair| pair[0].1.trim() == pair[1].1.trim());
        if given.is_empty() || agree {
            break;
        }
        let mut next = format!("{question}\n\nOthers answered:\n");
        for (member, answer) in given {
            let _ = writeln!(next, "{}: {answer}", members[member].name);
        }
        next.push_str("\nConsider their answers, and answer the question again.");
        ask = next;
    }
    debate
}
