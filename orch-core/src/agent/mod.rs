//! Agents: models that decide what to do next, inside bounds.
//!
//! | | does |
//! |---|---|
//! | [`React`] | thinks, asks for tools, looks at what came of them, until it answers |
//! | [`PlanExecute`] | writes the whole plan, has it executed, revises it |
//! | [`TreeOfThought`] | follows several lines of thought and keeps the best |
//! | [`team`] | several agents, each with a context of its own |
//! | [`Improve`] | writes, has it criticised, writes again |
//! | [`escalation`] | asks a person, and waits no longer than it may |
//!
//! Each is bounded in calls, and by the [`Budget`](crate::Budget) of the [`Metered`](crate::model::Metered) model it is
//! given; a step's `#[timeout]` and a workflow's `#[deadline]` bound its time. What a model says never makes one go on for
//! ever, or stop in a way that has no name.

mod error;
pub mod escalation;
mod improve;
mod plan_execute;
mod react;
pub mod team;
mod tree_of_thought;
mod turn;
mod workspace;

pub use error::{AgentError, AgentErrorKind};
pub use improve::{Improve, Improved, Review};
pub use plan_execute::{PlanError, PlanErrorKind, PlanExecute, PlanRun, Planned, StepRun};
pub use react::{AgentEvent, Finished, React};
pub use tree_of_thought::{Thought, TreeOfThought};
