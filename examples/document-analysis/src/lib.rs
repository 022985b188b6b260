//! Documents: each is sorted, what it names is listed, and a summary is written and checked against it.
//!
//! ```text
//! extract -> (classify beside entities) -> summary -> validate
//! ```

pub mod document;
pub mod entities;
pub mod extract;
pub mod kind;
pub mod suite;
pub mod summary;
pub mod validate;
pub mod workflow;

pub use document::{Analysis, Document};
pub use entities::Entities;
pub use kind::Kind;
pub use validate::Verdict;
pub use workflow::analyse;
