//! A research assistant over a small library. A router says how much a question needs: one look, a table, or a plan.
//! What was said is kept, so that a conversation goes on.
//!
//! ```text
//! effort beside what was said before -> lookup:        one search, an answer with citations
//!                                    -> comparison:    two passages, a table
//!                                    -> investigation: plan of steps -> draft -> critic -> draft
//! ```

pub mod answer;
pub mod comparison;
pub mod effort;
pub mod investigation;
pub mod library;
pub mod lookup;
pub mod steps;
pub mod suite;
pub mod workflow;

pub use answer::{Answer, Question};
pub use effort::Effort;
pub use investigation::investigate;
pub use library::Library;
pub use workflow::research;
