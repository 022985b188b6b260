//! Reason and act: a model with tools, in a loop with bounds.

use std::collections::HashSet;

use futures_util::stream::{Stream, StreamExt as _};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Sender;

use super::escalation::{AllowAll, Approver};
use super::turn::{self, CallBounds, Made};
use super::{AgentError, AgentErrorKind};
use crate::model::pieces::sent_by;
use crate::model::{
    AnswerFormat, ChatModel, ChatReply, ChatRequest, Finish, Message, Piece, ToolCall, ToolResult, Usage,
};
use crate::policy::Token;
use crate::structured::{ExtractError, schema_of, whole};
use crate::tool::{Effect, Tools};

/// Turns an agent has unless it is told otherwise.
const TURNS: u32 = 8;
/// Calls of one reply that are looked at, unless more may be made.
const MOST_CALLS: usize = 64;
/// Refusals to repeat a call, after which the agent is stopped.
const REFUSALS: u32 = 3;

/// An agent that thinks, asks for tools, looks at what came of them, and answers (`ReAct`, Yao et al., 2023).
///
/// ```
/// use orch_core::agent::React;
/// use orch_core::model::ScriptedModel;
/// use orch_core::{Result, tool};
///
/// /// Adds two whole numbers.
/// #[tool(reads)]
/// async fn add(a: i64, b: i64) -> Result<i64> {
///     Ok(a + b)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let model = ScriptedModel::new("test").calls("add", r#"{"a": 20, "b": 22}"#).says("It is 42.");
/// let agent = React::new(model, add::tool()).system("You calculate.").max_turns(4);
/// let answer = agent.run("What is 20 + 22?").await?;
/// assert_eq!((answer.value.as_str(), answer.turns, answer.calls), ("It is 42.", 2, 1));
/// # orch_core::Ok(()) }).unwrap();
/// ```
///
/// A model that keeps asking is stopped after so many turns, and one that asks for the same thing with the same
/// arguments gets the answer twice and is then told that it has it. Calls of tools that only read run at the same time.
#[derive(Clone, Debug)]
pub struct React<M, T, A = AllowAll> {
    model: M,
    tools: T,
    approver: A,
    system: Option<String>,
    turns: u32,
    bounds: CallBounds,
    max_tokens: u32,
    temperature: Option<f64>,
}

/// What an agent came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished<V> {
    /// The answer.
    pub value: V,
    /// Why the model stopped: [`Finish::Length`] says that an answer in words is cut.
    pub finish: Finish,
    /// How many times the model was asked.
    pub turns: u32,
    /// How many tools were called.
    pub calls: u32,
    /// What was used.
    pub usage: Usage,
    /// The whole conversation.
    pub messages: Vec<Message>,
}

/// What an agent does, as it does it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AgentEvent {
    /// The model is asked. What it said in turns before was not the answer.
    Turn {
        /// The how manieth time, from 1.
        number: u32,
    },
    /// The model says some more.
    Text(String),
    /// The model failed and another begins anew: what it said in this turn is void.
    Restart {
        /// The model that begins.
        model: String,
    },
    /// The model asks for a tool. Whether it is called, the result says.
    Call(ToolCall),
    /// What came of a call.
    Returned(ToolResult),
    /// It has answered.
    Finished(Finished<String>),
}

/// A step shows what the model says, and comes to the answer.
impl Token for AgentEvent {
    type Whole = String;

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// What was said before a call was not the answer.
    fn restarts(&self) -> bool {
        match self {
            Self::Restart { .. } => true,
            Self::Turn { number } => *number > 1,
            _ => false,
        }
    }

    fn append_to(self, whole: &mut String) {
        if let Self::Finished(finished) = self {
            *whole = finished.value;
        }
    }
}

impl<M: ChatModel, T: Tools> React<M, T> {
    /// An agent of a model and its tools: at most 8 turns of at most 8 calls, and 1,024 tokens an answer.
    pub fn new(model: M, tools: T) -> Self {
        let bounds = CallBounds { a_turn: 8, repeats: 2 };
        Self {
            model,
            tools,
            approver: AllowAll,
            system: None,
            turns: TURNS,
            bounds,
            max_tokens: 1_024,
            temperature: None,
        }
    }
}

impl<M: ChatModel, T: Tools, A: Approver> React<M, T, A> {
    /// Sets its task.
    #[must_use]
    pub fn system(self, task: impl Into<String>) -> Self {
        Self { system: Some(task.into()), ..self }
    }

    /// Asks the model at most so many times; 0 counts as 1.
    #[must_use]
    pub fn max_turns(self, turns: u32) -> Self {
        Self { turns: turns.max(1), ..self }
    }

    /// Makes at most so many calls a turn; the model is told that the others were not made.
    #[must_use]
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.bounds.a_turn = calls;
        self
    }

    /// Makes the same call at most so many times, 2 unless said otherwise.
    #[must_use]
    pub fn max_repeats(mut self, repeats: u32) -> Self {
        self.bounds.repeats = repeats;
        self
    }

    /// Bounds each answer of the model, in tokens.
    #[must_use]
    pub fn max_tokens(self, tokens: u32) -> Self {
        Self { max_tokens: tokens, ..self }
    }

    /// How much chance decides, from 0.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// Asks before each call of a tool that changes something.
    #[must_use]
    pub fn approved_by<B: Approver>(self, approver: B) -> React<M, T, B> {
        let Self { model, tools, system, turns, bounds, max_tokens, temperature, .. } = self;
        React { model, tools, approver, system, turns, bounds, max_tokens, temperature }
    }

    /// Works on a task, and answers in words.
    ///
    /// # Errors
    ///
    /// [`AgentError`], with the conversation so far.
    pub async fn run(&self, task: impl Into<String>) -> Result<Finished<String>, AgentError> {
        self.go_on(Vec::new(), task).await
    }

    /// Goes on with a conversation, such as [`Finished::messages`] of another run.
    ///
    /// # Errors
    ///
    /// [`AgentError`], with the conversation so far.
    pub async fn go_on(
        &self,
        conversation: Vec<Message>,
        task: impl Into<String>,
    ) -> Result<Finished<String>, AgentError> {
        let request = self.request(conversation, task.into());
        self.turns(request, None, |reply| Ok(std::mem::take(&mut reply.text))).await
    }

    /// Works on a task, and tells what it does as it does it: see [`AgentEvent`]. The last is
    /// [`Finished`](AgentEvent::Finished), or an error. The agent goes no further than what is taken of the stream, and is
    /// dropped with it.
    ///
    /// In a workflow it is a step marked `#[stream]`, whose value is the answer.
    ///
    /// ```
    /// use futures_util::StreamExt as _;
    /// use orch_core::agent::{AgentEvent, React};
    /// use orch_core::model::ScriptedModel;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let agent = React::new(ScriptedModel::new("test").says("It is 42."), ());
    /// let mut events = std::pin::pin!(agent.stream("What is 20 + 22?"));
    /// let mut said = String::new();
    /// while let Some(event) = events.next().await {
    ///     if let AgentEvent::Text(text) = event? {
    ///         said.push_str(&text);
    ///     }
    /// }
    /// assert_eq!(said, "It is 42.");
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    pub fn stream(
        &self,
        task: impl Into<String>,
    ) -> impl Stream<Item = Result<AgentEvent, AgentError>> + Send {
        let request = self.request(Vec::new(), task.into());
        sent_by(async move |events: Sender<Result<AgentEvent, AgentError>>| {
            let answer = self.turns(request, Some(&events), |reply| Ok(std::mem::take(&mut reply.text)));
            let last = answer.await.map(AgentEvent::Finished);
            // If nobody listens, there is nobody to tell.
            let _ = events.send(last).await;
        })
    }

    /// Works on a task, and answers with a value. An answer that is none costs a turn, in which the model is told what is
    /// wrong with it.
    ///
    /// ```
    /// use orch_core::agent::React;
    /// use orch_core::model::ScriptedModel;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Verdict {
    ///     guilty: bool,
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let model = ScriptedModel::new("test").says("Guilty!").says(r#"{"guilty": true}"#);
    /// let answer = React::new(model, ()).run_as::<Verdict>("Did he do it?").await?;
    /// assert!(answer.value.guilty && answer.turns == 2);
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`AgentError`], with the conversation so far.
    pub async fn run_as<V: DeserializeOwned + JsonSchema>(
        &self,
        task: impl Into<String>,
    ) -> Result<Finished<V>, AgentError> {
        let schema = schema_of::<V>();
        let task = format!(
            "{}\n\nYour last message must be only a JSON value of this schema:\n{}",
            task.into(),
            schema.schema
        );
        let mut request = self.request(Vec::new(), task);
        // With tools, a form for every answer would keep most models from asking for one.
        if request.tools.is_empty() {
            request.answer = AnswerFormat::Json(schema);
        }
        self.turns(request, None, |reply| whole(&reply.text, reply.finish)).await
    }

    /// Whether none of its tools changes something.
    pub(super) fn only_reads(&self) -> bool {
        self.tools.specs().iter().all(|spec| self.tools.effect(&spec.name) == Some(Effect::Reads))
    }

    fn request(&self, mut messages: Vec<Message>, task: String) -> ChatRequest {
        if let Some(system) = self.system.as_ref().filter(|_| messages.is_empty()) {
            messages.push(Message::system(system));
        }
        messages.push(Message::user(task));
        let mut request = ChatRequest::new(messages).tools(self.tools.specs()).max_tokens(self.max_tokens);
        request.temperature = self.temperature;
        request
    }

    async fn turns<V>(
        &self,
        mut request: ChatRequest,
        events: Option<&Sender<Result<AgentEvent, AgentError>>>,
        read: impl Fn(&mut ChatReply) -> Result<V, ExtractError>,
    ) -> Result<Finished<V>, AgentError> {
        let (mut usage, mut calls, mut refusals) = (Usage::default(), 0, 0);
        let mut made = Made::default();
        let mut revision = self.tools.revision();
        let mut unread = None;
        for turn in 1..=self.turns {
            let failed = |kind, request: ChatRequest, usage| {
                Err(AgentError { kind, turns: turn, usage, messages: request.messages })
            };
            if self.tools.revision() != revision {
                revision = self.tools.revision();
                request.tools = self.tools.specs();
            }
            let asked = match events {
                Some(events) => told(&self.model, &request, turn, events).await,
                None => self.model.chat(&request).await,
            };
            let mut reply = match asked {
                Ok(reply) => reply,
                Err(error) => return failed(AgentErrorKind::Model(error), request, usage),
            };
            usage += reply.usage;
            if reply.finish == Finish::Filtered {
                return failed(AgentErrorKind::Filtered, request, usage);
            }
            if !reply.calls.is_empty() {
                // The others are not even answered: a reply of a hundred thousand would make a request of as many.
                reply.calls.truncate(MOST_CALLS.max(self.bounds.a_turn));
                name(&mut reply, turn);
                let done =
                    turn::make(&self.tools, &self.approver, &reply.calls, self.bounds, &mut made).await;
                if let Some(events) = events {
                    for result in &done.results {
                        if let Message::Tool(result) = result {
                            tell(events, AgentEvent::Returned(result.clone())).await;
                        }
                    }
                }
                request.messages.push(Message::Assistant { text: reply.text, calls: reply.calls });
                request.messages.extend(done.results);
                if let Some(error) = done.broken {
                    return failed(AgentErrorKind::Model(error), request, usage);
                }
                calls += done.made;
                if let Some(tool) = done.repeated {
                    refusals += 1;
                    if refusals == REFUSALS {
                        return failed(AgentErrorKind::Repeats { tool }, request, usage);
                    }
                }
                continue;
            }
            if reply.text.trim().is_empty() {
                request.messages.push(Message::user("You said nothing. Answer, or ask for a tool."));
                continue;
            }
            request.messages.push(Message::assistant(&reply.text));
            let finish = reply.finish;
            match read(&mut reply) {
                Ok(value) => {
                    return Ok(Finished {
                        value,
                        finish,
                        turns: turn,
                        calls,
                        usage,
                        messages: request.messages,
                    });
                }
                Err(error) => {
                    let wrong = format!(
                        "That is not what the schema says: {}. Answer with only the JSON value.",
                        error.reason
                    );
                    request.messages.push(Message::user(wrong));
                    unread = Some(error);
                }
            }
        }
        let kind = unread.map_or(AgentErrorKind::Turns { max: self.turns }, AgentErrorKind::Answer);
        Err(AgentError { kind, turns: self.turns, usage, messages: request.messages })
    }
}

/// Tells of something. If nobody listens, the stream is being dropped.
async fn tell(events: &Sender<Result<AgentEvent, AgentError>>, event: AgentEvent) {
    let _ = events.send(Ok(event)).await;
}

/// Asks a model for its answer in pieces, tells of each, and puts them together.
async fn told<M: ChatModel>(
    model: &M,
    request: &ChatRequest,
    turn: u32,
    events: &Sender<Result<AgentEvent, AgentError>>,
) -> crate::Result<ChatReply> {
    tell(events, AgentEvent::Turn { number: turn }).await;
    let pieces = model.stream(request).then(async |piece| {
        match &piece {
            Ok(Piece::Text(text)) => tell(events, AgentEvent::Text(text.clone())).await,
            Ok(Piece::Call(call)) => tell(events, AgentEvent::Call(call.clone())).await,
            Ok(Piece::Restart { model }) => {
                tell(events, AgentEvent::Restart { model: model.clone() }).await;
            }
            _ => {}
        }
        piece
    });
    ChatReply::collect(model.name(), pieces).await
}

/// Gives each call an id of its own, where the model has not.
fn name(reply: &mut ChatReply, turn: u32) {
    let mut ids = HashSet::new();
    for (number, call) in reply.calls.iter_mut().enumerate() {
        if call.id.is_empty() || !ids.insert(call.id.clone()) {
            call.id = format!("call_{turn}_{number}");
        }
    }
}
