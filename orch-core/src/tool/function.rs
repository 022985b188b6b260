//! A tool that is known only when the program runs.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;

use super::{Declared, Effect, MAX_BYTES, TIMEOUT, ToolError, Tools};
use crate::error::Result;
use crate::model::{ToolCall, ToolSpec};

/// A tool of a closure, with a schema that is known only when the program runs.
///
/// ```
/// use orch_core::model::{ToolCall, ToolSpec};
/// use orch_core::tool::{Effect, FunctionTool, Tools};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let spec = ToolSpec {
///     name: "shout".into(),
///     description: "Says a text louder.".into(),
///     parameters: r#"{"type": "object", "properties": {"text": {"type": "string"}}}"#.into(),
/// };
/// let tool = FunctionTool::new(spec, Effect::Reads, |arguments| async move {
///     Ok(arguments["text"].as_str().unwrap_or_default().to_uppercase())
/// });
/// let tool = tool.max_bytes(1_000);
/// let arguments = r#"{"text": "hello"}"#.to_owned();
/// assert_eq!(tool.call(&ToolCall::new("1", "shout", arguments)).await?, "HELLO");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct FunctionTool<F> {
    spec: ToolSpec,
    effect: Effect,
    timeout: Duration,
    max_bytes: usize,
    work: F,
}

impl<F: Fn(Value) -> R + Send + Sync, R: Future<Output = Result<String>> + Send> FunctionTool<F> {
    /// A tool whose work is `work`, with the bounds every tool has.
    pub fn new(spec: ToolSpec, effect: Effect, work: F) -> Self {
        Self { spec, effect, timeout: TIMEOUT, max_bytes: MAX_BYTES, work }
    }

    /// It may take so long, in place of 30 seconds.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// So many bytes of what it gives reach the model, in place of 16 KiB.
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }
}

impl<F> fmt::Debug for FunctionTool<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool").field("name", &self.spec.name).finish_non_exhaustive()
    }
}

impl<F: Fn(Value) -> R + Send + Sync, R: Future<Output = Result<String>> + Send> Tools for FunctionTool<F> {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![self.spec.clone()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == &*self.spec.name).then_some(self.effect)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        let declared = Declared::new(&self.spec.name, &self.spec.description, self.effect)
            .timeout(self.timeout)
            .max_bytes(self.max_bytes);
        declared.call(call, async |arguments| (self.work)(arguments).await).await
    }
}
