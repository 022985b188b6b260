//! What a router says of examples it was not fitted to: what confidence and thresholds are fitted on.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Kind, Result};
use crate::router::{Example, Label};

/// Folds of the cross-validation where no example is held out.
const FOLDS: usize = 5;

/// The most parts a router has.
pub(super) const PARTS: usize = 4;

/// What a router says of a text before calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// What each part of the router says of each route; empty for a part it does not have.
    pub(super) parts: [Vec<f32>; PARTS],
    /// How much of the text's words is known, from 0 to 1.
    pub(super) known: f32,
    /// The cosine of the nearest example looked at, in the metric of the examples, as are the two below; 0 where there are no
    /// vectors.
    pub(super) nearest: f32,
    /// The cosine of the nearest example that is out of scope; 0 where there is none.
    pub(super) nearest_outside: f32,
    /// The cosine of the nearest of a few examples of the route that a network over vectors finds likeliest; 0 where there is
    /// no network.
    pub(super) at_a_glance: f32,
}

impl Scores {
    /// Those of a router that has a network over vectors and nothing else.
    pub(super) fn of_network(logits: Vec<f32>) -> Self {
        Self { parts: [Vec::new(), Vec::new(), logits, Vec::new()], ..Self::default() }
    }
}

/// Scores of examples, and the numbers of their routes.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    pub(super) scores: Vec<Scores>,
    pub(super) labels: Vec<Option<u32>>,
}

/// Which examples are left out together: those held out, or, if none is or all are, each route's dealt out over the folds
/// in turn. `None`: never left out, as is a route's only example, since nobody could be right about it. But where most routes
/// have one, these are left out together, to see what the `names` that are trained on too say of them.
pub(super) fn folds<R>(examples: &[Example<R>], labels: &[Option<u32>], names: &[Row]) -> Vec<Option<usize>> {
    let held_out = examples.iter().filter(|example| example.held_out).count();
    if (1..examples.len()).contains(&held_out) {
        let mut held = examples.iter().zip(labels).filter(|(example, _)| example.held_out);
        let knows_outside = held.any(|(_, label)| label.is_none());
        // Where none of those held out is out of scope, and others are, some of these say how that looks.
        let mut outside = 0..;
        let leave_out = |(example, label): (&Example<R>, &Option<u32>)| {
            let dealt = label.is_none() && !knows_outside && outside.next().is_some_and(|n| n % FOLDS == 0);
            (example.held_out || dealt).then_some(0)
        };
        let folds = examples.iter().zip(labels).map(leave_out).collect();
        return with_one_of_each(folds, labels, &HashSet::new());
    }
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    labels.iter().flatten().for_each(|route| *sizes.entry(*route).or_default() += 1);
    let mut in_order: Vec<usize> = sizes.into_values().collect();
    in_order.sort_unstable();
    let usual = in_order.get(in_order.len() / 2).copied().unwrap_or(1);
    let named = if usual == 1 { names.iter().filter_map(|row| row.route).collect() } else { HashSet::new() };
    let mut next: HashMap<Option<u32>, usize> = HashMap::new();
    let deal = |label: &Option<u32>| {
        // What is out of scope is asked of models that lack an example of most routes, as those in scope are.
        let count = if label.is_some() { FOLDS } else { usual.min(FOLDS) };
        let dealt = next.entry(*label).or_default();
        *dealt += 1;
        Some((*dealt - 1) % count)
    };
    with_one_of_each(labels.iter().map(deal).collect(), labels, &named)
}

/// The same folds, but the examples of a route that are all in one are never left out, unless it is `known` without them.
fn with_one_of_each(
    mut folds: Vec<Option<usize>>,
    labels: &[Option<u32>],
    known: &HashSet<u32>,
) -> Vec<Option<usize>> {
    // The fold that all of a route's examples are in so far.
    let mut only: HashMap<u32, Option<usize>> = HashMap::new();
    for (fold, label) in folds.iter().zip(labels) {
        let Some(label) = label else { continue };
        let only = only.entry(*label).or_insert(*fold);
        *only = only.filter(|only| Some(*only) == *fold);
    }
    for (fold, label) in folds.iter_mut().zip(labels) {
        if label.is_some_and(|label| only[&label].is_some() && !known.contains(&label)) {
            *fold = None;
        }
    }
    folds
}

impl Unseen {
    /// Trains once without each fold, and keeps what `scores` says of the examples in it: one row for each of their
    /// numbers.
    pub(super) fn by_folds<M>(
        folds: &[Option<usize>],
        labels: &[Option<u32>],
        train: impl Fn(&dyn Fn(usize) -> bool) -> M,
        scores: impl Fn(&M, &[usize]) -> Vec<Scores>,
    ) -> Self {
        let mut unseen = Self::default();
        for fold in 0..folds.iter().flatten().max().map_or(0, |last| last + 1) {
            let left_out: Vec<usize> = (0..folds.len()).filter(|index| folds[*index] == Some(fold)).collect();
            if left_out.is_empty() {
                continue;
            }
            let model = train(&|index| folds[index] != Some(fold));
            unseen.scores.extend(scores(&model, &left_out));
            unseen.labels.extend(left_out.iter().map(|index| labels[*index]));
        }
        unseen
    }
}

/// The routes of some examples, in the order in which they first occur, and the number of each example's.
///
/// # Errors
///
/// When there are fewer than two routes, or more than a file can number.
pub(super) fn numbered<R: Label>(examples: &[Example<R>]) -> Result<(Vec<R>, Vec<Option<u32>>)> {
    let mut routes: Vec<R> = Vec::new();
    let mut numbers: HashMap<&R, u32> = HashMap::new();
    let labels = examples
        .iter()
        .map(|example| {
            example.route.as_ref().map(|route| {
                *numbers.entry(route).or_insert_with(|| {
                    routes.push(route.clone());
                    routes.len() as u32 - 1
                })
            })
        })
        .collect();
    let what = match routes.len() {
        2..=MAX_ROUTES => return Ok((routes, labels)),
        found @ 0..2 => format!("a router needs examples of at least 2 routes, and these are of {found}"),
        found => format!("a router can have {MAX_ROUTES} routes, and these examples are of {found}"),
    };
    Err(Error::with(Kind::Router, what))
}

/// The most routes: a file numbers them with 16 bits.
pub(super) const MAX_ROUTES: usize = 60_000;

/// A text to train on.
pub(super) struct Row {
    pub(super) text: String,
    /// The number of its route; `None` is out of scope.
    pub(super) route: Option<u32>,
    /// The example it is; `None` for the name of a route.
    pub(super) example: Option<usize>,
}

/// Some examples, then the names of the routes: what a route is called is an example of it.
pub(super) fn widened<R: Label>(examples: &[Example<R>], labels: &[Option<u32>], routes: &[R]) -> Vec<Row> {
    let own = examples.iter().zip(labels).enumerate().map(|(index, (example, route))| Row {
        text: example.input.clone(),
        route: *route,
        example: Some(index),
    });
    let names = routes.iter().enumerate().filter_map(|(route, label)| {
        let text = label.label().replace(['_', '-', '/'], " ");
        let speaks = text.chars().any(char::is_alphabetic);
        speaks.then_some(Row { text, route: Some(route as u32), example: None })
    });
    own.chain(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folds_of(labels: &[Option<u32>], held_out: &[usize], named: &[u32]) -> Vec<Option<usize>> {
        let examples: Vec<Example<u32>> = labels
            .iter()
            .enumerate()
            .map(|(index, label)| Example { held_out: held_out.contains(&index), ..Example::new("", *label) })
            .collect();
        let name = |route: &u32| Row { text: String::new(), route: Some(*route), example: None };
        folds(&examples, labels, &named.iter().map(name).collect::<Vec<_>>())
    }

    #[test]
    fn a_route_keeps_an_example_whatever_is_left_out() {
        let labels = [Some(0), Some(0), Some(1), None, Some(2), Some(2), None, None];
        let dealt = [Some(0), Some(1), None, Some(0), Some(0), Some(1), Some(1), Some(0)];
        assert_eq!(folds_of(&labels, &[], &[0, 1, 2]), dealt);
        // The third route stands among those held out alone.
        let held_out = folds_of(&labels[..7], &[1, 3, 4, 5], &[0, 1, 2]);
        assert_eq!(held_out, [None, Some(0), None, Some(0), None, None, None]);
    }

    #[test]
    fn of_one_example_each_those_with_a_name_are_left_out_together() {
        let labels = [Some(0), Some(1), None, Some(2), None];
        assert_eq!(folds_of(&labels, &[], &[0, 1]), [Some(0), Some(0), Some(0), None, Some(0)]);
        assert_eq!(folds_of(&labels, &[], &[]), [None, None, Some(0), None, Some(0)]);
        // Also where a route has more.
        let labels = [Some(0), Some(1), Some(2), Some(2), None, None];
        let dealt = [Some(0), Some(0), Some(0), Some(1), Some(0), Some(0)];
        assert_eq!(folds_of(&labels, &[], &[0, 1, 2]), dealt);
    }

    #[test]
    fn many_examples_are_dealt_out_evenly() {
        let labels: Vec<Option<u32>> = (0..100).map(|index| Some(index % 10)).collect();
        let dealt = folds_of(&labels, &[], &[]);
        for fold in 0..FOLDS {
            assert_eq!(dealt.iter().filter(|other| **other == Some(fold)).count(), 20);
        }
    }
}
