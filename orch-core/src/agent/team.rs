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
//! They share what they know on a [`Workspace`], by [tools](Workspace::tools) or by code, and hear of it as it is posted. A [`debate`] has members answer the same
//! question, look at each other's answers, and answer again; functions of [`vote`](crate::vote) decide.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use super::React;
use super::escalation::{AllowAll, Approver};
use crate::error::Error;
use crate::model::{ChatModel, ToolCall, ToolSpec};
use crate::tool::{Declared, Effect, ToolError, Tools};

pub use super::workspace::{Note, Notes, Reader, Workspace, WorkspaceFull};

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

/// Who takes part in a [`debate`]: a slice or a tuple of [`Member`]s.
pub trait Debaters: Sync {
    /// Their names, in order.
    fn names(&self) -> Vec<&str>;

    /// What each answers, asked at the same time, in order.
    fn answers(&self, question: &str) -> impl Future<Output = Vec<Result<String, Error>>> + Send;
}

impl<M: ChatModel, T: Tools, A: Approver> Member<M, T, A> {
    async fn answer(&self, question: &str) -> Result<String, Error> {
        let answered = tokio::time::timeout(self.timeout, self.agent.run(question)).await;
        answered.map_err(|_| Error::timeout(self.timeout))?.map(|done| done.value).map_err(Error::from)
    }
}

impl<M: ChatModel, T: Tools, A: Approver> Debaters for [Member<M, T, A>] {
    fn names(&self) -> Vec<&str> {
        self.iter().map(Member::name).collect()
    }

    async fn answers(&self, question: &str) -> Vec<Result<String, Error>> {
        join_all(self.iter().map(|member| member.answer(question))).await
    }
}

impl<M: ChatModel, T: Tools, A: Approver, const N: usize> Debaters for [Member<M, T, A>; N] {
    fn names(&self) -> Vec<&str> {
        self.as_slice().names()
    }

    async fn answers(&self, question: &str) -> Vec<Result<String, Error>> {
        self.as_slice().answers(question).await
    }
}

macro_rules! debaters {
    ($($model:ident $tools:ident $approver:ident $place:tt),*) => {
        impl<$($model: ChatModel, $tools: Tools, $approver: Approver),*> Debaters
            for ($(Member<$model, $tools, $approver>,)*)
        {
            fn names(&self) -> Vec<&str> {
                vec![$(self.$place.name()),*]
            }

            async fn answers(&self, question: &str) -> Vec<Result<String, Error>> {
                join_all([$(Box::pin(self.$place.answer(question)) as Answering<'_>),*]).await
            }
        }
    };
}

/// What members of several types have in common while they answer.
type Answering<'a> = Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>>;

debaters!(M0 T0 A0 0, M1 T1 A1 1);
debaters!(M0 T0 A0 0, M1 T1 A1 1, M2 T2 A2 2);
debaters!(M0 T0 A0 0, M1 T1 A1 1, M2 T2 A2 2, M3 T3 A3 3);
debaters!(M0 T0 A0 0, M1 T1 A1 1, M2 T2 A2 2, M3 T3 A3 3, M4 T4 A4 4);

/// Has all members answer a question at the same time, then look at each other's answers and answer again, for so many
/// rounds in all (0 counts as 1). A member that fails is left out of its round and may come back in the next. The debate
/// ends early when a round has nothing but failures, when all who answered agree to the letter, or when a guard, a budget
/// or a deadline refuses one.
///
/// Members of one type are a slice, those of several a tuple.
pub async fn debate(members: &(impl Debaters + ?Sized), question: &str, rounds: u32) -> Debate {
    let names = members.names();
    let mut debate = Debate { rounds: Vec::new() };
    let mut ask = question.to_owned();
    for _ in 0..rounds.max(1) {
        debate.rounds.push(members.answers(&ask).await);
        let given = debate.answers();
        let agree = given.windows(2).all(|pair| pair[0].1.trim() == pair[1].1.trim());
        let last = debate.rounds.last().into_iter().flatten();
        let refused = last.filter_map(|answer| answer.as_ref().err()).any(Error::ends_a_run);
        if given.is_empty() || agree || refused {
            break;
        }
        let mut next = format!("{question}\n\nOthers answered:\n");
        for (member, answer) in given {
            let _ = writeln!(next, "{}: {answer}", names[member]);
        }
        next.push_str("\nConsider their answers, and answer the question again.");
        ask = next;
    }
    debate
}
