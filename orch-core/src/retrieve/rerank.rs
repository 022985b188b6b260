//! Passages in a better order.

use std::future::Future;

use super::Hit;
use crate::error::Result;

/// Puts hits in a better order than the search could afford to. Any async closure from query and hits to hits is one.
pub trait Reranker: Send + Sync {
    /// The hits, best first; some may be left out, none added.
    fn rerank(&self, query: &str, hits: Vec<Hit>) -> impl Future<Output = Result<Vec<Hit>>> + Send;
}

#[cfg(feature = "agents")]
mod by_model {
    use futures_util::future::join_all;
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::{Hit, Reranker};
    use crate::error::Result;
    use crate::model::{ChatModel, ChatRequest, Message};
    use crate::structured::structured;

    /// Letters of a passage that a model is shown.
    const SHOWN: usize = 4_000;

    /// A [`Reranker`] that has a model judge each passage by itself, all at the same time.
    ///
    /// A passage whose judgement fails keeps its place behind those that were judged; when all fail, that is an error.
    #[derive(Clone, Debug)]
    pub struct ModelReranker<M> {
        model: M,
        at_least: u8,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Relevance {
        /// How well the passage answers the question, from 0 (not at all) to 10 (completely).
        score: u8,
    }

    impl<M: ChatModel> ModelReranker<M> {
        /// Has `model` judge.
        pub fn new(model: M) -> Self {
            Self { model, at_least: 0 }
        }

        /// Leaves out passages with a lower score, from 0 to 10.
        #[must_use]
        pub fn at_least(self, score: u8) -> Self {
            Self { at_least: score, ..self }
        }

        async fn judge(&self, query: &str, hit: &Hit) -> Result<u8> {
            let passage = &hit.passage.text[..hit.passage.text.floor_char_boundary(SHOWN)];
            let ask =
                format!("Question:\n{query}\n\nPassage:\n{passage}\n\nHow well does the passage answer it?");
            let request = ChatRequest::new(vec![Message::user(ask)]).max_tokens(32).temperature(0.0);
            Ok(structured::<Relevance>(&self.model, request).await?.value.score.min(10))
        }
    }

    impl<M: ChatModel> Reranker for ModelReranker<M> {
        async fn rerank(&self, query: &str, hits: Vec<Hit>) -> Result<Vec<Hit>> {
            let judged = join_all(hits.iter().map(|hit| self.judge(query, hit))).await;
            let (mut ranked, mut unknown, mut failure) = (Vec::new(), Vec::new(), None);
            for (hit, score) in hits.into_iter().zip(judged) {
                match score {
                    Ok(score) => ranked.push(Hit { score: f64::from(score), ..hit }),
                    Err(error) => {
                        failure = Some(error);
                        unknown.push(Hit { score: 0.0, ..hit });
                    }
                }
            }
            if let Some(error) = failure.filter(|_| ranked.is_empty()) {
                return Err(error);
            }
            ranked.retain(|hit| hit.score >= f64::from(self.at_least));
            ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
            ranked.extend(unknown);
            Ok(ranked)
        }
    }
}

#[cfg(feature = "agents")]
pub use by_model::ModelReranker;
