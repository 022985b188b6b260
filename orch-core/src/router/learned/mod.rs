//! A linear classifier over hashed n-grams, trained in process from labelled examples.

use std::collections::HashMap;
use std::future::Future;

use crate::error::{Error, Kind, Result};
use crate::router::{Classifier, Decision, Label, RANKED, Ranked, Route, Router};

mod calibration;
mod features;
mod file;
mod model;
mod network;
mod solver;
mod vocabulary;

use calibration::Calibration;
pub(super) use calibration::logistic;
use features::Ngrams;
use model::{ABSENT, Model, Network, Scores, Separators};
use solver::{Problem, Settings};
use vocabulary::Vocabulary;

/// Folds of the cross-validation that calibrates a router without held-out examples.
const FOLDS: usize = 5;

const SETTINGS: Settings = Settings { c: 1.0, positive_weight: 4.0, passes: 20, tolerance: 0.05 };

/// An input and the route it should take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example<R> {
    /// The text.
    pub input: String,
    /// The route; `None` is out of scope.
    pub route: Option<R>,
    /// Kept for calibration: the router is first trained without it.
    pub held_out: bool,
}

impl<R> Example<R> {
    /// An example to train on.
    pub fn new(input: impl Into<String>, route: Option<R>) -> Self {
        Self { input: input.into(), route, held_out: false }
    }
}

/// A router that learned from examples.
///
/// The features are words, pairs of words, and runs of 2 to 5 characters inside words, so a typo costs little. Each
/// route has a linear separator, and a small network beside them sees all routes at once (their sources say by which
/// methods). Scores become probabilities by a softmax fitted to examples neither had seen; out-of-scope examples, if
/// there are any, teach it how much probability to leave for none of the routes.
///
/// ```
/// use orch_core::router::{Classifier, Example, Learned};
/// use orch_core::{Result, Route};
///
/// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// enum Intent {
///     Billing,
///     Technical,
///     #[route(default)]
///     Other,
/// }
///
/// let examples = [
///     ("I was charged twice", Intent::Billing),
///     ("please refund the second charge", Intent::Billing),
///     ("the invoice is wrong", Intent::Billing),
///     ("the app crashes", Intent::Technical),
///     ("error on the login screen", Intent::Technical),
///     ("the app shows an error and closes", Intent::Technical),
/// ];
/// let examples: Vec<_> = examples.map(|(input, route)| Example::new(input, Some(route))).into();
/// let router = Learned::fit(&examples)?;
/// assert_eq!(router.rank("my invoce was chraged twice").route, Intent::Billing);
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Learned<R> {
    routes: Vec<R>,
    model: Model,
    calibration: Calibration,
}

impl<R: Label> Learned<R> {
    /// Trains and calibrates a router. The same examples in the same order give the same router.
    ///
    /// If any example is [held out](Example::held_out), those calibrate it; otherwise cross-validation does. In
    /// the end it is trained on all of them.
    ///
    /// # Errors
    ///
    /// When there are fewer than two routes among the examples.
    pub fn fit(examples: &[Example<R>]) -> Result<Self> {
        let mut routes: Vec<R> = Vec::new();
        let mut numbers: HashMap<&R, u32> = HashMap::new();
        for route in examples.iter().filter_map(|example| example.route.as_ref()) {
            numbers.entry(route).or_insert_with(|| {
                routes.push(route.clone());
                routes.len() as u32 - 1
            });
        }
        if routes.len() < 2 {
            let found = routes.len();
            return Err(Error::with(
                Kind::Router,
                format!("a learned router needs examples of at least 2 routes, and these are of {found}"),
            ));
        }
        let texts: Vec<Ngrams> = examples.iter().map(|example| Ngrams::of(&example.input)).collect();
        let labels: Vec<Option<u32>> = examples
            .iter()
            .map(|example| example.route.as_ref().and_then(|route| numbers.get(route).copied()))
            .collect();
        let data = Data { texts: &texts, labels: &labels, routes: routes.len() };
        let unseen =
            data.scores_when_unseen(&examples.iter().map(|example| example.held_out).collect::<Vec<_>>());
        let calibration = Calibration::fit(&unseen);
        let model = data.train(&|_| true);
        Ok(Self { routes, model, calibration })
    }

    /// The routes it can choose, in the order in which the examples first name them.
    #[must_use]
    pub fn routes(&self) -> &[R] {
        &self.routes
    }

    /// Below this confidence it abstains.
    #[must_use]
    pub fn abstains_below(&self) -> f64 {
        self.calibration.threshold
    }

    /// The same router with another threshold, from 0 (never abstains) to 1.
    #[must_use]
    pub fn abstaining_below(mut self, confidence: f64) -> Self {
        self.calibration.threshold = confidence;
        self
    }

    /// The likeliest route, whatever the confidence.
    #[must_use]
    pub fn rank(&self, input: &str) -> Decision<R> {
        let scores = self.calibration.probabilities(&self.model.scores(&Ngrams::of(input)));
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        let better = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
        if order.len() > RANKED {
            order.select_nth_unstable_by(RANKED, better);
            order.truncate(RANKED);
        }
        order.sort_unstable_by(better);
        let ranking: Vec<Ranked<R>> = order
            .into_iter()
            .map(|route| Ranked {
                route: self.routes[route as usize].clone(),
                confidence: f64::from(scores[route as usize]),
            })
            .collect();
        let Ranked { route, confidence } = ranking[0].clone();
        Decision { route, confidence, ranking, decided_by: "learned" }
    }

    /// The router as bytes, to be kept in a file or in the program with `include_bytes!`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads what [`to_bytes`](Learned::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are not a router of this version, are damaged, or name a route that `R` does not have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        file::read(bytes).map_err(|problem| Error::with(Kind::Router, problem))
    }
}

impl<R: Label> Classifier for Learned<R> {
    type Route = R;

    fn classify(&self, input: &str) -> impl Future<Output = Result<Option<Decision<R>>>> + Send {
        let decision = self.rank(input);
        std::future::ready(Ok((decision.confidence >= self.calibration.threshold).then_some(decision)))
    }
}

impl<R: Route> Router for Learned<R> {
    type Route = R;

    fn decide(&self, input: &str) -> impl Future<Output = Result<Decision<R>>> + Send {
        let mut decision = self.rank(input);
        if decision.confidence < self.calibration.threshold {
            decision.confidence = 1.0 - decision.confidence;
            decision.route = R::DEFAULT;
            decision.decided_by = "default";
        }
        std::future::ready(Ok(decision))
    }
}

/// Examples as the trainer sees them.
struct Data<'a> {
    texts: &'a [Ngrams],
    labels: &'a [Option<u32>],
    routes: usize,
}

/// What a model says of examples it was not trained on.
#[derive(Default)]
struct Unseen {
    scores: Vec<Scores>,
    labels: Vec<Option<u32>>,
}

impl Data<'_> {
    fn train(&self, keep: &dyn Fn(usize) -> bool) -> Model {
        let kept: Vec<usize> = (0..self.texts.len()).filter(|index| keep(*index)).collect();
        let (vocabulary, frequency) = Vocabulary::of(kept.iter().map(|index| &self.texts[*index]));
        let mut problem = Problem {
            rows: kept.iter().map(|index| vocabulary.row(&self.texts[*index]).features).collect(),
            routes: kept.iter().map(|index| self.labels[*index]).collect(),
            route_count: self.routes,
            feature_count: vocabulary.len(),
        };
        let separators = Separators::new(&solver::train(&problem, SETTINGS), self.routes);
        let inputs = network::inputs(&frequency, kept.len());
        problem.feature_count = inputs.iter().filter(|input| **input != ABSENT).count();
        for row in &mut problem.rows {
            row.retain_mut(|(feature, _)| {
                *feature = inputs[*feature as usize];
                *feature != ABSENT
            });
        }
        let network = Network::new(inputs, network::train(&problem));
        Model { vocabulary, separators, network }
    }

    fn scores_when_unseen(&self, held_out: &[bool]) -> Unseen {
        let fold_of: Vec<Option<usize>> = if held_out.iter().any(|held| *held) {
            held_out.iter().map(|held| held.then_some(0)).collect()
        } else {
            self.folds()
        };
        let folds = fold_of.iter().flatten().max().map_or(0, |last| last + 1);
        let mut unseen = Unseen::default();
        for fold in 0..folds {
            let model = self.train(&|index| fold_of[index] != Some(fold));
            for index in (0..self.texts.len()).filter(|index| fold_of[*index] == Some(fold)) {
                unseen.scores.push(model.scores(&self.texts[index]));
                unseen.labels.push(self.labels[index]);
            }
        }
        unseen
    }

    /// Deals the examples of each route out over the folds in turn.
    fn folds(&self) -> Vec<Option<usize>> {
        let mut next: HashMap<Option<u32>, usize> = HashMap::new();
        self.labels
            .iter()
            .map(|label| {
                let count = next.entry(*label).or_default();
                *count += 1;
                Some((*count - 1) % FOLDS)
            })
            .collect()
    }
}
