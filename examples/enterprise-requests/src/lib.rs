//! Requests inside a company. A guard clears each before anything else sees it, a router sorts it, and what code can
//! do is done by code. What needs a person goes to the first tier, with a deadline; when nobody there answers, to the
//! tier above.
//!
//! ```text
//! clear -> category -> access, people, purchase, travel or facilities by code
//!                   -> review: first tier -> tier above
//! ```

pub mod category;
pub mod handlers;
pub mod outcome;
pub mod suite;
pub mod tiers;
pub mod workflow;

pub use category::Category;
pub use outcome::Outcome;
pub use tiers::{Case, Ruling, Tier, Tiers, review};
pub use workflow::handle;
