//! A linear classifier over hashed n-grams, trained in process from labelled examples.

use std::future::Future;

use crate::error::{Error, Kind, Result};
use crate::router::calibration::Calibration;
use crate::router::example::Supply;
use crate::router::explain::Reason;
use crate::router::unseen::{self, PARTS, Unseen};
use crate::router::{Classifier, Decision, Example, Label, Route, Router};

mod correct;
mod courtesy;
mod features;
mod file;
mod model;
mod network;
mod separators;
mod solver;
mod spelling;
mod vocabulary;

pub(super) use features::Ngrams;
use model::Network;
pub(super) use model::TextModel;
use network::ABSENT;
use separators::Separators;
pub(super) use solver::Random;
use solver::{Problem, Settings};
use spelling::Spelling;
pub(super) use vocabulary::Vocabulary;

/// Where the slopes of separators and network begin; a learned router has no other part.
const SLOPES: [f64; PARTS] = [4.0, 0.5, 1.0, 1.0];

const SETTINGS: Settings = Settings { c: 1.0, positive_weight: 4.0, passes: 20, tolerance: 0.05 };

/// A router that learned from examples.
///
/// The features are words, pairs of words, and runs of 2 to 5 characters inside words; a word no example had is read as
/// the known one it is a slip of the keyboard away from, and courtesy around a request is not read. Each
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
    model: TextModel,
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
        let (routes, labels) = unseen::numbered(examples)?;
        let rows = unseen::widened(examples, &labels, &routes);
        let folds = unseen::folds(examples, &labels, &rows[examples.len()..]);
        let data = TextData::of(rows, routes.len())?;
        let unseen = Unseen::by_folds(
            &folds,
            &labels,
            |keep| data.train(keep),
            |model, left_out| left_out.iter().map(|index| model.scores(&examples[*index].input)).collect(),
        );
        let model = data.train(&|_| true);
        Ok(Self { routes, model, calibration: Calibration::fit(&unseen, SLOPES) })
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
        self.calibration = self.calibration.abstaining_below(confidence);
        self
    }

    /// The likeliest route, whatever the confidence.
    #[must_use]
    pub fn rank(&self, input: &str) -> Decision<R> {
        let scores = self.calibration.probabilities(&self.model.scores(input));
        Decision::ranked(&self.routes, &scores, "learned")
    }

    /// The likeliest route, and which words decided: how much the route loses when each is left out (occlusion; Zeiler,
    /// Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2). The weightiest word comes first.
    ///
    /// ```
    /// # use orch_core::router::{Example, Learned};
    /// # let examples: Vec<_> = [("refund my card", "billing"), ("refund the invoice", "billing"), ("the app crashes", "technical"), ("error in the app", "technical")]
    /// #     .map(|(input, route)| Example::new(input, Some(route.to_owned()))).into();
    /// let router = Learned::fit(&examples)?;
    /// let (decision, reasons) = router.explain("please refund me");
    /// assert_eq!((decision.route.as_str(), reasons[0].word), ("billing", "refund"));
    /// # orch_core::Ok(())
    /// ```
    #[must_use]
    pub fn explain<'a>(&self, input: &'a str) -> (Decision<R>, Vec<Reason<'a>>) {
        let decision = self.rank(input);
        let whole = Reason::log_odds(Some(&decision), &decision.route);
        let reasons = Reason::without_each(input).into_iter().map(|(word, start, rest)| {
            let weight = whole - Reason::log_odds(Some(&self.rank(&rest)), &decision.route);
            Reason { word, start, weight }
        });
        let reasons = Reason::sorted(reasons.collect());
        (decision, reasons)
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
        std::future::ready(Ok(self.rank(input).or_default_below(self.calibration.threshold)))
    }
}

/// Texts to train on, read once.
pub(super) struct TextData {
    rows: Vec<unseen::Row>,
    ngrams: Vec<Ngrams>,
    routes: usize,
    supply: Supply,
}

/// Features times routes, at most: with many routes rare features are left out.
const MOST_WEIGHTS: usize = 400_000_000;
/// Examples times routes that are trained at once, at most: each such pair is a number while the separators learn.
const MOST_PAIRS: usize = 400_000_000;

impl TextData {
    /// # Errors
    ///
    /// When there are so many routes for so many examples that training would take more memory than machines have.
    pub(super) fn of(rows: Vec<unseen::Row>, routes: usize) -> Result<Self> {
        if rows.len().saturating_mul(routes) > MOST_PAIRS {
            let what = format!(
                "{} examples of {routes} routes are more than are trained at once, which is {MOST_PAIRS} examples times \
                 routes; route in two steps, or keep fewer examples",
                rows.len()
            );
            return Err(Error::with(Kind::Router, what));
        }
        let ngrams = rows.iter().map(|row| Ngrams::of(&row.text).shrunk()).collect();
        let supply = Supply::of(rows.iter().filter(|row| row.example.is_some()).count());
        Ok(Self { rows, ngrams, routes, supply })
    }

    /// Trains without the examples `keep` does not want.
    pub(super) fn train(&self, keep: &dyn Fn(usize) -> bool) -> TextModel {
        let kept: Vec<usize> =
            (0..self.rows.len()).filter(|index| self.rows[*index].example.is_none_or(keep)).collect();
        let texts = kept.iter().map(|index| &self.ngrams[*index]);
        let (vocabulary, frequency) = Vocabulary::of(texts, self.supply, MOST_WEIGHTS / self.routes.max(1));
        let mut problem = Problem {
            rows: kept.iter().map(|index| vocabulary.row(&self.ngrams[*index]).features).collect(),
            routes: kept.iter().map(|index| self.rows[*index].route).collect(),
            route_count: self.routes,
            feature_count: vocabulary.len(),
        };
        let separators = Separators::new(&solver::train(&problem, SETTINGS), self.routes);
        let inputs = network::inputs(&frequency, self.supply);
        problem.feature_count = inputs.iter().filter(|input| **input != ABSENT).count();
        for row in &mut problem.rows {
            row.retain_mut(|(feature, _)| {
                *feature = inputs[*feature as usize];
                *feature != ABSENT
            });
        }
        let network = Network::new(inputs, network::train(&problem));
        let spelling = Spelling::of(kept.iter().map(|index| self.rows[*index].text.as_str()));
        TextModel { spelling, vocabulary, separators, network }
    }
}
