//! What a suite does when it is run.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::asker::{Answers, Questions};
use super::count;
use super::settings::Settings;
use super::{Report, Rival, Suite, SuiteError};
use crate::baseline::Baseline;
use crate::dataset::lint::Lint;
use crate::dataset::{Case, Dataset, hash_of};
use crate::gate::{Evidence, Gate, Judgement, Paired, Ruling, is_share};
use crate::lock::Lock;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::perturb::Perturbation;
use crate::run::{self, Asking, Header, LOG, Log};
use crate::snapshot;

/// The answers of all epochs.
struct Epochs {
    first: Answers,
    count: usize,
    noise: f64,
    /// Answers of later epochs that are errors.
    late_errors: usize,
}

impl Suite {
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
        if let Some(gate) = self.gates.iter().find(|gate| !gate.has_possible_bound()) {
            return Err(SuiteError::Bound(gate.name()));
        }
        if let Some((perturbation, loss)) = self.robust.iter().find(|(_, loss)| !is_share(*loss)) {
            let gate = format!("{} costs at most {loss:.3}", perturbation.name());
            return Err(SuiteError::Bound(gate));
        }
        let path = self.data.as_ref().ok_or(SuiteError::Incomplete("data"))?;
        let data = Arc::new(Dataset::load(path)?);
        let mut cases = data.to_measure();
        if cases.is_empty() {
            return Err(SuiteError::NothingToMeasure(path.clone()));
        }
        if let Some(sample) = settings.sample.filter(|sample| *sample < cases.len()) {
            let chosen: Vec<usize> = (0..sample).map(|number| number * cases.len() / sample).collect();
            let numbered = cases.into_iter().enumerate();
            // What must never break is always asked.
            let kept = numbered.filter(|(index, case)| case.pin || chosen.binary_search(index).is_ok());
            cases = kept.map(|(_, case)| case).collect();
        }
        let counted = &cases[..cases.len().min(count::CASES)];
        if count::is_counted(&self.name) {
            self.target.as_ref().ok_or(SuiteError::Incomplete("router"))?.decide(counted)?;
            return Err(SuiteError::Counted);
        }
        let runs = self.runs.clone().unwrap_or_else(|| run::runs_folder(&self.name));
        let header = Header {
            suite: self.name.clone(),
            data: hash_of(cases.iter().copied()),
            cases: cases.len(),
            epochs: settings.epochs.unwrap_or(self.epochs),
            program: run::program(),
        };
        let (folder, log) = match run::unfinished(&runs).filter(|_| settings.resume) {
            Some(folder) => (folder.clone(), Log::resume(&folder.join(LOG), &header)?),
            None => {
                let folder = run::begin(&runs)?;
                (folder.clone(), Log::create(&folder.join(LOG), &header)?)
            }
        };
        let epochs = self.ask_all(&cases, &log, &header, &settings, &folder)?;
        let lock_path = self.folder.join(format!("{}.lock", self.name));
        let unanswered = epochs.first.outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
        if settings.bless && unanswered + epochs.late_errors > 0 {
            return Err(SuiteError::BlessErrors(unanswered + epochs.late_errors));
        }
        let blessed_now = settings.bless.then(|| Baseline::of(&epochs.first.outcomes));
        let baseline_path = settings.baseline.clone().unwrap_or_else(|| self.baseline_path());
        let baseline = match &blessed_now {
            Some(baseline) if settings.baseline.is_none() => Some(baseline.clone()),
            _ => Baseline::load(&baseline_path)?,
        };
        if baseline.is_none() && settings.baseline.is_some() {
            return Err(Baseline::missing(&baseline_path).into());
        }
        let mut report =
            self.judge(&data, &cases, epochs, baseline.as_ref().map(|it| (&*baseline_path, it)))?;
        // Once all is asked, the rival too, the recordings are complete.
        let cassettes = self.folder.join("cassettes").join(&self.name);
        let lock = Lock::of(&hash_of(data.to_measure()), &cassettes)?;
        // Only now can nothing else fail but the disk: a baseline beside an older lock would vouch for what it was not
        // made of.
        if let Some(baseline) = blessed_now {
            baseline.save(&self.baseline_path())?;
            lock.save(&lock_path)?;
        }
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
        let deadline = settings.longest.and_then(|longest| Instant::now().checked_add(longest));
        let (concurrency, threads) = (self.concurrency, self.threads);
        let asking = Asking { log: Some(log), concurrency, threads, deadline, ..Asking::default() };
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
        let (mut differs, mut late_errors) = (vec![false; cases.len()], 0);
        for epoch in 1..header.epochs {
            let asking = Asking { epoch, first: Some(&first.outcomes), ..asking };
            let again = target
                .ask(&Questions { path, cases, asking, attributed: false, perturbations: &[] })
                .map_err(|error| late(error, epoch))?;
            for (index, (now, before)) in again.outcomes.iter().zip(&first.outcomes).enumerate() {
                let (right, asked) = counted(now);
                rights[index] = (rights[index].0 + right, rights[index].1 + asked);
                late_errors += usize::from(now.error.is_some());
                let both = now.error.is_none() && before.error.is_none();
                // A judge may waver where the answer does not.
                differs[index] |= both && (now.got != before.got || now.right != before.right);
            }
        }
        for (outcome, (right, asked)) in first.outcomes.iter_mut().zip(rights) {
            outcome.share_right = if asked > 0.0 { right / asked } else { 0.0 };
            if !self.timed {
                outcome.took = std::time::Duration::ZERO;
            }
        }
        let noise = differs.iter().filter(|differs| **differs).count() as f64 / cases.len().max(1) as f64;
        Ok(Epochs { first, count: header.epochs, noise, late_errors })
    }

    fn judge(
        &self,
        data: &Arc<Dataset>,
        cases: &[&Case],
        epochs: Epochs,
        baseline: Option<(&Path, &Baseline)>,
    ) -> Result<Report, SuiteError> {
        let (baseline_path, baseline) = baseline.unzip();
        let Epochs {
            first: Answers { outcomes, default, attribution, robustness },
            count,
            noise,
            late_errors,
        } = epochs;
        let labelled = self.target.as_ref().is_none_or(|target| target.labelled());
        let metrics = scores(cases, &outcomes, default.as_deref(), labelled);
        let changes = baseline.map(|baseline| baseline.compare(&outcomes));
        let none_known =
            changes.as_ref().zip(baseline).is_some_and(|(it, baseline)| it.gone == baseline.len());
        if let Some(path) = baseline_path.filter(|_| none_known) {
            return Err(Baseline::of_other_data(path).into());
        }
        let clusters = clusters(cases);
        let counts = self.gates.iter().any(Gate::counts_instructions);
        let instructions = counts.then(|| count::instructions(&self.name, cases.len().min(count::CASES)));
        let deterministic = noise <= 0.0;
        let evidence = Evidence {
            cases,
            outcomes: &outcomes,
            metrics: &metrics,
            changes: changes.as_ref(),
            clusters: &clusters,
            instructions: instructions.as_ref(),
            deterministic,
        };
        let mut judgements: Vec<Judgement> = self.gates.iter().map(|gate| gate.judge(&evidence)).collect();
        judgements.extend(self.robust.iter().zip(&robustness).map(|((_, bound), found)| {
            let loss = metrics.accuracy.value - found.accuracy.value;
            let (ruling, reason) = match found.errors {
                // A loss of as much as is allowed is allowed, whatever its last bit.
                0 => {
                    let ruling = if loss <= bound + 1e-9 { Ruling::Pass } else { Ruling::Fail };
                    (ruling, format!("it loses {loss:.3}, {} cases break", found.broken.len()))
                }
                errors => (Ruling::NoVerdict, format!("{errors} cases written so have an error instead")),
            };
            Judgement { gate: format!("{} loses at most {bound:.3}", found.perturbation), ruling, reason }
        }));
        if metrics.errors > 0 {
            let first = outcomes.iter().find_map(|outcome| outcome.error.clone()).unwrap_or_default();
            judgements.push(Judgement {
                gate: "every case has an answer".to_owned(),
                ruling: Ruling::NoVerdict,
                reason: format!("{} have an error instead, the first: {first}", metrics.errors),
            });
        }
        if late_errors > 0 {
            judgements.push(Judgement {
                gate: "every case has an answer each time".to_owned(),
                ruling: Ruling::NoVerdict,
                reason: format!("{late_errors} answers of later epochs are errors instead"),
            });
        }
        let paired = changes.as_ref().map(|changes| Paired::of(changes, &clusters, 0.0));
        let baseline_accuracy = baseline.map(Baseline::accuracy);
        let rival = self.compare(cases, &outcomes, &clusters)?;
        let relabelled = changes.as_ref().map_or(0, |changes| changes.relabelled);
        let lint = data.lint_exact();
        let mut notes = notes(cases, &metrics, &lint, noise, relabelled);
        if let Some(rival) = rival.as_ref().filter(|rival| rival.metrics.errors > 0) {
            let (name, errors) = (&rival.name, rival.metrics.errors);
            notes.push(format!(
                "{name} gave {errors} errors instead of answers; those cases are not compared"
            ));
        }
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
            lint,
            labelled,
            data: Arc::clone(data),
            folder: None,
        };
        report.settle();
        Ok(report)
    }

    /// Asks the rival, if there is one.
    fn compare(
        &self,
        cases: &[&Case],
        outcomes: &[Outcome],
        clusters: &HashMap<String, String>,
    ) -> Result<Option<Rival>, SuiteError> {
        let Some((name, rival)) = &self.rival else { return Ok(None) };
        let path = self.data.as_deref().unwrap_or(Path::new(""));
        let (concurrency, threads) = (self.concurrency, self.threads);
        let asking = Asking { concurrency, threads, ..Asking::default() };
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
fn notes(cases: &[&Case], metrics: &Metrics, lint: &Lint, noise: f64, relabelled: usize) -> Vec<String> {
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
    let asked: HashSet<u64> = cases.iter().map(|case| case.line).collect();
    let leaked = lint.leakage.iter().filter(|(line, _)| asked.contains(line)).count();
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
