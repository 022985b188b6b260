//! A suite: data, a target, and what must hold.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use orch_core::router::{Classifier, Label, Learned, Route, Router};

#[cfg(feature = "criterion")]
use crate::dataset::Dataset;
use crate::gate::Gate;
use crate::perturb::Perturbation;
use crate::scorer::Score;
use crate::target::{AnswerTarget, ClassifierTarget, FunctionTarget, LearnedTarget, RouterTarget, Target};
use orch_core::guard::Secrets;

mod asker;
mod count;
mod error;
mod labels;
mod report;
mod run;
mod settings;

pub(crate) use asker::runtime;
use asker::{Asker, Made};
pub use error::SuiteError;
pub(crate) use labels::Labels;
pub use report::{Counterexample, Report, Rival, Robustness, StageWorth};
pub(crate) use settings::{flag, in_ci};

/// How often each case is asked unless said otherwise: a second time shows whether the answers are always the same.
const EPOCHS: usize = 2;

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
    runs: Option<PathBuf>,
    data: Option<PathBuf>,
    target: Option<Box<dyn Asker>>,
    gates: Vec<Gate>,
    snapshot: bool,
    timed: bool,
    attributed: bool,
    robust: Vec<(Perturbation, f64)>,
    rival: Option<(String, Box<dyn Asker>)>,
    epochs: usize,
    concurrency: usize,
    threads: usize,
}

impl Suite {
    /// A suite called `name`: its files are `evals/baselines/<name>.tsv` and `evals/snapshots/<name>.snap`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            folder: PathBuf::from("evals"),
            runs: None,
            data: None,
            target: None,
            gates: Vec::new(),
            snapshot: true,
            timed: true,
            attributed: false,
            robust: Vec::new(),
            rival: None,
            epochs: EPOCHS,
            concurrency: 1,
            threads: 1,
        }
    }

    /// The labelled data: JSON lines, CSV, Rasa's YAML, or Parquet with that feature. If it has a `split` column, the test split is measured.
    pub fn data(mut self, path: impl Into<PathBuf>) -> Self {
        self.data = Some(path.into());
        self
    }

    /// The folder of baselines and snapshots; `evals` unless said otherwise.
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = path.into();
        self
    }

    /// The folder that gets a folder for each run, with its log and reports; `orch/<name>` in Cargo's target folder
    /// unless said otherwise.
    pub fn runs(mut self, path: impl Into<PathBuf>) -> Self {
        self.runs = Some(path.into());
        self
    }

    /// Leaves out the snapshot.
    pub fn without_snapshot(mut self) -> Self {
        self.snapshot = false;
        self
    }

    /// Leaves out how long decisions took, so that the same answers give the same reports byte for byte.
    pub fn without_times(mut self) -> Self {
        self.timed = false;
        self
    }

    /// Also says how accurate the router would be without each stage of its cascade. The cases a stage decided are
    /// asked once more for it.
    pub fn attribution(mut self) -> Self {
        self.attributed = true;
        self
    }

    /// Also asks about each case written otherwise, and fails when that loses more than this share of accuracy, from 0
    /// to 1. Cases that break so are written into the run's folder as `counterexamples.jsonl`, rows for the data.
    pub fn robust_to(mut self, perturbation: Perturbation, loss: f64) -> Self {
        self.robust.push((perturbation, loss));
        self
    }

    /// Also asks another target about the same cases and compares the two: a workflow with the single model it must
    /// beat.
    ///
    /// ```no_run
    /// # async fn desk(_: String) -> orch_core::Result<String> { Ok(String::new()) }
    /// # async fn model(_: String) -> orch_core::Result<String> { Ok(String::new()) }
    /// use orch_eval::{Scorer, Suite};
    ///
    /// let suite = Suite::new("desk")
    ///     .data("evals/data/questions.jsonl")
    ///     .answers(Scorer::Contains, desk)
    ///     .against("one model", |suite| suite.answers(Scorer::Contains, model));
    /// ```
    pub fn against(mut self, name: impl Into<String>, rival: impl FnOnce(Self) -> Self) -> Self {
        self.rival = rival(Self::new("")).target.map(|target| (name.into(), target));
        self
    }

    /// How often each case is asked; 2 unless said otherwise, 1 for a target that always says the same and costs. The
    /// comparison of a noisy target with its baseline is of means over the epochs. `ORCH_EPOCHS` goes before.
    pub fn epochs(mut self, count: usize) -> Self {
        self.epochs = count.max(1);
        self
    }

    /// How many cases are asked at the same time, for targets that wait for a server; 1 unless said otherwise.
    pub fn concurrency(mut self, cases: usize) -> Self {
        self.concurrency = cases.max(1);
        self
    }

    /// How many threads ask, each about its share of the cases, for targets that keep a core busy; 1 unless said
    /// otherwise.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count.max(1);
        self
    }

    /// The router, over a derived set of routes: its default stands for out of scope.
    pub fn router<R>(self, make: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Router + 'static,
        R::Route: Route,
    {
        self.try_router(move || Ok(make()))
    }

    /// As [`router`](Suite::router), for one whose making can fail.
    pub fn try_router<R>(self, make: impl Fn() -> orch_core::Result<R> + Send + Sync + 'static) -> Self
    where
        R: Router + 'static,
        R::Route: Route,
    {
        self.asking(move || {
            let router = make().map_err(|error| not_made(&error))?;
            let routes = R::Route::ALL.iter().map(|route| route.label().to_owned()).collect();
            let default = R::Route::DEFAULT.label().to_owned();
            Ok(RouterTarget { router, routes: Some(routes), default: Some(default) })
        })
    }

    /// A classifier, whose abstentions stand for out of scope.
    pub fn classifier<C>(self, make: impl Fn() -> C + Send + Sync + 'static) -> Self
    where
        C: Classifier + 'static,
    {
        self.asking(move || Ok(ClassifierTarget(make())))
    }

    /// A learned router over labels found in data.
    pub fn learned<R: Label>(self, router: Learned<R>) -> Self {
        let router = Arc::new(router);
        self.asking(move || Ok(LearnedTarget(Arc::clone(&router))))
    }

    /// An async function from an input to a label, or to `None` where it has none: a workflow that only routes.
    pub fn function<R: Label, F>(self, function: F) -> Self
    where
        F: AsyncFn(String) -> orch_core::Result<Option<R>> + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        self.asking(move || Ok(FunctionTarget(Arc::clone(&function))))
    }

    /// An async function from an input to an answer in words, such as a workflow, and what says whether the answer is
    /// right. The data's `label` is the expected answer, or a list of those that are right.
    pub fn answers<A, F, S>(self, scorer: S, function: F) -> Self
    where
        A: ToString,
        F: AsyncFn(String) -> orch_core::Result<A> + Send + Sync + 'static,
        S: Score + 'static,
    {
        let (function, scorer) = (Arc::new(function), Arc::new(scorer));
        self.asking(move || Ok(AnswerTarget { function: Arc::clone(&function), scorer: Arc::clone(&scorer) }))
    }

    /// As [`answers`](Suite::answers), for a function whose making can fail: it may open a cassette, or fit a router.
    pub fn try_answers<A, F, S>(
        self,
        scorer: S,
        make: impl Fn() -> orch_core::Result<F> + Send + Sync + 'static,
    ) -> Self
    where
        A: ToString,
        F: AsyncFn(String) -> orch_core::Result<A> + Send + Sync + 'static,
        S: Score + 'static,
    {
        let scorer = Arc::new(scorer);
        self.asking(move || {
            let function = Arc::new(make().map_err(|error| not_made(&error))?);
            Ok(AnswerTarget { function, scorer: Arc::clone(&scorer) })
        })
    }

    fn asking<T: Target + Sync + 'static>(
        mut self,
        make: impl Fn() -> Result<T, SuiteError> + Send + Sync + 'static,
    ) -> Self {
        self.target = Some(Box::new(Made(make)));
        self
    }

    /// Something that must hold.
    pub fn gate(mut self, gate: impl Into<Gate>) -> Self {
        self.gates.push(gate.into());
        self
    }

    /// The suite's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Times the target's decisions with criterion, one case after the other.
    ///
    /// ```no_run
    /// # fn suite() -> orch_eval::Suite { orch_eval::Suite::new("support") }
    /// fn decisions(criterion: &mut criterion::Criterion) {
    ///     suite().bench(criterion).expect("the suite has data and a router");
    /// }
    /// criterion::criterion_group!(benches, decisions);
    /// criterion::criterion_main!(benches);
    /// ```
    ///
    /// # Errors
    ///
    /// When the data or the router is bad.
    #[cfg(feature = "criterion")]
    pub fn bench(&self, criterion: &mut criterion::Criterion) -> Result<(), SuiteError> {
        let data = Dataset::load(self.data.as_ref().ok_or(SuiteError::Incomplete("data"))?)?;
        let target = self.target.as_ref().ok_or(SuiteError::Incomplete("router"))?;
        target.bench(&format!("{}: a decision", self.name), &data.to_measure(), criterion)
    }
}

fn not_made(error: &orch_core::Error) -> SuiteError {
    SuiteError::Router(Secrets::known().redacted(&error.to_string()))
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("data", &self.data).finish_non_exhaustive()
    }
}
