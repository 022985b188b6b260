//! The report as one page that needs nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::cut;
use crate::baseline::Changes;
use crate::dataset::Expected;
use crate::dataset::lint::Lint;
use crate::gate::Paired;
use crate::metrics::Metrics;
use crate::statistics::Proportion;
use crate::suite::Report;

/// The page, with a place for the data.
const PAGE: &str = include_str!("page.html");
/// Where the data goes.
const PLACE: &str = "/*DATA*/";
/// Cases the page shows at most; those left out are right, unchanged and not pinned before all others.
const MOST_CASES: usize = 10_000;
/// Bytes of all inputs together, so that the page stays below 2 MB.
const MOST_INPUT: usize = 900_000;
/// Characters of one input, and of an error.
const LONGEST_INPUT: usize = 400;
/// After so many errors the others get fewer characters.
const FULL_ERRORS: usize = 200;
const SHORT_ERROR: usize = 60;
/// Characters of an id.
const LONGEST_ID: usize = 80;

/// What stands for labels where answers are words.
const RULINGS: [&str; 2] = ["right", "wrong"];

/// What the page shows. Labels, stages and tags are numbers into their lists.
#[derive(Serialize)]
struct Page<'a> {
    suite: &'a str,
    version: &'static str,
    verdict: &'static str,
    judgements: Vec<Judged<'a>>,
    metrics: &'a Metrics,
    changes: &'a Option<Changes>,
    paired: Option<Paired>,
    baseline_accuracy: Option<f64>,
    deterministic: bool,
    notes: &'a [String],
    labels: &'a [&'a str],
    stages: Vec<&'a str>,
    tags: &'a [&'a str],
    default: Option<usize>,
    cases: Columns,
    errors: BTreeMap<usize, String>,
    left_out: usize,
    ablation: Vec<Ablated<'a>>,
    lint: Linted,
    provenance: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Judged<'a> {
    gate: &'a str,
    ruling: &'static str,
    reason: &'a str,
}

/// How often something is wrong with the data.
#[derive(Serialize)]
struct Linted {
    duplicates: usize,
    leakage: usize,
    conflicts: usize,
    ceiling: f64,
}

impl Linted {
    fn of(lint: &Lint) -> Self {
        let Lint { duplicates, leakage, conflicts, ceiling, .. } = lint;
        let (duplicates, leakage, conflicts) = (duplicates.len(), leakage.len(), conflicts.len());
        Self { duplicates, leakage, conflicts, ceiling: *ceiling }
    }
}

#[derive(Serialize)]
struct Ablated<'a> {
    stage: &'a str,
    share: f64,
    precision: Proportion,
    mean_us: f64,
    without: Option<f64>,
}

/// The cases, a list for each field: half the size of a list of objects.
#[derive(Default, Serialize)]
struct Columns {
    id: Vec<String>,
    input: Vec<String>,
    expected: Vec<Vec<usize>>,
    got: Vec<i32>,
    best: Vec<i32>,
    confidence: Vec<f64>,
    stage: Vec<i32>,
    us: Vec<f64>,
    change: Vec<u8>,
    tags: Vec<Vec<usize>>,
    pin: Vec<u8>,
    right: Vec<u8>,
}

impl Report {
    /// The report as a page of HTML: one file, without a network, of at most 2 MB.
    #[must_use]
    pub fn html(&self) -> String {
        let labels = self.labels();
        let tags: BTreeSet<&str> =
            self.cases.iter().flat_map(|case| case.tags.iter().map(String::as_str)).collect();
        let tags: Vec<&str> = tags.into_iter().collect();
        let stages = &self.metrics.per_stage;
        let shown = self.shown();
        let mut columns = Columns::default();
        let mut errors = BTreeMap::new();
        let numbers = Numbers {
            labels: numbered(&labels),
            tags: numbered(&tags),
            stages: numbered(&stages.iter().map(|stage| &*stage.stage).collect::<Vec<_>>()),
        };
        let fixed = self.changed(|changes| &changes.fixed);
        let broken = self.changed(|changes| &changes.broken);
        let longest = (MOST_INPUT / shown.len().max(1)).min(LONGEST_INPUT);
        for (position, index) in shown.iter().enumerate() {
            let (case, outcome) = (&self.cases[*index], &self.outcomes[*index]);
            if let Some(error) = &outcome.error {
                let room = if errors.len() > FULL_ERRORS { longest.min(SHORT_ERROR) } else { longest };
                errors.insert(position, cut(error, room));
            }
            let change = match () {
                () if fixed.contains(&*case.id) => 1,
                () if broken.contains(&*case.id) => 2,
                () => 0,
            };
            columns.push(self, *index, change, longest, &numbers);
        }
        let page = Page {
            suite: &self.suite,
            version: env!("CARGO_PKG_VERSION"),
            verdict: self.verdict.word(),
            judgements: self
                .judgements
                .iter()
                .map(|it| Judged { gate: &it.gate, ruling: it.ruling.word(), reason: &it.reason })
                .collect(),
            metrics: &self.metrics,
            changes: &self.changes,
            paired: self.paired,
            baseline_accuracy: self.baseline_accuracy,
            deterministic: self.noise <= 0.0,
            notes: &self.notes,
            labels: &labels,
            stages: stages.iter().map(|stage| &*stage.stage).collect(),
            tags: &tags,
            default: self.default.as_deref().and_then(|default| labels.iter().position(|it| *it == default)),
            left_out: self.cases.len() - shown.len(),
            cases: columns,
            errors,
            ablation: self.ablated(),
            lint: Linted::of(&self.lint),
            provenance: self.provenance(),
        };
        let data = serde_json::to_string(&page).unwrap_or_default().replace('<', "\\u003c");
        PAGE.replacen(PLACE, &data, 1)
    }

    /// Every label of the data and of the answers, sorted.
    fn labels(&self) -> Vec<&str> {
        if !self.labelled {
            return RULINGS.to_vec();
        }
        let expected = self.cases.iter().flat_map(|case| match &case.expected {
            Expected::AnyOf(labels) => labels.as_slice(),
            Expected::OutOfScope => &[],
        });
        let answered =
            self.outcomes.iter().flat_map(|outcome| outcome.got.iter().chain(outcome.best.as_ref()));
        let labels: BTreeSet<&str> =
            expected.chain(answered).chain(self.default.as_ref()).map(String::as_str).collect();
        labels.into_iter().collect()
    }

    /// The cases the page has, in the order of the data: all, or those that need a look first.
    fn shown(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.cases.len()).collect();
        if order.len() > MOST_CASES {
            let fixed = self.changed(|changes| &changes.fixed);
            let needs_no_look = |index: usize| {
                let case = &self.cases[index];
                self.outcomes[index].right && !case.pin && !fixed.contains(&*case.id)
            };
            order.sort_by_key(|index| (needs_no_look(*index), *index));
            order.truncate(MOST_CASES);
            order.sort_unstable();
        }
        order
    }

    fn changed(&self, which: impl Fn(&Changes) -> &Vec<String>) -> HashSet<&str> {
        let changes = self.changes.iter();
        changes.flat_map(|changes| which(changes).iter().map(String::as_str)).collect()
    }

    fn ablated(&self) -> Vec<Ablated<'_>> {
        let all = self.metrics.n.max(1) as f64;
        let stages = self.metrics.per_stage.iter();
        stages
            .map(|stage| Ablated {
                stage: &stage.stage,
                share: stage.decided as f64 / all,
                precision: stage.right,
                mean_us: stage.mean_us,
                without: self
                    .attribution
                    .iter()
                    .find(|worth| worth.stage == stage.stage)
                    .and_then(|worth| worth.accuracy_without),
            })
            .collect()
    }

    fn provenance(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("data", self.data.path.display().to_string()),
            ("hash of the data", self.data.hash()),
            ("cases measured", self.cases.len().to_string()),
            ("times each was asked", self.epochs.to_string()),
        ];
        rows.extend(std::env::var("GITHUB_SHA").ok().map(|commit| ("commit", commit)));
        rows
    }
}

/// The numbers of names in their lists.
struct Numbers<'a> {
    labels: HashMap<&'a str, usize>,
    tags: HashMap<&'a str, usize>,
    stages: HashMap<&'a str, usize>,
}

/// A text without its secrets, in about so many bytes.
fn bounded(text: &str, bytes: usize) -> String {
    let text = cut(text, bytes);
    let end = text.floor_char_boundary(bytes);
    if end < text.len() { format!("{}…", &text[..end]) } else { text }
}

/// A place in a list; no list here is as long as the number allows.
fn place(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

fn numbered<'a>(names: &[&'a str]) -> HashMap<&'a str, usize> {
    names.iter().enumerate().map(|(number, name)| (*name, number)).collect()
}

impl Columns {
    fn push(&mut self, report: &Report, index: usize, change: u8, longest: usize, numbers: &Numbers<'_>) {
        let (case, outcome) = (&report.cases[index], &report.outcomes[index]);
        let label = |label: &str| numbers.labels.get(label).copied();
        let number = |name: &Option<String>| name.as_deref().and_then(label).map_or(-1, place);
        let (input, expected, got, best) = if report.labelled {
            let expected = match &case.expected {
                Expected::AnyOf(labels) => labels.iter().filter_map(|name| label(name)).collect(),
                Expected::OutOfScope => Vec::new(),
            };
            (bounded(&case.input, longest), expected, number(&outcome.got), number(&outcome.best))
        } else {
            // An answer in words stands behind its input, and is right or wrong.
            let answer = bounded(outcome.got.as_deref().unwrap_or("none"), longest / 2);
            let ruling = i32::from(!outcome.right);
            (format!("{} → {answer}", bounded(&case.input, longest / 2)), vec![0], ruling, ruling)
        };
        self.id.push(cut(&case.id, LONGEST_ID));
        self.input.push(input);
        self.expected.push(expected);
        self.got.push(if outcome.error.is_some() { -2 } else { got });
        self.best.push(best);
        self.confidence.push((outcome.confidence * 1e4).round() / 1e4);
        self.stage.push(numbers.stages.get(&*outcome.stage).copied().map_or(-1, place));
        self.us.push((outcome.took.as_secs_f64() * 1e7).round() / 10.0);
        self.change.push(change);
        self.tags.push(case.tags.iter().filter_map(|tag| numbers.tags.get(&**tag).copied()).collect());
        self.pin.push(u8::from(case.pin));
        self.right.push(u8::from(outcome.right));
    }
}
