//! Words that give a route away.

use std::future::Future;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::error::{Error, Kind, Result};
use crate::router::{Classifier, Decision, Label, Ranked, Route};

/// A router by declared words and phrases: one pass over the input, whatever their number.
///
/// A keyword counts where it stands as whole words, in upper or lower case. The route with the most matches
/// wins; without a match, or between two routes with as many, the router abstains. The confidence of `m`
/// matches out of `n` is `(m + 1) / (n + 2)`, Laplace's rule of succession.
///
/// ```
/// use orch_core::router::Keyword;
/// use orch_core::{Result, Route};
///
/// #[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// enum Intent {
///     #[route(keywords("refund", "invoice"))]
///     Billing,
///     #[route(keywords("crash", "stack trace"))]
///     Technical,
///     #[route(default)]
///     Other,
/// }
///
/// let router = Keyword::<Intent>::declared()?;
/// assert_eq!(router.find("Where is my REFUND?").map(|found| found.route), Some(Intent::Billing));
/// assert_eq!(router.find("it crashed"), None); // not the whole word
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyword<R> {
    automaton: AhoCorasick,
    /// The route of each keyword.
    routes: Vec<usize>,
    all: Vec<R>,
}

impl<R: Route> Keyword<R> {
    /// A router by the `keywords(..)` of a derived [`Route`].
    ///
    /// # Errors
    ///
    /// When there are so many keywords that the automaton would be too large.
    pub fn declared() -> Result<Self> {
        let rules = R::ALL.iter().zip(R::DETAILS);
        Self::new(
            rules.flat_map(|(route, details)| details.keywords.iter().map(|keyword| (*route, *keyword))),
        )
    }
}

impl<R: Label> Keyword<R> {
    /// A router by `(route, keyword)` pairs. An empty keyword is ignored.
    ///
    /// # Errors
    ///
    /// When there are so many keywords that the automaton would be too large.
    pub fn new<K: AsRef<str>>(rules: impl IntoIterator<Item = (R, K)>) -> Result<Self> {
        let mut all: Vec<R> = Vec::new();
        let mut routes = Vec::new();
        let mut keywords = Vec::new();
        for (route, keyword) in rules {
            let keyword = keyword.as_ref().trim().to_lowercase();
            if keyword.is_empty() {
                continue;
            }
            let number = all.iter().position(|known| *known == route).unwrap_or_else(|| {
                all.push(route);
                all.len() - 1
            });
            routes.push(number);
            keywords.push(keyword);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&keywords)
            .map_err(|error| Error::with(Kind::Router, format!("the keywords make no automaton: {error}")))?;
        Ok(Self { automaton, routes, all })
    }

    /// The route the keywords give away, if they give one.
    #[must_use]
    pub fn find(&self, input: &str) -> Option<Decision<R>> {
        let input = input.to_lowercase();
        let mut matches = vec![0_u32; self.all.len()];
        for found in self.automaton.find_overlapping_iter(&input) {
            let alone = !input[..found.start()].ends_with(char::is_alphanumeric)
                && !input[found.end()..].starts_with(char::is_alphanumeric);
            if alone {
                matches[self.routes[found.pattern().as_usize()]] += 1;
            }
        }
        let total: u32 = matches.iter().sum();
        let confidence = |matches: u32| f64::from(matches + 1) / f64::from(total + 2);
        let mut order: Vec<usize> = (0..matches.len()).filter(|route| matches[*route] > 0).collect();
        order.sort_by_key(|route| std::cmp::Reverse(matches[*route]));
        let best = *order.first()?;
        if order.get(1).is_some_and(|second| matches[*second] == matches[best]) {
            return None;
        }
        let ranking = order
            .iter()
            .map(|route| Ranked { route: self.all[*route].clone(), confidence: confidence(matches[*route]) })
            .collect();
        Some(Decision {
            route: self.all[best].clone(),
            confidence: confidence(matches[best]),
            ranking,
            decided_by: "keyword",
        })
    }
}

impl<R: Label> Classifier for Keyword<R> {
    type Route = R;

    fn classify(&self, input: &str) -> impl Future<Output = Result<Option<Decision<R>>>> + Send {
        std::future::ready(Ok(self.find(input)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Keyword<String> {
        let rules =
            [("billing", "refund"), ("billing", "card"), ("tech", "SyntaxError"), ("tech", "card reader")];
        Keyword::new(rules.map(|(route, keyword)| (route.to_owned(), keyword))).unwrap()
    }

    #[test]
    fn whole_words_in_any_case() {
        let route = |text: &str| router().find(text).map(|found| found.route);
        assert_eq!(route("a syntaxerror appeared"), Some("tech".to_owned()));
        assert_eq!(route("REFUND."), Some("billing".to_owned()));
        assert_eq!(route("refunded"), None);
        assert_eq!(route("étérefund"), None);
        assert_eq!(route(""), None);
    }

    #[test]
    fn a_tie_is_nobodys_and_more_matches_are_surer() {
        assert_eq!(router().find("refund the SyntaxError"), None);
        assert_eq!(router().find("the card reader"), None);
        let one = router().find("refund").unwrap().confidence;
        let two = router().find("refund my card").unwrap().confidence;
        assert!((one - 2.0 / 3.0).abs() < 1e-12 && (two - 0.75).abs() < 1e-12);
    }
}
