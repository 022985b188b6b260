//! Several classifiers asked at the same time, and one answer made of theirs.

use std::future::Future;

use futures_util::future::join;

use crate::error::Result;
use crate::router::calibration::Calibration;
use crate::router::unseen::{PARTS, Scores, Unseen};
use crate::router::{Classifier, Decision, Example, Label, Passed, RANKED, Ranked};
use crate::vote;

/// A share so small that a route a member did not rank may well have had it.
const UNRANKED: f64 = 1e-4;

/// Members of an ensemble: those before the last, and the last with its weight.
#[derive(Clone, Debug)]
pub struct Members<Before, C> {
    before: Before,
    classifier: C,
    weight: f64,
}

/// What stands before the first member: nobody.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

/// Members, before it is said how their answers are put together.
#[derive(Clone, Copy, Debug)]
pub struct Ensemble;

impl Ensemble {
    /// The first member.
    pub fn of<C: Classifier>(classifier: C) -> Members<Nobody, C> {
        Members { before: Nobody, classifier, weight: 1.0 }
    }
}

impl<Before, C: Classifier> Members<Before, C> {
    /// Another member, as weighty as the others.
    pub fn and<D: Classifier<Route = C::Route>>(self, classifier: D) -> Members<Self, D> {
        Members { before: self, classifier, weight: 1.0 }
    }

    /// The same, with another weight for the last member; only its proportion to the others' counts.
    #[must_use]
    pub fn weighing(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// Each member has a vote, as weighty as it is. The confidence is the winner's share of all votes; a member that
    /// abstains has none, and with a tie or without a vote the ensemble abstains.
    pub fn vote(self) -> Voting<Self> {
        Voting { members: self }
    }

    /// Late fusion: the product of the members' probabilities, each to the power of its weight, made to sum to 1. This
    /// wants members whose confidence is calibrated. A member that abstains does not count.
    pub fn fuse(self) -> Fusing<Self> {
        Fusing { members: self, weights: None }
    }
}

/// Each member's weight and what it answered.
type Answers<R> = Vec<(f64, Option<Decision<R>>)>;

/// Classifiers that can be asked at the same time: [`Members`].
#[allow(unreachable_pub, reason = "bounds public types and is nobody's to implement")]
pub trait AskAll: Send + Sync {
    /// The routes.
    type Route: Label;

    /// Adds each member's weight and answer to `answers`, in order.
    fn ask_all(&self, input: &str) -> impl Future<Output = Result<Answers<Self::Route>>> + Send;
}

impl<C: Classifier> AskAll for Members<Nobody, C> {
    type Route = C::Route;

    async fn ask_all(&self, input: &str) -> Result<Answers<C::Route>> {
        Ok(vec![(self.weight, self.classifier.classify(input).await?)])
    }
}

impl<Before, B, C> AskAll for Members<Members<Before, B>, C>
where
    Members<Before, B>: AskAll<Route = C::Route>,
    C: Classifier,
{
    type Route = C::Route;

    async fn ask_all(&self, input: &str) -> Result<Answers<C::Route>> {
        let (before, last) = join(self.before.ask_all(input), self.classifier.classify(input)).await;
        let mut answers = before?;
        answers.push((self.weight, last?));
        Ok(answers)
    }
}

/// An ensemble that votes.
///
/// ```
/// use orch_core::router::{By, Classifier, Ensemble};
///
/// let says = |route: &'static str| By::new("test", move |_: &str| Some(route.to_owned()));
/// let ensemble = Ensemble::of(says("a")).and(says("b")).and(says("a")).vote();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let decision = ensemble.classify("hello").await?.unwrap();
/// assert_eq!((decision.route.as_str(), decision.confidence), ("a", 2.0 / 3.0));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Voting<M> {
    members: M,
}

impl<M: AskAll> Classifier for Voting<M> {
    type Route = M::Route;

    async fn classify(&self, input: &str) -> Result<Option<Decision<M::Route>>> {
        let answers = self.members.ask_all(input).await?;
        let passed = passed(&answers);
        let votes = answers.into_iter().filter_map(|(weight, answer)| Some((answer?.route, weight)));
        let vote = vote::weighted(votes).filter(|vote| !vote.tied);
        Ok(vote.map(|vote| Decision { passed, ..Decision::new(vote.winner, vote.share, "vote") }))
    }
}

/// An ensemble that multiplies probabilities.
#[derive(Clone, Debug)]
pub struct Fusing<M> {
    members: M,
    /// Fitted weights, in the order of the members.
    weights: Option<Vec<f64>>,
}

impl<M: AskAll> Fusing<M> {
    /// Fits the members' weights to examples they were not trained on: those that make the right answers likeliest. More
    /// than four members keep the weights they were given.
    ///
    /// # Errors
    ///
    /// When a member fails.
    pub async fn fitted(mut self, examples: &[Example<M::Route>]) -> Result<Self> {
        let mut routes: Vec<M::Route> = Vec::new();
        let mut said = Vec::with_capacity(examples.len());
        for example in examples {
            let answers = self.members.ask_all(&example.input).await?;
            let ranked =
                answers.iter().filter_map(|(_, answer)| answer.as_ref()).flat_map(|answer| &answer.ranking);
            for route in ranked.map(|ranked| &ranked.route).chain(&example.route) {
                if !routes.contains(route) {
                    routes.push(route.clone());
                }
            }
            said.push(answers);
        }
        let members = said.first().map_or(0, Vec::len);
        if members > PARTS || routes.len() < 2 {
            return Ok(self);
        }
        let mut unseen = Unseen::default();
        for (answers, example) in said.iter().zip(examples) {
            let mut scores = Scores::default();
            for (part, (_, answer)) in scores.parts.iter_mut().zip(answers) {
                *part = routes.iter().map(|route| logarithm(answer.as_ref(), route) as f32).collect();
            }
            unseen.scores.push(scores);
            let number =
                example.route.as_ref().and_then(|route| routes.iter().position(|known| known == route));
            unseen.labels.push(number.map(|number| number as u32));
        }
        let start = std::array::from_fn(|part| if part < members { 1.0 / members as f64 } else { 0.0 });
        let slopes = Calibration::slopes_only(&unseen, start).slopes;
        self.weights = Some(slopes[..members].iter().map(|slope| f64::from(*slope)).collect());
        Ok(self)
    }

    /// The weights that were fitted, in the order of the members.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

/// The stages that were asked within the members and did not decide.
fn passed<R: Label>(answers: &Answers<R>) -> Vec<Passed> {
    let decisions = answers.iter().filter_map(|(_, answer)| answer.as_ref());
    decisions.flat_map(|decision| decision.passed.iter().cloned()).collect()
}

/// The logarithm of the probability an answer gives a route; 0 for every route if there is no answer.
fn logarithm<R: Label>(answer: Option<&Decision<R>>, route: &R) -> f64 {
    answer.map_or(0.0, |answer| {
        let ranked = answer.ranking.iter().find(|ranked| ranked.route == *route);
        ranked.map_or(UNRANKED, |ranked| ranked.confidence.max(UNRANKED)).ln()
    })
}

impl<M: AskAll> Classifier for Fusing<M> {
    type Route = M::Route;

    async fn classify(&self, input: &str) -> Result<Option<Decision<M::Route>>> {
        let mut answers = self.members.ask_all(input).await?;
        if let Some(weights) = &self.weights {
            answers.iter_mut().zip(weights).for_each(|((weight, _), fitted)| *weight = *fitted);
        } else {
            let total: f64 =
                answers.iter().filter(|(_, answer)| answer.is_some()).map(|(weight, _)| weight).sum();
            // Those who answered count nothing.
            if total <= 0.0 {
                return Ok(None);
            }
            answers.iter_mut().for_each(|(weight, _)| *weight /= total);
        }
        let mut routes: Vec<M::Route> = Vec::new();
        for ranked in
            answers.iter().filter_map(|(_, answer)| answer.as_ref()).flat_map(|answer| &answer.ranking)
        {
            if !routes.contains(&ranked.route) {
                routes.push(ranked.route.clone());
            }
        }
        let mut ranking: Vec<Ranked<M::Route>> = routes
            .into_iter()
            .map(|route| {
                let logarithms =
                    answers.iter().map(|(weight, answer)| weight * logarithm(answer.as_ref(), &route));
                Ranked { confidence: logarithms.sum::<f64>().exp(), route }
            })
            .collect();
        // What was left of 1 by the members is left here too: abstaining members must not make the others surer.
        let total: f64 = ranking.iter().map(|ranked| ranked.confidence).sum();
        let least_left = answers
            .iter()
            .filter_map(|(_, answer)| answer.as_ref())
            .map(|answer| 1.0 - answer.ranking.iter().map(|ranked| ranked.confidence).sum::<f64>())
            .fold(1.0, f64::min)
            .max(0.0);
        ranking.iter_mut().for_each(|ranked| ranked.confidence *= (1.0 - least_left) / total);
        ranking.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        ranking.truncate(RANKED);
        let Some(Ranked { route, confidence }) = ranking.first().cloned() else {
            return Ok(None);
        };
        let passed = passed(&answers);
        Ok(Some(Decision { ranking, passed, ..Decision::new(route, confidence, "fusion") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says `a` with a confidence that is right so often.
    struct Says(fn(&str) -> [f64; 2]);

    impl Classifier for Says {
        type Route = String;

        fn classify(&self, input: &str) -> impl Future<Output = Result<Option<Decision<String>>>> + Send {
            let shares = (self.0)(input);
            let ranking = ["a", "b"]
                .into_iter()
                .zip(shares)
                .map(|(route, confidence)| Ranked { route: route.to_owned(), confidence });
            let mut ranking: Vec<_> = ranking.collect();
            ranking.sort_by(|x, y| y.confidence.total_cmp(&x.confidence));
            let best = ranking[0].clone();
            let decision = Decision { ranking, ..Decision::new(best.route, best.confidence, "test") };
            std::future::ready(Ok(Some(decision)))
        }
    }

    fn block<T>(future: impl Future<Output = Result<T>>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future).unwrap()
    }

    #[test]
    fn fusion_multiplies_and_fitting_finds_who_is_right() {
        let knows = Says(|input| if input.contains('a') { [0.8, 0.2] } else { [0.2, 0.8] });
        let guesses = Says(|input| if input.len() % 2 == 0 { [0.7, 0.3] } else { [0.3, 0.7] });
        let fused = Ensemble::of(knows).and(guesses).fuse();
        let decision = block(fused.classify("aa")).unwrap();
        assert!(decision.route == "a" && decision.confidence > 0.75, "{decision:?}");
        let examples: Vec<Example<String>> = (1..60)
            .map(|i| {
                let letter = if i % 3 == 0 { "a" } else { "b" };
                Example::new(letter.repeat(i), Some(letter.to_owned()))
            })
            .collect();
        let fitted = block(fused.fitted(&examples));
        let weights = fitted.weights().unwrap();
        assert!(weights[0] > 4.0 * weights[1], "{weights:?}");
        assert_eq!(block(fitted.classify("bb")).unwrap().route, "b");
    }
}
