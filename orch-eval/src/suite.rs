//! A suite: data, a target, and what must hold.

use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Classifier, Label, Learned, Route, Router};
use serde::Serialize;

use crate::baseline::{Baseline, BaselineError, Changes};
use crate::dataset::{Case, DataError, Dataset, labels_of};
use crate::gate::{Evidence, Gate, Judgement, Paired, Ruling};
use crate::metrics::Metrics;
use crate::outcome::{ClassifierTarget, LearnedTarget, Outcome, RouterTarget, Target, replay};
use crate::snapshot;

/// Labelled data, a router to replay it against, and the gates it must pass.
///
/// Paths are relative to the crate's folder, where Cargo runs tests.
///
/// ```no_run
/// # use orch_core::{Result, Route};
/// # use orch_core::router::{Example, Learned};
/// # #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// # enum Intent { Billing, #[route(default)] Other }
/// # fn load() -> Result<Learned<Intent>> { Learned::fit(&[]) }
/// use orch_eval::{Gate, Suite, eval_main};
///
/// eval_main!(
///     Suite::new("support")
///         .data("evals/data/support.jsonl")
///         .try_router(load)
///         .gate(Gate::no_regression().tolerate(0.01))
///         .gate(Gate::recall_of(Intent::Billing).at_least(0.95))
///         .gate(Gate::pinned())
/// );
/// ```
#[must_use = "a suite does nothing until it is run"]
pub struct Suite {
    name: String,
    folder: PathBuf,
    data: Option<PathBuf>,
    replay: Option<Replay>,
    gates: Vec<Gate>,
    snapshot: bool,
}

/// Asks a target about cases: the outcomes, and the label that also stands for out of scope.
type Asked = Result<(Vec<Outcome>, Option<String>), SuiteError>;
type Replay = Box<dyn Fn(&Dataset) -> Asked + Send + Sync>;

/// Why a suite could not be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum SuiteError {
    /// The data is bad.
    Data(DataError),
    /// The baseline is bad.
    Baseline(BaselineError),
    /// The router could not be made.
    Router(String),
    /// The data names labels that the router does not have.
    UnknownLabels {
        /// The data.
        path: PathBuf,
        /// The labels, and the first line that names each.
        labels: Vec<(String, u64)>,
        /// The router's labels.
        known: Vec<String>,
    },
    /// The suite has no data or no router.
    Incomplete(&'static str),
    /// A runtime could not be started.
    Runtime(std::io::Error),
    /// Blessing is refused under CI.
    BlessInCi,
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Baseline(error) => error.fmt(f),
            Self::Router(error) => write!(f, "the router could not be made: {error}"),
            Self::UnknownLabels { path, labels, known } => {
                for (label, line) in labels {
                    writeln!(f, "{}:{line}: no route has the label `{label}`", path.display())?;
                }
                write!(f, "the routes are {}", known.join(", "))
            }
            Self::Incomplete(missing) => write!(f, "the suite has no {missing}; add it with `.{missing}(..)`"),
            Self::Runtime(error) => write!(f, "the runtime could not be started: {error}"),
            Self::BlessInCi => {
                f.write_str("ORCH_BLESS is refused under CI: a baseline is a decision, so bless on your own machine and commit it")
            }
        }
    }
}

impl std::error::Error for SuiteError {}

impl From<DataError> for SuiteError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<BaselineError> for SuiteError {
    fn from(error: BaselineError) -> Self {
        Self::Baseline(error)
    }
}

/// What a run of a suite found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// The verdict: the weightiest of the judgements.
    pub verdict: Ruling,
    /// What each gate found.
    pub judgements: Vec<Judgement>,
    /// The scores.
    pub metrics: Metrics,
    /// What changed against the baseline, if there is one.
    pub changes: Option<Changes>,
    /// The paired comparison with the baseline.
    pub paired: Option<Paired>,
    /// The baseline's accuracy on its own cases.
    pub baseline_accuracy: Option<f64>,
    /// Whether two replays gave the same answers.
    pub deterministic: bool,
    /// What was noticed on the way and changes no verdict.
    pub notes: Vec<String>,
    /// The outcome of each case, in the order of the data.
    #[serde(skip)]
    pub outcomes: Vec<Outcome>,
}

impl Suite {
    /// A suite called `name`: its files are `evals/baselines/<name>.tsv` and `evals/snapshots/<name>.snap`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            folder: PathBuf::from("evals"),
            data: None,
            replay: None,
            gates: Vec::new(),
            snapshot: true,
        }
    }

    /// The labelled data: JSON lines or CSV. If it has a `split` column, the test split is measured.
    pub fn data(mut self, path: impl Into<PathBuf>) -> Self {
        self.data = Some(path.into());
        self
    }

    /// The folder of baselines and snapshots; `evals` unless said otherwise.
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = path.into();
        self
    }

    /// Leaves out the snapshot.
    pub fn without_snapshot(mut self) -> Self {
        self.snapshot = false;
        self
    }

    /// The router, over a derived set of routes: its default stands for out of scope.
    pub fn router<R>(self, make: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Router,
        R::Route: Route,
    {
        self.try_router(move || Ok(make()))
    }

    /// As [`router`](Suite::router), for one whose making can fail.
    pub fn try_router<R>(mut self, make: impl Fn() -> orch_core::Result<R> + Send + Sync + 'static) -> Self
    where
        R: Router,
        R::Route: Route,
    {
        self.replay = Some(Box::new(move |data| {
            let router = make().map_err(|error| SuiteError::Router(error.to_string()))?;
            let routes = R::Route::ALL.iter().map(|route| route.label().to_owned()).collect();
            let default = R::Route::DEFAULT.label().to_owned();
            ask(&RouterTarget { router, routes: Some(routes), default: Some(default) }, data)
        }));
        self
    }

    /// A classifier, whose abstentions stand for out of scope.
    pub fn classifier<C>(mut self, make: impl Fn() -> C + Send + Sync + 'static) -> Self
    where
        C: Classifier,
    {
        self.replay = Some(Box::new(move |data| ask(&ClassifierTarget(make()), data)));
        self
    }

    /// A learned router over labels found in data.
    pub fn learned<R: Label>(mut self, router: Learned<R>) -> Self {
        self.replay = Some(Box::new(move |data| ask(&LearnedTarget(&router), data)));
        self
    }

    /// Something that must hold.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gates.push(gate);
        self
    }

    /// The suite's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn baseline_path(&self) -> PathBuf {
        self.folder.join("baselines").join(format!("{}.tsv", self.name))
    }

    /// Runs the suite: replays the data twice, scores it, compares it with the baseline and judges the gates.
    ///
    /// With `ORCH_BLESS=1` in the environment the outcomes become the baseline, and the snapshot is accepted.
    ///
    /// # Errors
    ///
    /// When the data, the router or the baseline is bad. A gate that does not hold is no error: see
    /// [`Report::verdict`].
    pub fn run(&self) -> Result<Report, SuiteError> {
        let bless = std::env::var_os("ORCH_BLESS").is_some_and(|value| value == "1");
        if bless && in_ci() {
            return Err(SuiteError::BlessInCi);
        }
        let path = self.data.as_ref().ok_or(SuiteError::Incomplete("data"))?;
        let replay = self.replay.as_ref().ok_or(SuiteError::Incomplete("router"))?;
        let data = Dataset::load(path)?;
        let (outcomes, default) = replay(&data)?;
        // The router is made anew: one whose fitting is left to chance is noisy too.
        let (again, _) = replay(&data)?;
        let deterministic = outcomes.iter().zip(&again).all(|(first, second)| first.got == second.got);
        if bless {
            Baseline::of(&outcomes).save(&self.baseline_path())?;
        }
        let baseline = Baseline::load(&self.baseline_path())?;
        let mut report = self.judge(&data, outcomes, default.as_deref(), baseline.as_ref(), deterministic);
        if self.snapshot {
            report.judgements.extend(snapshot::judge(&self.folder, &report, bless));
            report.verdict = weightiest(&report);
        }
        Ok(report)
    }

    fn judge(
        &self,
        data: &Dataset,
        outcomes: Vec<Outcome>,
        default: Option<&str>,
        baseline: Option<&Baseline>,
        deterministic: bool,
    ) -> Report {
        let cases = data.to_measure();
        let metrics = Metrics::of(&cases, &outcomes, default);
        let changes = baseline.map(|baseline| baseline.compare(&outcomes));
        let evidence = Evidence {
            cases: &cases,
            outcomes: &outcomes,
            metrics: &metrics,
            changes: changes.as_ref(),
            deterministic,
        };
        let mut judgements: Vec<Judgement> = self.gates.iter().map(|gate| gate.judge(&evidence)).collect();
        if metrics.errors > 0 {
            let first = outcomes.iter().find_map(|outcome| outcome.error.clone()).unwrap_or_default();
            judgements.push(Judgement {
                gate: "every case has an answer".to_owned(),
                ruling: Ruling::NoVerdict,
                reason: format!("{} have an error instead, the first: {first}", metrics.errors),
            });
        }
        let paired = changes.as_ref().map(|changes| Paired::of(changes, 0.0));
        let baseline_accuracy = baseline.map(|baseline| {
            let (right, all) = baseline.right();
            right as f64 / all.max(1) as f64
        });
        let notes = notes(&cases, &metrics, data);
        let mut report = Report {
            suite: self.name.clone(),
            verdict: Ruling::Pass,
            judgements,
            metrics,
            changes,
            paired,
            baseline_accuracy,
            deterministic,
            notes,
            outcomes,
        };
        report.verdict = weightiest(&report);
        report
    }
}

fn weightiest(report: &Report) -> Ruling {
    report.judgements.iter().map(|judgement| judgement.ruling).max().unwrap_or(Ruling::Pass)
}

/// Whether this runs where nobody is there to decide.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// What is worth knowing before trusting the figures.
fn notes(cases: &[&Case], metrics: &Metrics, data: &Dataset) -> Vec<String> {
    let mut notes = Vec::new();
    let thin: Vec<&str> = metrics
        .per_label
        .iter()
        .filter(|label| (1..10).contains(&label.support))
        .map(|label| label.label.as_str())
        .collect();
    if !thin.is_empty() {
        notes.push(format!("fewer than 10 cases, so their recall says little: {}", thin.join(", ")));
    }
    let leaked = data.lint().leakage.len();
    if leaked > 0 {
        notes.push(format!(
            "{leaked} of {} cases also stand among those to fit on; see `cargo orch lint`",
            cases.len()
        ));
    }
    notes
}

/// Checks the labels, then asks about each case to measure.
pub(crate) fn ask<T: Target + Sync>(target: &T, data: &Dataset) -> Asked {
    let cases = data.to_measure();
    if let Some(known) = target.routes() {
        check_labels(&data.path, &cases, &known)?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(SuiteError::Runtime)?;
    // A caller may stand in a runtime of its own, and a thread can be in only one.
    let outcomes = std::thread::scope(|scope| {
        let cases = &cases;
        scope.spawn(move || runtime.block_on(replay(target, cases))).join()
    });
    match outcomes {
        Ok(outcomes) => Ok((outcomes, target.default_label())),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Checks that some label each case expects is known.
fn check_labels(path: &Path, cases: &[&Case], known: &[String]) -> Result<(), SuiteError> {
    let knows = |case: &Case| {
        labels_of([case]).is_empty()
            || labels_of([case]).iter().any(|label| known.iter().any(|known| known == label))
    };
    let mut unknown: Vec<(String, u64)> = Vec::new();
    for case in cases.iter().filter(|case| !knows(case)) {
        for label in labels_of([*case]) {
            if !unknown.iter().any(|(found, _)| found == label) {
                unknown.push((label.to_owned(), case.line));
            }
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort();
    Err(SuiteError::UnknownLabels { path: path.to_owned(), labels: unknown, known: known.to_vec() })
}

/// The routes no case expects.
pub(crate) fn routes_without_a_case(cases: &[&Case], known: &[String]) -> Vec<String> {
    let labels = labels_of(cases.iter().copied());
    known.iter().filter(|route| !labels.contains(route.as_str())).cloned().collect()
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("data", &self.data).finish_non_exhaustive()
    }
}
