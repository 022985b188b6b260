//! Embeddings.

use std::sync::Arc;

use orch_core::Result;
use orch_core::model::Usage;
use orch_core::router::{Encoder, Vectors, in_order, sendable};

use crate::provider::Target;
use crate::{Provider, error};

/// An embedding model of a provider.
#[derive(Clone, Debug)]
pub struct Embeddings {
    target: Target,
    identity: String,
    dimensions: usize,
}

impl Embeddings {
    /// Asks the provider once, to learn how long the model's vectors are. With a key and an address where the usual ones
    /// do not do.
    ///
    /// # Errors
    ///
    /// When the provider does not answer, or has no such model.
    pub async fn connect(
        provider: Provider,
        model: impl Into<String>,
        key: Option<Arc<str>>,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let mut target = Target::new(provider, model.into())?;
        if let Some(key) = key {
            target = target.with_key(key);
        }
        if let Some(endpoint) = endpoint {
            target = target.at(endpoint);
        }
        let mut embeddings = Self { target, identity: String::new(), dimensions: 0 };
        let vectors = embeddings.encode(&["dimensions"]).await?.vectors;
        embeddings.dimensions = vectors.first().map_or(0, Vec::len);
        let name = &embeddings.target.model;
        embeddings.identity = format!("{name} of {provider:?}, {} numbers", embeddings.dimensions);
        Ok(embeddings)
    }
}

impl Encoder for Embeddings {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let inputs = texts.iter().map(|text| sendable(text).to_owned()).collect();
        let (model, target) = (&self.target.model, self.target.resolved().await?);
        let answered = self.target.client().embed_batch(target, inputs, None).await;
        let answered = answered.map_err(|failed| error::of(model, self.target.key(), failed))?;
        let tokens = answered.usage.prompt_tokens.and_then(|tokens| u64::try_from(tokens).ok());
        let usage = tokens.map(|input_tokens| Usage { input_tokens, output_tokens: 0 });
        let vectors = answered.embeddings.into_iter().map(|one| (one.index, one.vector)).collect();
        let vectors = in_order(vectors, texts.len()).map_err(|what| error::malformed(model, &what))?;
        Ok(Vectors { vectors, usage })
    }
}
