//! Rules found in labelled examples.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::fold::{fold, unspaced};
use super::{Keyword, KeywordRule};
use crate::error::{Error, Kind, Result};
use crate::router::{Example, Label};

/// Of a few thousand characters of an example, rules can be learned; the rest is not read.
const MAX_CHARACTERS: usize = 4_096;

/// The words and pairs of neighbouring words that tell each route from the others: those with the largest log-odds
/// (Monroe, Colaresi, Quinn, "Fightin' Words", 2008, with a prior count of one half) times the square root of how much
/// of the route they cover. At most `most` a route, best first; their weight is the log-odds.
pub(super) fn rules<R: Label>(examples: &[&Example<R>], most: usize) -> Vec<KeywordRule<R>> {
    let mut routes: Vec<&R> = Vec::new();
    let mut sizes: Vec<u32> = Vec::new();
    let mut counts: BTreeMap<String, BTreeMap<Option<usize>, u32>> = BTreeMap::new();
    for example in examples {
        let route = example.route.as_ref().map(|route| {
            let number = routes.iter().position(|known| *known == route).unwrap_or_else(|| {
                routes.push(route);
                sizes.push(0);
                routes.len() - 1
            });
            sizes[number] += 1;
            number
        });
        for gram in grams(&example.input) {
            *counts.entry(gram).or_default().entry(route).or_default() += 1;
        }
    }
    let mut found: Vec<Vec<(f64, f64, &str)>> = vec![Vec::new(); routes.len()];
    for (gram, by_route) in &counts {
        let total: u32 = by_route.values().sum();
        for (route, inside) in by_route.iter().filter_map(|(route, count)| route.map(|route| (route, *count)))
        {
            let (size, rest) = (sizes[route], examples.len() as u32 - sizes[route]);
            let log_odds =
                |with: u32, all: u32| ((f64::from(with) + 0.5) / (f64::from(all - with) + 0.5)).ln();
            let weight = log_odds(inside, size) - log_odds(total - inside, rest);
            let coverage = f64::from(inside) / f64::from(size);
            if weight > 0.5 && (inside >= 2 || size < 20) {
                found[route].push((weight * coverage.sqrt(), weight, gram));
            }
        }
    }
    let mut rules = Vec::new();
    for (route, mut candidates) in routes.into_iter().zip(found) {
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(b.2)));
        candidates.truncate(most);
        rules.extend(candidates.into_iter().map(|(_, weight, gram)| {
            KeywordRule::words(route.clone(), gram).weighing((weight * 100.0).round() / 100.0)
        }));
    }
    rules
}

/// The different words and pairs of neighbouring words of a text.
fn grams(text: &str) -> BTreeSet<String> {
    let text: String = text.chars().take(MAX_CHARACTERS).collect();
    let folded = fold(&text);
    let words: Vec<&str> =
        folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let phrase = format!("{} {}", pair[0], pair[1]);
        folded.contains(&phrase).then_some(phrase)
    });
    // Where words are not apart, two letters are as good as one of them.
    let letters = words.iter().filter(|word| word.contains(unspaced)).flat_map(|word| {
        let letters: Vec<char> = word.chars().collect();
        letters.windows(2).map(|pair| pair.iter().collect()).collect::<Vec<String>>()
    });
    let whole = words.iter().filter(|word| !word.contains(unspaced)).map(|word| (*word).to_owned());
    whole.chain(pairs).chain(letters).collect()
}

impl<R: Label> Keyword<R> {
    /// Finds rules in labelled examples, at most `most` a route (20 is a good number), and fits how sure a lead in
    /// weight makes on those [held out](Example::held_out), or a fifth of each route's.
    ///
    /// [`to_text`](Keyword::to_text) has the rules for a person to read and edit.
    ///
    /// # Errors
    ///
    /// When no word tells one route from the others.
    pub fn mine(examples: &[Example<R>], most: usize) -> Result<Self> {
        let all: Vec<&Example<R>> = examples.iter().collect();
        let (mut kept, mut held): (Vec<&Example<R>>, Vec<&Example<R>>) =
            all.iter().partition(|example| !example.held_out);
        if held.is_empty() || kept.is_empty() {
            // Every fifth example of each route, from the second on: no word leads to a route that has none left.
            let mut seen: HashMap<Option<&R>, usize> = HashMap::new();
            (held, kept) = all.iter().partition(|example| {
                let seen = seen.entry(example.route.as_ref()).or_default();
                *seen += 1;
                *seen % 5 == 2
            });
        }
        let trial = Self::of_rules(rules(&kept, most))?;
        let known: HashSet<&R> = kept.iter().filter_map(|example| example.route.as_ref()).collect();
        let leads: Vec<(f64, bool)> = held
            .iter()
            // No word leads to a route of which all examples are held out, and later some do.
            .filter(|example| example.route.as_ref().is_none_or(|route| known.contains(route)))
            .filter_map(|example| {
                let (route, lead) = trial.lead(&example.input)?;
                Some((lead, Some(route) == example.route.as_ref()))
            })
            .collect();
        let rules = rules(&all, most);
        if rules.is_empty() {
            return Err(Error::with(
                Kind::Router,
                "no word tells one route from the others; there are too few examples".to_owned(),
            ));
        }
        // Also those that no word leads to: the text says then that they were there.
        let routes = examples.iter().filter_map(|example| example.route.clone()).collect();
        let confidence = Some(crate::router::calibration::logistic(&leads));
        Ok(Self { confidence, ..Self::over(routes, rules)? })
    }
}
