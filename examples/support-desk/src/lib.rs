//! A support desk: each ticket is routed, answered by the handler for its route, and checked before it leaves.

pub mod articles;
pub mod desk;
pub mod handlers;
pub mod help;
pub mod intent;
pub mod suite;
pub mod workflow;

pub use articles::Articles;
pub use desk::{Desk, Reply, Ticket};
pub use intent::Intent;
pub use workflow::answer;
