//! What runs beside what in a block: found in `lower`, kept with the graph, read by the plan and the code.

use std::collections::HashSet;

/// How a run of statements is scheduled. The numbers are indices into [`Graph::items`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    Item(usize),
    Series(Vec<Schedule>),
    Parallel(Vec<Schedule>),
    /// Statements that each start when what they need is there, and hand it on.
    Strands(Vec<usize>),
}

/// What must wait for what in a block.
pub(crate) struct Dependences {
    /// `direct[b]` holds `a` when `b` must wait for `a`.
    pub(crate) direct: Vec<HashSet<usize>>,
}

/// A stretch of a block between two ordering points, or one ordering point.
pub(crate) struct Region {
    pub(crate) items: Vec<usize>,
    pub(crate) schedule: Schedule,
}

/// The schedule of a block.
pub(crate) struct Scheduled {
    /// In program order.
    pub(crate) regions: Vec<Region>,
    pub(crate) dependences: Dependences,
}
