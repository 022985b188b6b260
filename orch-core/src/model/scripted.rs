//! A model for tests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{ChatModel, ChatReply, ChatRequest, ModelError, ModelErrorKind, ToolCall, Usage};
use crate::error::Result;

/// A model that says what it is told to, in order, and remembers what it was asked.
///
/// ```
/// use orch_core::model::{ChatModel, ChatRequest, Message, ScriptedModel};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let model = ScriptedModel::new("test").says("hello").fails("overloaded");
/// let request = ChatRequest::new(vec![Message::user("hi")]);
/// assert_eq!(model.chat(&request).await?.text, "hello");
/// assert!(model.chat(&request).await.unwrap_err().to_string().contains("overloaded"));
/// assert_eq!(model.asked().len(), 2);
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    name: String,
    delay: Duration,
    shared: Arc<Mutex<Script>>,
    answer: Option<Answer>,
}

/// What makes an answer of a request.
type Answer = Arc<dyn Fn(&ChatRequest) -> Result<ChatReply> + Send + Sync>;

#[derive(Default)]
struct Script {
    lines: VecDeque<Result<ChatReply, String>>,
    asked: Vec<ChatRequest>,
}

impl ScriptedModel {
    /// A model that has nothing to say yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), delay: Duration::ZERO, shared: Arc::default(), answer: None }
    }

    /// Answers every request that finds the script at its end by a function.
    #[must_use]
    pub fn answers(self, answer: impl Fn(&ChatRequest) -> Result<ChatReply> + Send + Sync + 'static) -> Self {
        Self { answer: Some(Arc::new(answer)), ..self }
    }

    /// Takes so long for each answer.
    #[must_use]
    pub fn takes(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Then says this. A token is taken to be a word.
    #[must_use]
    pub fn says(self, text: impl Into<String>) -> Self {
        let text = text.into();
        let usage = Usage { input_tokens: 0, output_tokens: text.split_whitespace().count() as u64 };
        self.replies(ChatReply::new(text, usage))
    }

    /// Then asks for a tool.
    #[must_use]
    pub fn calls(self, tool: &str, arguments: &str) -> Self {
        let id = format!("call_{}", self.script().lines.len());
        let call = ToolCall::new(id, tool, arguments);
        self.replies(ChatReply::asking(vec![call], Usage::default()))
    }

    /// Then gives this reply.
    #[must_use]
    pub fn replies(self, reply: ChatReply) -> Self {
        self.script().lines.push_back(Ok(reply));
        self
    }

    /// Then fails as a provider does that has no connection.
    #[must_use]
    pub fn fails(self, why: impl Into<String>) -> Self {
        self.script().lines.push_back(Err(why.into()));
        self
    }

    /// What the model was asked, oldest first. Requests answered by a function are not kept.
    #[must_use]
    pub fn asked(&self) -> Vec<ChatRequest> {
        self.script().asked.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, why: String) -> crate::Error {
        ModelError::new(&self.name, ModelErrorKind::Connection(why)).into_error()
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ChatModel for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    /// Fails when the script is at its end.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let line = {
            let mut script = self.script();
            let line = script.lines.pop_front();
            if line.is_some() || self.answer.is_none() {
                script.asked.push(request.clone());
            }
            line
        };
        match (line, &self.answer) {
            (Some(line), _) => line.map_err(|why| self.error(why)),
            (None, Some(answer)) => answer(request),
            (None, None) => Err(self.error("the script is at its end".to_owned())),
        }
    }
}
