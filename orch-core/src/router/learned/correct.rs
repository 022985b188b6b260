//! Learning from corrections without the data a router was fitted on.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result};
use crate::router::unseen::Scores;
use crate::router::{Example, Label};
use crate::simd::add_scaled;

use super::Learned;
use super::courtesy::without_courtesy;
use super::features::Ngrams;
use super::network::ABSENT;
use super::vocabulary::{Gram, Row, Vocabulary};

/// Passes over the corrections.
const PASSES: usize = 100;
/// By how much, in log-odds, a correction is to win once it has been learned.
const MARGIN: f32 = 0.5;

impl<R: Label> Learned<R> {
    /// A router near to this one that gets these right: for cases that were misrouted.
    ///
    /// The separators of the right route and of its rival move for the words of the correction, as little as it takes
    /// (the passive-aggressive update of Crammer et al., "Online Passive-Aggressive Algorithms", JMLR 2006); words they
    /// have not seen get weights too. All else stays as it was fitted. After many corrections, fit again on all data: that
    /// is more accurate.
    ///
    /// # Errors
    ///
    /// When a correction is of a route that the router does not have, when one is out of scope and the router never
    /// abstains, and when they cannot all be learned, because they contradict each other.
    ///
    /// ```
    /// # use orch_core::router::{Example, Learned};
    /// # let examples: Vec<_> = [("refund my card", "billing"), ("wrong invoice", "billing"), ("the app crashes", "technical"), ("error on login", "technical")]
    /// #     .map(|(input, route)| Example::new(input, Some(route.to_owned()))).into();
    /// let router = Learned::fit(&examples)?;
    /// let better = router.corrected(&[Example::new("my voucher is void", Some("billing".to_owned()))])?;
    /// assert_eq!(better.rank("my voucher is void").route, "billing");
    /// assert_eq!(better.rank("the app crashes").route, "technical");
    /// # orch_core::Ok(())
    /// ```
    pub fn corrected(&self, corrections: &[Example<R>]) -> Result<Self> {
        let mut targets = Vec::with_capacity(corrections.len());
        for correction in corrections {
            let number = match &correction.route {
                None => None,
                Some(route) => match self.routes.iter().position(|known| known == route) {
                    Some(number) => Some(number),
                    None => return Err(unknown(route, &self.routes)),
                },
            };
            targets.push(number);
        }
        if targets.contains(&None) && self.calibration.threshold <= 0.0 {
            let what =
                "a correction is out of scope, and this router never abstains; fit it on such examples first";
            return Err(Error::with(Kind::Router, what.to_owned()));
        }
        let mut router = self.with_words_of(corrections);
        let rows: Vec<Row> = corrections
            .iter()
            .map(|correction| router.model.vocabulary.row(&Ngrams::of(without_courtesy(&correction.input))))
            .collect();
        let said = |router: &Self| -> Vec<Scores> {
            corrections.iter().map(|correction| router.model.scores(&correction.input)).collect()
        };
        let (mut before, mut changes) = (said(&router), BTreeMap::new());
        for _ in 0..PASSES {
            let mut moved = false;
            for ((scores, row), target) in before.iter().zip(&rows).zip(&targets) {
                let scores = with_changes(scores, row, &changes);
                if let Some(step) = router.step(&scores, row, *target) {
                    moved = true;
                    for (feature, value) in &row.features {
                        let change = changes.entry(*feature).or_insert_with(|| vec![0.0; step.len()]);
                        add_scaled(change, &step, *value);
                    }
                }
            }
            if moved {
                continue;
            }
            if changes.is_empty() {
                return Ok(router);
            }
            // What is kept is rounded to 8 bits, and must hold then too.
            router.model.separators = router.model.separators.moved(&changes);
            before = said(&router);
            changes.clear();
        }
        Err(Error::with(
            Kind::Router,
            "these corrections cannot be learned together: some contradict each other; fit again on all data"
                .to_owned(),
        ))
    }

    /// What to add to each route's weights, times a feature's value, so that an input wins by the margin; nothing where it
    /// does.
    fn step(&self, scores: &Scores, row: &Row, target: Option<usize>) -> Option<Vec<f32>> {
        let norm: f32 = row.features.iter().map(|(_, value)| value * value).sum();
        let best = |except: Option<usize>, logits: &[f32]| {
            let others = logits.iter().enumerate().filter(|(route, _)| Some(*route) != except);
            others.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(route, _)| route)
        };
        let slope = self.calibration.slopes[0];
        let mut step = vec![0.0_f32; self.routes.len()];
        match target {
            Some(target) => {
                let logits = self.calibration.mixed(scores);
                let rival = best(Some(target), &logits);
                let short = MARGIN - (logits[target] - logits[rival]);
                let abstains =
                    f64::from(self.calibration.probabilities(scores)[target]) < self.calibration.threshold;
                if short <= 0.0 && !abstains {
                    return None;
                }
                let move_by = (short.max(MARGIN) / slope / (2.0 * norm.max(1e-6))).min(4.0);
                step[target] = move_by;
                // A route that already wins is only made surer.
                step[rival] = if short > 0.0 { -move_by } else { 0.0 };
            }
            None => {
                let shares = self.calibration.probabilities(scores);
                let likely = best(None, &shares);
                if f64::from(shares[likely]) < self.calibration.threshold {
                    return None;
                }
                // Both what makes it likely and what makes it look in scope.
                let near = best(None, &scores.parts[0]);
                for route in [likely, near] {
                    step[route] = -(MARGIN / slope / norm.max(1e-6)).min(4.0);
                }
            }
        }
        Some(step)
    }

    /// The same router with the n-grams of some texts in its vocabulary. They weigh what unknown ones do, so that no other
    /// text's features change.
    fn with_words_of(&self, corrections: &[Example<R>]) -> Self {
        let inputs = || corrections.iter().map(|correction| correction.input.as_str());
        let texts: Vec<Ngrams> = inputs().map(Ngrams::of).collect();
        let old = &self.model.vocabulary;
        let hashes = texts.iter().flat_map(|text| [&text.words, &text.characters, &text.pairs]).flatten();
        let is_new = |hash: &u32| old.grams.binary_search_by_key(hash, |gram| gram.hash).is_err();
        let new: BTreeSet<u32> = hashes.map(|(hash, _)| *hash).filter(is_new).collect();
        let mut router = self.clone();
        router.model.spelling = self.model.spelling.with(inputs());
        let mut all: Vec<(Gram, Option<usize>)> =
            old.grams.iter().enumerate().map(|(feature, gram)| (*gram, Some(feature))).collect();
        all.extend(new.into_iter().map(|hash| (Gram { hash, rarity: old.unknown }, None)));
        all.sort_unstable_by_key(|(gram, _)| gram.hash);
        let (grams, origins): (Vec<Gram>, Vec<Option<usize>>) = all.into_iter().unzip();
        router.model.vocabulary = Vocabulary::new(grams, old.unknown, old.weights);
        router.model.separators = self.model.separators.spread(&origins);
        router.model.network.inputs = origins
            .iter()
            .map(|origin| origin.map_or(ABSENT, |feature| self.model.network.inputs[feature]))
            .collect();
        router
    }
}

/// What is said of a text once the separators have changed.
fn with_changes(scores: &Scores, row: &Row, changes: &BTreeMap<u32, Vec<f32>>) -> Scores {
    let mut scores = scores.clone();
    for (feature, value) in &row.features {
        if let Some(change) = changes.get(feature) {
            add_scaled(&mut scores.parts[0], change, *value);
        }
    }
    scores
}

fn unknown<R: Label>(route: &R, routes: &[R]) -> Error {
    let known: Vec<&str> = routes.iter().map(Label::label).collect();
    let what = format!(
        "a correction is of the route `{}`, which this router does not have; it has {}; fit it again on all data",
        route.label(),
        known.join(", ")
    );
    Error::with(Kind::Router, what)
}
