//! Who is asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use genai::adapter::AdapterKind;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ModelSpec, ServiceTarget, WebConfig};
use orch_core::Result;

use crate::error;

/// The longest an answer may take unless said otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A protocol, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// OpenAI's chat completions, which many servers speak. The key is `OPENAI_API_KEY`.
    OpenAi,
    /// OpenAI's responses. The key is `OPENAI_API_KEY`.
    OpenAiResponses,
    /// Anthropic's messages. The key is `ANTHROPIC_API_KEY`.
    Anthropic,
    /// Google's Gemini. The key is `GEMINI_API_KEY`.
    Gemini,
    /// Ollama, on this machine unless said otherwise. It needs no key.
    Ollama,
    /// Groq. The key is `GROQ_API_KEY`.
    Groq,
    /// `DeepSeek`. The key is `DEEPSEEK_API_KEY`.
    DeepSeek,
    /// xAI. The key is `XAI_API_KEY`.
    Xai,
    /// Cohere. The key is `COHERE_API_KEY`.
    Cohere,
    /// Amazon Bedrock's converse. The key is `BEDROCK_API_KEY`, the region that of `AWS_REGION`.
    Bedrock,
}

impl Provider {
    /// Whether a stream of its protocol always says why it ends. One that does not was cut, and the client beneath gives it
    /// an end all the same.
    pub(crate) fn says_why_it_ends(self) -> bool {
        matches!(self, Self::Gemini | Self::Ollama | Self::Bedrock)
    }

    fn adapter(self) -> AdapterKind {
        match self {
            Self::OpenAi => AdapterKind::OpenAI,
            Self::OpenAiResponses => AdapterKind::OpenAIResp,
            Self::Anthropic => AdapterKind::Anthropic,
            Self::Gemini => AdapterKind::Gemini,
            Self::Ollama => AdapterKind::Ollama,
            Self::Groq => AdapterKind::Groq,
            Self::DeepSeek => AdapterKind::DeepSeek,
            Self::Xai => AdapterKind::Xai,
            Self::Cohere => AdapterKind::Cohere,
            Self::Bedrock => AdapterKind::BedrockApi,
        }
    }
}

/// A model of a provider, and how it is reached.
#[derive(Clone)]
pub(crate) struct Target {
    client: Client,
    pub(crate) provider: Provider,
    pub(crate) model: String,
    endpoint: Option<String>,
    key: Option<Arc<str>>,
    timeout: Duration,
}

impl Target {
    pub(crate) fn new(provider: Provider, model: String) -> Result<Self> {
        let client = client(&model, TIMEOUT)?;
        Ok(Self { client, provider, model, endpoint: None, key: None, timeout: TIMEOUT })
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Result<Self> {
        Ok(Self { client: client(&self.model, timeout)?, timeout, ..self })
    }

    pub(crate) fn with_key(self, key: Arc<str>) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) fn at(self, mut endpoint: String) -> Self {
        // Without it the last part of the path is lost.
        if !endpoint.ends_with('/') {
            endpoint.push('/');
        }
        Self { endpoint: Some(endpoint), ..self }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where the model is: what was said, and what the provider usually has for the rest.
    pub(crate) async fn resolved(&self) -> Result<ServiceTarget> {
        // The name alone would be looked at to guess whose model it is.
        let known = ModelSpec::Iden(ModelIden::new(self.provider.adapter(), self.model.as_str()));
        let resolved = self.client.resolve_service_target(known).await;
        let mut target = resolved.map_err(|error| error::of(&self.model, self.key(), error))?;
        if let Some(endpoint) = &self.endpoint {
            target.endpoint = Endpoint::from_owned(endpoint.as_str());
        }
        if let Some(key) = &self.key {
            target.auth = AuthData::from_single(&**key);
        }
        Ok(target)
    }
}

fn client(model: &str, timeout: Duration) -> Result<Client> {
    let web = WebConfig::default().with_timeout(timeout).with_connect_timeout(timeout);
    Client::builder().with_web_config(web).build().map_err(|failed| error::of(model, None, failed))
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("provider", &self.provider)
            .field("model", &self.model)
            .field("endpoint", &self.endpoint)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
