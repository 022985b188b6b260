//! What the examples use in place of what costs: recorded answers of a model, and an encoder without one.

mod recorded;
mod words;

pub use recorded::{beside_the_model_alone, model};
pub use words::Words;
