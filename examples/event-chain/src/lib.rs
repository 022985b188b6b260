//! Uploads of a household, as a chain of events. Each handler does one thing and says what happened; a failure is
//! told, and stops nothing. No model is asked: a learned router sorts, plain code finds dates and sums.
//!
//! ```text
//! Uploaded -> extract -> Extracted -> classify -> Classified -> join -> Summarised -> store -> Stored -> report
//!                                  -> search   -> Found      -> join
//! ```

pub mod archive;
pub mod event;
pub mod facts;
pub mod paper;
pub mod suite;
pub mod workflow;

mod handlers;

pub use archive::{Archive, Stored};
pub use event::Step;
pub use facts::Facts;
pub use paper::Paper;
pub use workflow::{Failure, Intake, Upload, take_in};
