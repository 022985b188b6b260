//! Retrieval: documents cut into passages, found again by words and by meaning, and put before a model with their
//! sources.
//!
//! ```
//! use orch_core::retrieve::{Chunker, Document, Index, MemoryStore, Retrieved};
//! # use orch_core::{Result, router::{Encoder, Vectors}};
//! # struct Vowels;
//! # impl Encoder for Vowels {
//! #     fn identity(&self) -> &str { "vowels 1" }
//! #     fn dimensions(&self) -> usize { 5 }
//! #     async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
//! #         let count = |text: &str, vowel| text.matches(vowel).count() as f32 + 0.1;
//! #         Ok(texts.iter().map(|text| ["a", "e", "i", "o", "u"].map(|vowel| count(text, vowel)).to_vec()).collect())
//! #     }
//! # }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let index = Index::new(Vowels, MemoryStore::new(), Chunker::sentences(200, 20));
//! index.add(&Document::new("returns.md", "You can send an order back within 30 days.")).await?;
//! index.add(&Document::new("lock.md", "The lock blinks while it pairs.")).await?;
//!
//! let Retrieved::Found(hits) = index.search("how many days to send it back?", 1).await? else { panic!() };
//! assert_eq!(hits[0].passage.document, "returns.md");
//! # orch_core::Ok(()) }).unwrap();
//! ```

mod bm25;
mod chunk;
mod cite;
mod fuse;
mod index;
mod memory_store;
mod rerank;

pub use bm25::Bm25;
pub use chunk::{Chunk, Chunker, estimated_tokens};
pub use cite::{Cited, cited, grounded_prompt};
pub use fuse::reciprocal_rank_fusion;
pub use index::{Document, Hit, Index, Passage, Retrieved, Store};
pub use memory_store::MemoryStore;
#[cfg(feature = "agents")]
pub use rerank::ModelReranker;
pub use rerank::Reranker;
