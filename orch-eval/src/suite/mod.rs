//! A suite: data, a target, and what must hold.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use orch_core::router::{Classifier, Label, Learned, Route, Router};

use crate::baseline::Baseline;
use crate::dataset::{Case, Dataset, hash_of};
use crate::gate::{Evidence, Gate, Judgement, Paired, Ruling};
use crate::metrics::Metrics;
use crate::outcome::{ClassifierTarget, LearnedTarget, Outcome, RouterTarget, Target, is_right};
use crate::run::{self, Asking, Header, Log, Stopped};
use crate::snapshot;

mod error;
mod labels;
mod report;
mod settings;

pub use error::SuiteError;
pub(crate) use labels::routes_without_a_case;
pub use report::{Report, StageWorth};
use settings::Settings;
pub(crate) use settings::in_ci;

/// How often each case is asked unless said otherwise: a second time shows whether the answers are always the same.
const EPOCHS: usize = 2;
/// The name of a run's log.
const LOG: &str = "results.jsonl";

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
    ask: Option<Ask>,
    gates: Vec<Gate>,
    snapshot: bool,
    timed: bool,
    attributed: bool,
    epochs: usize,
    concurrency: usize,
}

/// Makes a target and asks it once about each case.
type Ask = Box<dyn Fn(&Questions<'_>) -> Result<Answers, SuiteError> + Send + Sync>;

/// What a target is asked.
pub(crate) struct Questions<'a> {
    pub(crate) path: &'a Path,
    pub(crate) cases: &'a [&'a Case],
    pub(crate) asking: Asking<'a>,
    /// Whether it is also asked what it would say without each of its stages.
    pub(crate) attributed: bool,
}

/// What a target said.
pub(crate) struct Answers {
    pub(crate) outcomes: Vec<Outcome>,
    /// The label that also stands for out of scope.
    pub(crate) default: Option<String>,
    pub(crate) attribution: Vec<StageWorth>,
}

/// The answers of all epochs.
struct Epochs {
    first: Answers,
    count: usize,
    noise: f64,
}

impl Suite {
    /// A suite called `name`: its files are `evals/baselines/<name>.tsv` and `evals/snapshots/<name>.snap`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            folder: PathBuf::from("evals"),
            runs: None,
            data: None,
            ask: None,
            gates: Vec::new(),
            snapshot: true,
            timed: true,
            attributed: false,
            epochs: EPOCHS,
            concurrency: 1,
        }
    }

    /// The labelled data: JSON lines, CSV or Rasa's YAML. If it has a `split` column, the test split is measured.
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
        self.ask = Some(Box::new(move |questions| {
            let router = make().map_err(|error| SuiteError::Router(error.to_string()))?;
            let routes = R::Route::ALL.iter().map(|route| route.label().to_owned()).collect();
            let default = R::Route::DEFAULT.label().to_owned();
            ask(&RouterTarget { router, routes: Some(routes), default: Some(default) }, questions)
        }));
        self
    }

    /// A classifier, whose abstentions stand for out of scope.
    pub fn classifier<C>(mut self, make: impl Fn() -> C + Send + Sync + 'static) -> Self
    where
        C: Classifier,
    {
        self.ask = Some(Box::new(move |questions| ask(&ClassifierTarget(make()), questions)));
        self
    }

    /// A learned router over labels found in data.
    pub fn learned<R: Label>(mut self, router: Learned<R>) -> Self {
        self.ask = Some(Box::new(move |questions| ask(&LearnedTarget(&router), questions)));
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

    /// Runs the suite: replays the data, scores it, compares it with the baseline and judges the gates. Each answer is
    /// logged the moment it is there, and the reports are written beside the log.
    ///
    /// The environment has its say: `ORCH_BLESS=1` makes the outcomes the baseline and accepts the snapshot,
    /// `ORCH_RESUME=1` goes on with the latest run, `ORCH_EPOCHS` and `ORCH_SAMPLE` say how often and how many cases are
    /// asked, `ORCH_MAX_SECONDS` how long.
    ///
    /// # Errors
    ///
    /// When the data, the router or the baseline is bad, or files cannot be written. A gate that does not hold is no
    /// error: see [`Report::verdict`].
    pub fn run(&self) -> Result<Report, SuiteError> {
        let settings = Settings::from_environment()?;
        let path = self.data.as_ref().ok_or(SuiteError::Incomplete("data"))?;
        let data = Arc::new(Dataset::load(path)?);
        let mut cases = data.to_measure();
        if let Some(sample) = settings.sample.filter(|sample| *sample < cases.len()) {
            cases = (0..sample).map(|index| cases[index * cases.len() / sample]).collect();
        }
        let runs = self.runs.clone().unwrap_or_else(|| run::runs_folder(&self.name));
        let header = Header {
            suite: self.name.clone(),
            data: hash_of(cases.iter().copied()),
            cases: cases.len(),
            epochs: settings.epochs.unwrap_or(self.epochs),
        };
        let (folder, log) = match run::latest(&runs).filter(|_| settings.resume) {
            Some((_, folder)) => (folder.clone(), Log::resume(&folder.join(LOG), &header)?),
            None => {
                let folder = run::begin(&runs)?;
                (folder.clone(), Log::create(&folder.join(LOG), &header)?)
            }
        };
        let epochs = self.ask_all(&cases, &log, &header, settings, &folder)?;
        if settings.bless {
            Baseline::of(&epochs.first.outcomes).save(&self.baseline_path())?;
        }
        let baseline = Baseline::load(&self.baseline_path())?;
        let mut report = self.judge(&data, &cases, epochs, baseline.as_ref())?;
        if self.snapshot {
            report.judgements.extend(snapshot::judge(&self.folder, &report, settings.bless));
            report.settle();
        }
        report.folder = Some(folder);
        report.write_files()?;
        Ok(report)
    }

    /// Asks about every case in each epoch. The router is made anew each time: one whose fitting is left to chance is
    /// noisy too.
    fn ask_all(
        &self,
        cases: &[&Case],
        log: &Log,
        header: &Header,
        settings: Settings,
        folder: &Path,
    ) -> Result<Epochs, SuiteError> {
        let ask = self.ask.as_ref().ok_or(SuiteError::Incomplete("router"))?;
        let path = self.data.as_deref().unwrap_or(Path::new(""));
        let deadline = settings.longest.map(|longest| Instant::now() + longest);
        let asking =
            Asking { log: Some(log), epoch: 0, first: None, concurrency: self.concurrency, deadline };
        let late = |error, epoch: usize| match error {
            SuiteError::Late { answered, .. } => {
                SuiteError::Late { answered: answered + epoch * cases.len(), folder: folder.to_owned() }
            }
            other => other,
        };
        let questions = Questions { path, cases, asking, attributed: self.attributed };
        let mut first = ask(&questions).map_err(|error| late(error, 0))?;
        let mut rights: Vec<(f64, f64)> = first.outcomes.iter().map(counted).collect();
        let mut differs = vec![false; cases.len()];
        for epoch in 1..header.epochs {
            let asking = Asking { epoch, first: Some(&first.outcomes), ..asking };
            let again = ask(&Questions { path, cases, asking, attributed: false })
                .map_err(|error| late(error, epoch))?;
            for (index, (now, before)) in again.outcomes.iter().zip(&first.outcomes).enumerate() {
                let (right, asked) = counted(now);
                rights[index] = (rights[index].0 + right, rights[index].1 + asked);
                differs[index] |= now.got != before.got;
            }
        }
        for (outcome, (right, asked)) in first.outcomes.iter_mut().zip(rights) {
            outcome.share_right = if asked > 0.0 { right / asked } else { 0.0 };
            if !self.timed {
                outcome.took = std::time::Duration::ZERO;
            }
        }
        let noise = differs.iter().filter(|differs| **differs).count() as f64 / cases.len().max(1) as f64;
        Ok(Epochs { first, count: header.epochs, noise })
    }

    fn judge(
        &self,
        data: &Arc<Dataset>,
        cases: &[&Case],
        epochs: Epochs,
        baseline: Option<&Baseline>,
    ) -> Result<Report, SuiteError> {
        let Epochs { first: Answers { outcomes, default, attribution }, count, noise } = epochs;
        let metrics = Metrics::of(cases, &outcomes, default.as_deref());
        let changes = baseline.map(|baseline| baseline.compare(&outcomes));
        if changes.as_ref().is_some_and(|changes| changes.compared == 0 && changes.new > 0) {
            return Err(Baseline::of_other_data(&self.baseline_path()).into());
        }
        let clusters = clusters(cases);
        let deterministic = noise <= 0.0;
        let evidence = Evidence {
            cases,
            outcomes: &outcomes,
            metrics: &metrics,
            changes: changes.as_ref(),
            clusters: &clusters,
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
        let paired = changes.as_ref().map(|changes| Paired::of(changes, &clusters, 0.0));
        let baseline_accuracy = baseline.map(Baseline::accuracy);
        let notes = notes(cases, &metrics, data, noise);
        let mut report = Report {
            suite: self.name.clone(),
            verdict: Ruling::Pass,
            judgements,
            metrics,
            changes,
            paired,
            baseline_accuracy,
            epochs: count,
            noise,
            attribution,
            notes,
            outcomes,
            cases: cases.iter().map(|case| (*case).clone()).collect(),
            default,
            data: Arc::clone(data),
            folder: None,
        };
        report.settle();
        Ok(report)
    }
}

/// How often an answer was right, of how often there was one.
fn counted(outcome: &Outcome) -> (f64, f64) {
    let asked = f64::from(u8::from(outcome.error.is_none()));
    (f64::from(u8::from(outcome.right)), asked)
}

/// The clusters of the cases that are in one, by id.
fn clusters(cases: &[&Case]) -> HashMap<String, String> {
    let in_one = cases.iter().filter_map(|case| Some((case.id.clone(), case.cluster.clone()?)));
    in_one.collect()
}

/// What is worth knowing before trusting the figures.
fn notes(cases: &[&Case], metrics: &Metrics, data: &Dataset, noise: f64) -> Vec<String> {
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
    let leaked = data.leakage().len();
    if leaked > 0 {
        notes.push(format!(
            "{leaked} of {} cases also stand among those to fit on; see `cargo orch lint`",
            cases.len()
        ));
    }
    if noise > 0.0 {
        notes.push(format!("{:.1} % of the cases do not get the same answer each time", noise * 100.0));
    }
    notes
}

/// Checks the labels, then asks about each case.
pub(crate) fn ask<T: Target + Sync>(target: &T, questions: &Questions<'_>) -> Result<Answers, SuiteError> {
    let Questions { path, cases, asking, attributed } = *questions;
    if let Some(known) = target.routes() {
        labels::check(path, cases, &known)?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(SuiteError::Runtime)?;
    let work = || async {
        let outcomes = run::replay(target, cases, asking).await?;
        let attribution = if attributed { worth(target, cases, &outcomes).await } else { Vec::new() };
        Ok((outcomes, attribution))
    };
    // A caller may stand in a runtime of its own, and a thread can be in only one.
    let done = std::thread::scope(|scope| scope.spawn(move || runtime.block_on(work())).join());
    match done {
        Ok(Ok((outcomes, attribution))) => {
            Ok(Answers { outcomes, default: target.default_label(), attribution })
        }
        Ok(Err(Stopped::Log(error))) => Err(error.into()),
        Ok(Err(Stopped::Late(answered))) => Err(SuiteError::Late { answered, folder: PathBuf::new() }),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The accuracy without each stage. Only the cases a stage decided can then turn out otherwise.
async fn worth<T: Target>(target: &T, cases: &[&Case], outcomes: &[Outcome]) -> Vec<StageWorth> {
    let default = target.default_label();
    let answered = outcomes.iter().filter(|outcome| outcome.error.is_none());
    let (mut stages, mut right): (Vec<&str>, usize) = (Vec::new(), 0);
    for outcome in answered.clone() {
        right += usize::from(outcome.right);
        if !stages.contains(&&*outcome.stage) {
            stages.push(&outcome.stage);
        }
    }
    let all = answered.count().max(1) as f64;
    let mut worths = Vec::new();
    for stage in stages {
        let mut right_without = Some(right);
        let decided = cases.iter().zip(outcomes).filter(|(_, outcome)| outcome.stage == stage);
        for (case, outcome) in decided {
            let Ok(Some(without)) = target.ask_without(stage, &case.input).await else {
                right_without = None;
                break;
            };
            let got = without.to(&case.expected).got;
            let is_right = is_right(&case.expected, got.as_deref(), default.as_deref());
            right_without =
                right_without.map(|right| right + usize::from(is_right) - usize::from(outcome.right));
        }
        let accuracy_without = right_without.map(|right| right as f64 / all);
        worths.push(StageWorth { stage: stage.to_owned(), accuracy_without });
    }
    worths
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("data", &self.data).finish_non_exhaustive()
    }
}
