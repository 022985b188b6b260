//! What a team knows: notes that its members post and read.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Result;
use crate::model::{ToolCall, ToolSpec};
use crate::tool::{Declared, Effect, ToolError, Tools};

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

/// A member's hands on a workspace: tools by which its model posts notes and reads those of others.
#[derive(Clone, Debug)]
pub struct Notes<E> {
    workspace: Workspace<E>,
    author: String,
}

/// A note to post.
#[derive(Deserialize, JsonSchema)]
struct Post<E> {
    /// What the others should know.
    note: E,
}

/// Which notes to read.
#[derive(Deserialize, JsonSchema)]
struct Read {
    /// How many notes to leave out at the beginning: those that were read before.
    #[serde(default)]
    after: usize,
}

const POST: Declared<'static> =
    Declared::new("post_note", "Tells your team something: it is added to the shared notes.", Effect::Writes);
const READ: Declared<'static> =
    Declared::new("read_notes", "Reads the notes your team has shared, oldest first.", Effect::Reads);

impl<E: Clone> Workspace<E> {
    /// Tools by which a member posts under its name, and reads: `post_note` and `read_notes`.
    ///
    /// ```
    /// use orch_core::agent::React;
    /// use orch_core::agent::team::Workspace;
    /// use orch_core::model::ScriptedModel;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let workspace: Workspace<String> = Workspace::with_room_for(100);
    /// let model = ScriptedModel::new("m").calls("post_note", r#"{"note": "3 pages"}"#).says("Posted.");
    /// let searcher = React::new(model, workspace.tools("searcher"));
    /// searcher.run("Say how many pages there are.").await?;
    /// assert_eq!((workspace.notes()[0].author.as_str(), workspace.notes()[0].entry.as_str()), ("searcher", "3 pages"));
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn tools(&self, author: impl Into<String>) -> Notes<E> {
        Notes { workspace: self.clone(), author: author.into() }
    }
}

impl<E> Tools for Notes<E>
where
    E: Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync,
{
    fn specs(&self) -> Vec<ToolSpec> {
        vec![POST.spec::<Post<E>>(), READ.spec::<Read>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        [POST, READ].iter().find(|declared| declared.name() == tool).map(Declared::effect)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        if call.tool == POST.name() {
            let post = async |Post { note }| self.workspace.post(&self.author, note).map(|()| "posted");
            return POST.call(call, post).await;
        }
        let read = async |Read { after }| {
            let mut text = String::new();
            for (number, Note { author, entry, .. }) in self.workspace.notes().iter().enumerate().skip(after)
            {
                let entry = serde_json::to_string(entry)?;
                let _ = writeln!(text, "{}. {author}: {entry}", number + 1);
            }
            Result::<_, serde_json::Error>::Ok(if text.is_empty() { "no notes".to_owned() } else { text })
        };
        READ.call(call, read).await
    }
}
