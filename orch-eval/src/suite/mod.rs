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
use crate::lock::Lock;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::perturb::Perturbation;
use crate::run::{self, Asking, Header, LOG, Log};
use crate::scorer::Score;
use crate::snapshot;
use crate::target::{AnswerTarget, ClassifierTarget, FunctionTarget, LearnedTarget, RouterTarget, Target};

mod asker;
mod error;
mod labels;
mod report;
mod settings;

use asker::{Answers, Asker, Made, Questions};
pub use error::SuiteError;
pub use report::{Counterexample, Report, Rival, Robustness, StageWorth};
use settings::Settings;
pub(crate) use settings::in_ci;

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
            target: None,
            gates: Vec::new(),
            snapshot: true,
            timed: true,
            attributed: false,
            robust: Vec::new(),
            rival: None,
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
            let router = make().map_err(|error| SuiteError::Router(error.to_string()))?;
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

    fn asking<T: Target + Sync + 'static>(
        mut self,
        make: impl Fn() -> Result<T, SuiteError> + Send + Sync + 'static,
    ) -> Self {
        self.target = Some(Box::new(Made(make)));
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
    /// asked, `ORCH_MAX_SECONDS` how long, `ORCH_BASELINE` names another baseline to compare with.
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
        let epochs = self.ask_all(&cases, &log, &header, &settings, &folder)?;
        let lock = Lock::of(&header.data, &self.folder.join("cassettes").join(&self.name));
        let lock_path = self.folder.join(format!("{}.lock", self.name));
        if settings.bless {
            Baseline::of(&epochs.first.outcomes).save(&self.baseline_path())?;
            lock.save(&lock_path)?;
        }
        let baseline = Baseline::load(settings.baseline.as_ref().unwrap_or(&self.baseline_path()))?;
        let mut report = self.judge(&data, &cases, epochs, baseline.as_ref())?;
        let blessed = Lock::load(&lock_path)?;
        if let Some(changed) = blessed.and_then(|blessed| lock.differs_from(&blessed)) {
            report.notes.push(changed.to_owned());
        }
        if self.snapshot {
            report.judgements.extend(snapshot::judge(&self.folder, &report, settings.bless));
            report.settle();
        }
        report.folder = Some(folder);
        report.write_files()?;
        Ok(report)
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

    /// Asks about every case in each epoch. The router is made anew each time: one whose fitting is left to chance is
    /// noisy too.
    fn ask_all(
        &self,
        cases: &[&Case],
        log: &Log,
        header: &Header,
        settings: &Settings,
        folder: &Path,
    ) -> Result<Epochs, SuiteError> {
        let target = self.target.as_ref().ok_or(SuiteError::Incomplete("router"))?;
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
        let perturbations: Vec<Perturbation> =
            self.robust.iter().map(|(perturbation, _)| *perturbation).collect();
        let questions =
            Questions { path, cases, asking, attributed: self.attributed, perturbations: &perturbations };
        let mut first = target.ask(&questions).map_err(|error| late(error, 0))?;
        let mut rights: Vec<(f64, f64)> = first.outcomes.iter().map(counted).collect();
        let mut differs = vec![false; cases.len()];
        for epoch in 1..header.epochs {
            let asking = Asking { epoch, first: Some(&first.outcomes), ..asking };
            let again = target
                .ask(&Questions { path, cases, asking, attributed: false, perturbations: &[] })
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
        let Epochs { first: Answers { outcomes, default, attribution, robustness }, count, noise } = epochs;
        let labelled = self.target.as_ref().is_none_or(|target| target.labelled());
        let metrics = scores(cases, &outcomes, default.as_deref(), labelled);
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
        judgements.extend(self.robust.iter().zip(&robustness).map(|((_, bound), found)| {
            let loss = metrics.accuracy.value - found.accuracy.value;
            Judgement {
                gate: format!("{} loses at most {bound:.3}", found.perturbation),
                ruling: if loss <= *bound { Ruling::Pass } else { Ruling::Fail },
                reason: format!("it loses {loss:.3}, {} cases break", found.broken.len()),
            }
        }));
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
        let rival = self.compare(cases, &outcomes, &clusters)?;
        let relabelled = changes.as_ref().map_or(0, |changes| changes.relabelled);
        let notes = notes(cases, &metrics, data, noise, relabelled);
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
            robustness,
            rival,
            notes,
            outcomes,
            cases: cases.iter().map(|case| (*case).clone()).collect(),
            default,
            labelled,
            data: Arc::clone(data),
            folder: None,
        };
        report.settle();
        Ok(report)
    }
}

impl Suite {
    /// Asks the rival, if there is one.
    fn compare(
        &self,
        cases: &[&Case],
        outcomes: &[Outcome],
        clusters: &HashMap<String, String>,
    ) -> Result<Option<Rival>, SuiteError> {
        let Some((name, rival)) = &self.rival else { return Ok(None) };
        let path = self.data.as_deref().unwrap_or(Path::new(""));
        let asking = Asking { concurrency: self.concurrency, ..Asking::default() };
        let questions = Questions { path, cases, asking, attributed: false, perturbations: &[] };
        let Answers { outcomes: mut theirs, default, .. } = rival.ask(&questions)?;
        if !self.timed {
            theirs.iter_mut().for_each(|outcome| outcome.took = std::time::Duration::ZERO);
        }
        let changes = Baseline::of(&theirs).compare(outcomes);
        let paired = Paired::of(&changes, clusters, 0.0);
        let metrics = scores(cases, &theirs, default.as_deref(), rival.labelled());
        Ok(Some(Rival { name: name.clone(), metrics, changes, paired }))
    }
}

fn scores(cases: &[&Case], outcomes: &[Outcome], default: Option<&str>, labelled: bool) -> Metrics {
    let metrics = Metrics::of(cases, outcomes, default);
    if labelled { metrics } else { metrics.of_answers() }
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
fn notes(cases: &[&Case], metrics: &Metrics, data: &Dataset, noise: f64, relabelled: usize) -> Vec<String> {
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
    if relabelled > 0 {
        notes.push(format!(
            "{relabelled} cases have the answer they had and another label; they are not compared"
        ));
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

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("data", &self.data).finish_non_exhaustive()
    }
}
