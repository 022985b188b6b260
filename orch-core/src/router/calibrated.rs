//! Confidence that says how often an answer is right.

use crate::error::{Error, Kind, Result};
use crate::router::calibration::{as_threshold, best_threshold, logistic};
use crate::router::file::{self, Writer, nonsense};
use crate::router::{Classifier, Decision, Example, Ranked};

const KIND: &str = "calibrated";
/// Examples a confidence is fitted on, at least.
const LEAST: usize = 20;
/// The most and the least a confidence is taken to be, so that its log-odds are finite.
const EDGE: f64 = 1e-4;

/// A classifier with a confidence fitted to examples, and a threshold below which it abstains: for classifiers whose own
/// confidence is a count, a share, or 1 whatever they say.
///
/// The confidence is a logistic function of the log-odds of the classifier's own (Platt, "Probabilistic Outputs for Support
/// Vector Machines", 1999). The threshold is the one with the most right answers, abstaining on what is out of scope
/// included.
///
/// ```
/// use orch_core::router::{By, Calibrated, Classifier, Example};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // Right three times of four, and always sure of itself.
/// let by_word = By::new("word", |input: &str| input.contains("refund").then(|| "billing".to_owned()));
/// let examples: Vec<Example<String>> = (0..40)
///     .map(|i| Example::new("my refund", Some(if i % 4 == 0 { "other" } else { "billing" }.to_owned())))
///     .collect();
/// let router = Calibrated::fit(by_word, &examples).await?;
/// let decision = router.classify("where is my refund").await?.unwrap();
/// assert!((0.7..0.8).contains(&decision.confidence));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Calibrated<C> {
    classifier: C,
    offset: f64,
    slope: f64,
    threshold: f64,
}

impl<C: Classifier> Calibrated<C> {
    /// Asks the classifier about each example it has not seen, and fits its confidence and a threshold. If any example is
    /// [held out](Example::held_out), those are asked about; otherwise all are.
    ///
    /// # Errors
    ///
    /// When the classifier fails, or answers fewer than 20 of the examples.
    pub async fn fit(classifier: C, examples: &[Example<C::Route>]) -> Result<Self> {
        let some_held_out = examples.iter().any(|example| example.held_out);
        let mut answers: Vec<(f64, bool)> = Vec::new();
        let mut in_scope: Vec<bool> = Vec::new();
        for example in examples.iter().filter(|example| example.held_out || !some_held_out) {
            if let Some(decision) = classifier.classify(&example.input).await? {
                if let Some(failed) = decision.failed_stage() {
                    // What the rest made of it says nothing of the whole.
                    return Err(Error::message(failed.to_string()));
                }
                answers
                    .push((log_odds(decision.confidence), example.route.as_ref() == Some(&decision.route)));
                in_scope.push(example.route.is_some());
            }
        }
        if answers.len() < LEAST {
            let what = format!(
                "the classifier answers {} of the examples, and {LEAST} are needed to fit its confidence",
                answers.len()
            );
            return Err(Error::with(Kind::Router, what));
        }
        let [offset, slope] = logistic(&answers);
        let mut fitted = Self { classifier, offset, slope, threshold: 0.0 };
        let gains = answers.iter().zip(in_scope).map(|((own, right), in_scope)| {
            (fitted.confidence(*own), if in_scope { -i32::from(*right) } else { 1 })
        });
        fitted.threshold = best_threshold(gains.collect());
        Ok(fitted)
    }

    /// What was fitted as bytes, without the classifier, so that it need not be asked about each example again.
    ///
    /// ```
    /// # use orch_core::router::{By, Calibrated, Example};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let by_word = || By::new("word", |input: &str| input.contains("refund").then(|| "billing".to_owned()));
    /// # let examples = vec![Example::new("my refund", Some("billing".to_owned())); 40];
    /// let bytes = Calibrated::fit(by_word(), &examples).await?.to_bytes();
    /// let router = Calibrated::from_bytes(by_word(), &bytes)?;
    /// # assert_eq!(router.to_bytes(), bytes);
    /// # orch_core::Ok(()) }).unwrap();
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = Writer::new(KIND);
        file.doubles(&[self.offset, self.slope, self.threshold]);
        file.finish()
    }

    /// The same classifier with what [`to_bytes`](Calibrated::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are nothing of this version, or are damaged.
    pub fn from_bytes(classifier: C, bytes: &[u8]) -> Result<Self> {
        let read = || {
            let mut reader = file::read(bytes, KIND)?;
            let (offset, slope, threshold) = (reader.double()?, reader.double()?, reader.share()?);
            reader.finish()?;
            if slope >= 0.0 { Ok((offset, slope, threshold)) } else { Err(nonsense()) }
        };
        let (offset, slope, threshold) = read().map_err(|problem| Error::with(Kind::Router, problem))?;
        Ok(Self { classifier, offset, slope, threshold })
    }

    /// Below this confidence it abstains.
    pub fn abstains_below(&self) -> f64 {
        self.threshold
    }

    /// The same with another threshold, from 0 (abstains only where the classifier does) to 1.
    #[must_use]
    pub fn abstaining_below(self, confidence: f64) -> Self {
        Self { threshold: as_threshold(confidence), ..self }
    }

    fn confidence(&self, own: f64) -> f64 {
        1.0 / (1.0 + (-self.offset - self.slope * own).exp())
    }
}

fn log_odds(confidence: f64) -> f64 {
    let confidence = if confidence.is_nan() { 0.5 } else { confidence.clamp(EDGE, 1.0 - EDGE) };
    (confidence / (1.0 - confidence)).ln()
}

impl<C: Classifier> Classifier for Calibrated<C> {
    type Route = C::Route;

    async fn classify(&self, input: &str) -> Result<Option<Decision<C::Route>>> {
        let Some(mut decision) = self.classifier.classify(input).await? else { return Ok(None) };
        decision.confidence = self.confidence(log_odds(decision.confidence));
        // The likeliest has what was fitted; the others share what it leaves as they did before, and none is likelier.
        let rest: f64 = decision.ranking.iter().skip(1).map(|ranked| ranked.confidence).sum();
        let left = 1.0 - decision.confidence;
        for (rank, Ranked { confidence, .. }) in decision.ranking.iter_mut().enumerate() {
            *confidence = match rank {
                0 => decision.confidence,
                _ if rest > 0.0 => (left * *confidence / rest.max(left)).min(decision.confidence),
                _ => 0.0,
            };
        }
        match decision.failed_stage() {
            _ if decision.confidence >= self.threshold => Ok(Some(decision)),
            // Abstaining would hide it.
            Some(failed) => Err(Error::message(failed.to_string())),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{By, Keyword};

    fn examples(right: usize, wrong: usize, outside: usize) -> Vec<Example<String>> {
        let of = |route: Option<&str>, count| {
            vec![Example::new("say refund twice", route.map(str::to_owned)); count]
        };
        [of(Some("billing"), right), of(Some("tech"), wrong), of(None, outside)].concat()
    }

    #[tokio::test]
    async fn confidence_is_how_often_it_is_right_and_what_is_mostly_outside_is_not_answered() {
        let word = || By::new("word", |text: &str| text.contains("refund").then(|| "billing".to_owned()));
        let router = Calibrated::fit(word(), &examples(60, 20, 0)).await.unwrap();
        let sure = router.classify("refund").await.unwrap().unwrap().confidence;
        assert!((sure - 0.75).abs() < 0.02 && router.abstains_below() == 0.0, "{sure}");
        let router = Calibrated::fit(word(), &examples(10, 0, 40)).await.unwrap();
        assert_eq!(router.classify("refund").await.unwrap(), None);
        let error = Calibrated::fit(word(), &examples(3, 0, 0)).await.unwrap_err().to_string();
        assert!(error.contains("answers 3 of the examples"), "{error}");
    }

    #[tokio::test]
    async fn a_confidence_that_says_the_opposite_is_left_out_of_account() {
        struct Contrary;
        impl Classifier for Contrary {
            type Route = String;
            async fn classify(&self, text: &str) -> Result<Option<Decision<String>>> {
                let confidence = if text == "sure" { 0.9 } else { 0.6 };
                Ok(Some(Decision::new("a".to_owned(), confidence, "contrary")))
            }
        }
        let example = |text: &str, right| Example::new(text, Some(if right { "a" } else { "b" }.to_owned()));
        // Right 3 times of 10 where it is sure, and 9 of 10 where it is not.
        let examples: Vec<_> =
            (0..100).flat_map(|i| [example("sure", i % 10 < 3), example("unsure", i % 10 < 9)]).collect();
        let router = Calibrated::fit(Contrary, &examples).await.unwrap().abstaining_below(0.0);
        for text in ["sure", "unsure"] {
            let confidence = router.classify(text).await.unwrap().unwrap().confidence;
            assert!((confidence - 0.6).abs() < 0.01, "{confidence}");
        }
    }

    #[tokio::test]
    async fn a_ranking_still_sums_to_one_at_most() {
        let words = Keyword::new(
            [("billing", "refund"), ("billing", "twice"), ("tech", "say")]
                .map(|(route, word)| (route.to_owned(), word)),
        );
        let router = Calibrated::fit(words.unwrap(), &examples(30, 10, 0)).await.unwrap();
        let decision = router.classify("say refund twice").await.unwrap().unwrap();
        let sum: f64 = decision.ranking.iter().map(|ranked| ranked.confidence).sum();
        assert!(decision.ranking.len() == 2 && sum <= 1.0 + 1e-9, "{decision:?}");
    }
}
