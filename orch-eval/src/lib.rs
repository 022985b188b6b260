//! Replays labelled data against routers, and says with statistics a team can trust whether routing got better
//! or worse.
//!
//! A [`Suite`] is data, a router and gates; [`eval_main!`] makes a test target of it. The `cargo-orch` command
//! runs suites, fits routers from data, scores them, and looks for what is wrong with data.

mod baseline;
mod cost;
mod dataset;
mod files;
mod fitted;
mod gate;
mod harness;
mod lock;
mod metrics;
mod mutate;
mod outcome;
mod perturb;
mod replay;
mod report;
mod run;
mod scorer;
mod shrink;
mod snapshot;
mod statistics;
mod suite;
mod sweep;
mod target;

pub use baseline::{BaselineError, Changes};
pub use cost::{CostError, CostReport, CostScore, cost, learn_difficulty, load_graded};
pub use dataset::lint::{Conflict, Lint};
pub use dataset::{Case, DataError, Dataset, Expected, Problem, Split};
pub use files::write_whole;
pub use fitted::{
    EncoderPlace, FileError, FitError, FitOptions, FittedRouter, Fitting, RouterKind, Scored, Tried,
    TypedRouter, answers, fit, score,
};
pub use gate::{Gate, GatedMetric, Judgement, NoRegression, Paired, Ruling};
pub use harness::run_suites;
pub use metrics::{Confusion, LabelMetrics, Metrics, SliceMetrics, StageMetrics};
pub use mutate::Worth;
pub use outcome::Outcome;
pub use perturb::Perturbation;
#[cfg(feature = "proptest")]
pub use perturb::written_otherwise;
pub use replay::{Cassette, CassetteError, Mode, Replay};
pub use run::{Moved, RunDiff, RunError, latest_finished};
pub use scorer::{Judge, Score, Scorer, Similar};
pub use shrink::{Cause, Shrunk, causes, shrink};
pub use statistics::{
    ClusteredMean, Proportion, auroc, expected_calibration_error, holm, mcnemar_mid_p,
    minimum_detectable_effect, needed_cases,
};
pub use suite::{Counterexample, Report, Rival, Robustness, StageWorth, Suite, SuiteError};
pub use sweep::{Sweep, SweepPoint};

/// The README's programs are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So are those of the page that needs a model in process.
#[cfg(all(doctest, feature = "embed"))]
#[doc = include_str!("../../docs/src/encoders.md")]
struct Encoders;

/// So are the guide's, a module for each page.
#[cfg(doctest)]
mod guide {
    macro_rules! pages {
        ($($name:ident = $file:literal,)*) => {$(
            #[doc = include_str!(concat!("../../docs/src/", $file))]
            struct $name;
        )*};
    }

    pages! {
        Introduction = "introduction.md",
        Choosing = "choosing.md",
        Workflows = "workflows.md",
        Routing = "routing.md",
        Models = "models.md",
        Prompts = "prompts.md",
        Tools = "tools.md",
        Agents = "agents.md",
        Retrieval = "retrieval.md",
        Memory = "memory.md",
        Guards = "guards.md",
        Events = "events.md",
        Evaluation = "evaluation.md",
    }
}
