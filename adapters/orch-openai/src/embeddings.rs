//! Embeddings.

use orch_core::Result;
use orch_core::model::{ModelErrorKind, Usage};
use orch_core::router::{Encoder, Vectors, in_order, sendable};
use serde::{Deserialize, Serialize};

use crate::wire::Tokens;
use crate::{Server, server};

/// An embedding model of a server.
#[derive(Clone, Debug)]
pub struct Embeddings {
    server: Server,
    model: String,
    identity: String,
    dimensions: usize,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Row>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Row {
    index: usize,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// Asks the server once, to learn how long the model's vectors are.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or has no such model.
    pub async fn connect(server: Server, model: impl Into<String>) -> Result<Self> {
        let model = model.into();
        let mut embeddings = Self { server, model, identity: String::new(), dimensions: 0 };
        let vectors = embeddings.encode(&["dimensions"]).await?.vectors;
        embeddings.dimensions = vectors.first().map_or(0, Vec::len);
        embeddings.identity = format!("{} of a server, {} numbers", embeddings.model, embeddings.dimensions);
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
        let input = texts.iter().map(|text| sendable(text)).collect();
        let request = Request { model: &self.model, input };
        let Response { data, usage } =
            self.server.post(&self.model, "embeddings", serde_json::to_vec(&request)?).await?;
        let vectors = data.into_iter().map(|row| (row.index, row.embedding)).collect();
        let vectors = in_order(vectors, texts.len())
            .map_err(|what| server::error(&self.model, ModelErrorKind::Malformed(what)))?;
        Ok(Vectors { vectors, usage: usage.map(Usage::from) })
    }
}
