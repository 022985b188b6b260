//! Learning from corrections without the data a router was fitted on.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result};
use crate::router::{Example, Label};
use crate::simd::add_scaled;

use super::Learned;
use super::features::Ngrams;
use super::model::ABSENT;
use super::vocabulary::{Row, Vocabulary};

/// Passes over the corrections.
const PASSES: usize = 50;
/// How far on the right side of its separators a correction is pushed, at first and at most: the separators must outvote
/// the network, which stays as it is.
const MARGIN: f32 = 1.0;
const LARGEST_MARGIN: f32 = 16.0;
/// Half the inverse of the price of an error, as in training.
const SLACK: f32 = 0.1;

impl<R: Label> Learned<R> {
    /// The router that is nearest to this one and gets these right: for cases that were misrouted.
    ///
    /// Separators move as little as they can; words they have not seen get weights too. Confidence stays as it was fitted.
    /// After many corrections, fit again on all data: that is more accurate.
    ///
    /// # Errors
    ///
    /// When a correction is of a route that the router does not have.
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
        let texts: Vec<Ngrams> = corrections.iter().map(|correction| Ngrams::of(&correction.input)).collect();
        let mut router = self.with_words_of(&texts);
        let rows: Vec<Row> = texts.iter().map(|text| router.model.vocabulary.row(text)).collect();
        let mut margin = MARGIN;
        loop {
            let changes = self::changes(&router, &rows, &targets, margin);
            let mut moved = router.clone();
            moved.model.separators = router.model.separators.moved(&changes.rows, &changes.bias);
            let right = corrections.iter().all(|correction| {
                let decision = moved.rank(&correction.input);
                match &correction.route {
                    Some(route) => decision.route == *route,
                    None => decision.confidence < moved.calibration.threshold.max(0.5),
                }
            });
            if right || margin >= LARGEST_MARGIN {
                router = moved;
                return Ok(router);
            }
            margin *= 2.0;
        }
    }

    /// The same router with the n-grams of some texts in its vocabulary. They weigh what unknown ones do, so that no other
    /// text's features change.
    fn with_words_of(&self, texts: &[Ngrams]) -> Self {
        let old = &self.model.vocabulary;
        let hashes = texts.iter().flat_map(|text| [&text.words, &text.characters, &text.pairs]).flatten();
        let new: BTreeSet<u32> =
            hashes.map(|(hash, _)| *hash).filter(|hash| old.hashes.binary_search(hash).is_err()).collect();
        let mut router = self.clone();
        let mut all: Vec<(u32, Option<usize>)> =
            old.hashes.iter().enumerate().map(|(feature, hash)| (*hash, Some(feature))).collect();
        all.extend(new.into_iter().map(|hash| (hash, None)));
        all.sort_unstable();
        let rarity =
            all.iter().map(|(_, feature)| feature.map_or(old.unknown, |feature| old.rarity[feature]));
        let rarity = rarity.collect();
        router.model.vocabulary =
            Vocabulary::new(all.iter().map(|(hash, _)| *hash).collect(), rarity, old.unknown, old.weights);
        let origins: Vec<Option<usize>> = all.into_iter().map(|(_, feature)| feature).collect();
        router.model.separators = self.model.separators.spread(&origins);
        router.model.network.inputs = origins
            .iter()
            .map(|origin| origin.map_or(ABSENT, |feature| self.model.network.inputs[feature]))
            .collect();
        router
    }
}

/// What is added to the weights of some features, for every route, and to the bias.
struct Changes {
    rows: BTreeMap<u32, Vec<f32>>,
    bias: Vec<f32>,
}

/// The smallest change of the separators that puts each row on its side by `margin`, errors at a price: the dual
/// coordinate descent of the solver, from where the separators are.
fn changes<R>(router: &Learned<R>, rows: &[Row], targets: &[Option<usize>], margin: f32) -> Changes {
    let routes = router.routes.len();
    let mut changes = Changes { rows: BTreeMap::new(), bias: vec![0.0; routes] };
    let start: Vec<Vec<f32>> = rows.iter().map(|row| router.model.separators.scores(&row.features)).collect();
    let norms: Vec<f32> = rows
        .iter()
        .map(|row| 1.0 + row.features.iter().map(|(_, value)| value * value).sum::<f32>())
        .collect();
    let mut dual = vec![0.0_f32; rows.len() * routes];
    let mut step = vec![0.0_f32; routes];
    for _ in 0..PASSES {
        for (number, row) in rows.iter().enumerate() {
            let mut scores = start[number].clone();
            add_scaled(&mut scores, &changes.bias, 1.0);
            for (feature, value) in &row.features {
                if let Some(change) = changes.rows.get(feature) {
                    add_scaled(&mut scores, change, *value);
                }
            }
            for route in 0..routes {
                let sign = if targets[number] == Some(route) { 1.0 } else { -1.0 };
                let alpha = &mut dual[number * routes + route];
                let gradient = sign * scores[route] - margin + SLACK * *alpha;
                let next = (*alpha - gradient / (norms[number] + SLACK)).max(0.0);
                step[route] = sign * (next - *alpha);
                *alpha = next;
            }
            add_scaled(&mut changes.bias, &step, 1.0);
            for (feature, value) in &row.features {
                let change = changes.rows.entry(*feature).or_insert_with(|| vec![0.0; routes]);
                add_scaled(change, &step, *value);
            }
        }
    }
    changes
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
