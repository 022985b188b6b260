//! What is said in a conversation.

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "json", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Message {
    /// Whoever set the model its task speaks.
    System(String),
    /// Whoever uses the model speaks.
    User(String),
    /// The model speaks, asks for tools, or both.
    Assistant {
        /// What it says; empty when it only asks for tools.
        text: String,
        /// The tools it asks for.
        calls: Vec<ToolCall>,
    },
    /// What came of a tool the model asked for.
    Tool(ToolResult),
}

impl Message {
    /// A message that sets the task.
    pub fn system(text: impl Into<String>) -> Self {
        Self::System(text.into())
    }

    /// A user's message.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User(text.into())
    }

    /// A message of the model that asks for no tool.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant { text: text.into(), calls: Vec::new() }
    }

    /// What is said.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::System(text) | Self::User(text) | Self::Assistant { text, .. } => text,
            Self::Tool(result) => &result.text,
        }
    }

    /// How providers call who speaks: `system`, `user`, `assistant` or `tool`.
    #[must_use]
    pub fn role(&self) -> &'static str {
        match self {
            Self::System(_) => "system",
            Self::User(_) => "user",
            Self::Assistant { .. } => "assistant",
            Self::Tool(_) => "tool",
        }
    }

    /// The bytes that are sent for it, without what the protocol adds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let calls = match self {
            Self::Assistant { calls, .. } => {
                let signed = |call: &ToolCall| call.signatures.iter().map(String::len).sum::<usize>();
                calls.iter().map(|call| call.tool.len() + call.arguments.len() + signed(call)).sum()
            }
            Self::Tool(result) => result.tool.len(),
            Self::System(_) | Self::User(_) => 0,
        };
        self.text().len() + calls
    }
}

/// A tool a model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ToolCall {
    /// What the provider calls this call, so that the result finds it.
    pub id: String,
    /// The tool's name, as the model says it: there may be no such tool.
    pub tool: String,
    /// The arguments, a JSON object as the model wrote it: it may be malformed.
    pub arguments: String,
    /// What the provider wants back with the call, as it gave it: Gemini's thought signatures. Most give none.
    #[cfg_attr(feature = "json", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub signatures: Vec<String>,
}

impl ToolCall {
    /// A call by its id, the tool's name, and the arguments as JSON.
    pub fn new(id: impl Into<String>, tool: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), tool: tool.into(), arguments: arguments.into(), signatures: Vec::new() }
    }
}

/// What came of a [`ToolCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
pub struct ToolResult {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// What it gave, or why it failed.
    pub text: String,
    /// Whether it failed.
    pub failed: bool,
}
