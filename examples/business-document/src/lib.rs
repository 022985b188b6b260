//! A business document, read from four sides at the same time: money, law, market and operations. One side that fails
//! takes none of the others with it, and all of them spend from one budget. A router says which side each paragraph
//! concerns most.
//!
//! ```text
//! concern of each paragraph beside (financial, legal, market, operations) -> report
//! ```

pub mod concern;
pub mod document;
pub mod finding;
pub mod report;
pub mod suite;
pub mod workflow;

pub use concern::Concern;
pub use document::Document;
pub use finding::Finding;
pub use report::{Report, Side};
pub use workflow::review;
