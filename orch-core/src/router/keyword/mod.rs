//! Words that give a route away.

use std::future::Future;

use aho_corasick::{AhoCorasick, MatchKind};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Input, PatternSet};

use crate::error::{Error, Kind, Result};
use crate::router::{Classifier, Decision, Label, Ranked, Route};

mod fold;
mod mine;
mod rules;

pub(crate) use fold::fold;
pub(super) use fold::{folded, unspaced};
pub use rules::{Effect, KeywordRule, Pattern};

/// A router by words, phrases and regular expressions: one pass over the input, whatever their number.
///
/// A word or phrase counts where it stands as whole words, or anywhere in scripts without spaces; case, accents and spacing do not matter. The route with the
/// largest sum of weights wins, unless a veto matches; without a match, or between two routes with as much, the router
/// abstains.
///
/// The confidence of weight `w` out of `n` in all is `(w + 1) / (n + 2)`, Laplace's rule of succession; where the rules
/// were [mined](Keyword::mine), it is fitted to data instead.
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
///
/// Rules are also text, which people can edit:
///
/// ```
/// use orch_core::router::Keyword;
///
/// let router: Keyword<String> = Keyword::from_text(r"
///     [billing]
///     refund
///     double charge * 2.5
///     !refund policy
///     [technical]
///     /err(or)?-\d+/
/// ")?;
/// assert_eq!(router.find("I see ERROR-42").unwrap().route, "technical");
/// assert_eq!(router.find("what is your refund policy"), None);
/// # orch_core::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyword<R> {
    rules: Vec<KeywordRule<R>>,
    /// The number of each rule's route.
    owners: Vec<usize>,
    routes: Vec<R>,
    words: AhoCorasick,
    /// The rule of each of `words`' patterns.
    word_rules: Vec<usize>,
    regexes: Option<Regex>,
    /// The rule of each of `regexes`' patterns.
    regex_rules: Vec<usize>,
    /// Offset and slope of the logistic function from the lead in weight to the confidence, where it was fitted.
    confidence: Option<[f64; 2]>,
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
        Self::of_rules(rules.into_iter().map(|(route, keyword)| KeywordRule::words(route, keyword.as_ref())))
    }

    /// A router by rules. One that looks for nothing is ignored.
    ///
    /// # Errors
    ///
    /// When a regular expression is wrong, and when there are so many rules that the automaton would be too large.
    pub fn of_rules(rules: impl IntoIterator<Item = KeywordRule<R>>) -> Result<Self> {
        Self::over(Vec::new(), rules)
    }

    /// A router over some routes, which need not have rules, and those of the rules.
    fn over(all: Vec<R>, rules: impl IntoIterator<Item = KeywordRule<R>>) -> Result<Self> {
        let mut kept = Vec::new();
        let mut owners: Vec<usize> = Vec::new();
        let mut routes: Vec<R> = Vec::new();
        for route in all {
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
        let (mut words, mut word_rules) = (Vec::new(), Vec::new());
        let (mut regexes, mut regex_rules) = (Vec::new(), Vec::new());
        for rule in rules {
            if let Effect::Weigh(weight) = rule.effect
                && !weight.is_finite()
            {
                let what = format!("the rule `{rule}` has a weight that is no number");
                return Err(Error::with(Kind::Router, what));
            }
            match &rule.pattern {
                Pattern::Words(text) => {
                    let folded = fold(text);
                    if folded.is_empty() {
                        continue;
                    }
                    words.push(folded);
                    word_rules.push(kept.len());
                }
                Pattern::Regex(text) => {
                    regexes.push(text.clone());
                    regex_rules.push(kept.len());
                }
            }
            owners.push(routes.iter().position(|known| *known == rule.route).unwrap_or_else(|| {
                routes.push(rule.route.clone());
                routes.len() - 1
            }));
            kept.push(rule);
        }
        let words = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&words)
            .map_err(|error| Error::with(Kind::Router, format!("the keywords make no automaton: {error}")))?;
        let regexes = if regexes.is_empty() { None } else { Some(automaton(&regexes)?) };
        Ok(Self { rules: kept, owners, routes, words, word_rules, regexes, regex_rules, confidence: None })
    }

    /// Reads rules: `[route]` begins a route's rules, one a line. `!rule` is a veto, `/rule/` a regular expression,
    /// `rule * 2.5` has a weight other than 1, and `#` begins a comment.
    ///
    /// # Errors
    ///
    /// When a line is wrong, by its number.
    pub fn from_text(text: &str) -> Result<Self> {
        let rules::Parsed { rules, routes, confidence } = rules::parse(text)?;
        Ok(Self { confidence, ..Self::over(routes, rules)? })
    }

    /// The rules as [`from_text`](Keyword::from_text) reads them.
    #[must_use]
    pub fn to_text(&self) -> String {
        rules::write(&self.rules, &self.routes, self.confidence)
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[KeywordRule<R>] {
        &self.rules
    }

    /// The routes, in the order in which they were first named.
    #[must_use]
    pub fn routes(&self) -> &[R] {
        &self.routes
    }

    /// The route the keywords give away, if they give one.
    #[must_use]
    pub fn find(&self, input: &str) -> Option<Decision<R>> {
        let order = self.ranked(input);
        let (best, score) = *order.first()?;
        let second = order.get(1).map_or(0.0, |(_, score)| *score);
        if second >= score {
            return None;
        }
        let total: f64 = order.iter().map(|(_, score)| score).sum();
        let fitted =
            self.confidence.map(|[offset, slope]| 1.0 / (1.0 + (-offset - slope * (score - second)).exp()));
        let confidence = |rank: usize, weight: f64| match fitted {
            Some(sure) if rank == 0 => sure,
            // What the winner leaves is shared by weight, and no other is likelier.
            Some(sure) => ((1.0 - sure) * weight / (total - score)).min(sure),
            None => (weight + 1.0) / (total + 2.0),
        };
        let ranking: Vec<Ranked<R>> = order
            .iter()
            .enumerate()
            .take(crate::router::RANKED)
            .map(|(rank, (route, score))| Ranked {
                route: self.routes[*route].clone(),
                confidence: confidence(rank, *score),
            })
            .collect();
        let confidence = ranking[0].confidence;
        Some(Decision { ranking, ..Decision::new(self.routes[best].clone(), confidence, "keyword") })
    }

    /// The route with the most weight, and how much more it has than the second.
    fn lead(&self, input: &str) -> Option<(&R, f64)> {
        let order = self.ranked(input);
        let (best, score) = *order.first()?;
        Some((&self.routes[best], score - order.get(1).map_or(0.0, |(_, score)| *score)))
    }

    /// The routes with a weight above 0 and no veto, heaviest first.
    fn ranked(&self, input: &str) -> Vec<(usize, f64)> {
        let input = fold(input);
        let mut scores = vec![0.0_f64; self.routes.len()];
        // A word said twice gives away no more than once.
        let mut seen = vec![false; self.rules.len()];
        let mut count = |rule: usize| {
            if std::mem::replace(&mut seen[rule], true) {
                return;
            }
            match self.rules[rule].effect {
                Effect::Weigh(weight) => scores[self.owners[rule]] += weight,
                Effect::Veto => scores[self.owners[rule]] = f64::NEG_INFINITY,
            }
        };
        for found in self.words.find_overlapping_iter(&input) {
            let (before, after) = (&input[..found.start()], &input[found.end()..]);
            let inside = &input[found.start()..found.end()];
            let begins = !before.ends_with(char::is_alphanumeric) || inside.starts_with(unspaced);
            let ends = !after.starts_with(char::is_alphanumeric) || inside.ends_with(unspaced);
            if begins && ends {
                count(self.word_rules[found.pattern().as_usize()]);
            }
        }
        if let Some(regexes) = &self.regexes {
            let mut found = PatternSet::new(regexes.pattern_len());
            regexes.which_overlapping_matches(&Input::new(&input), &mut found);
            found.iter().for_each(|pattern| count(self.regex_rules[pattern.as_usize()]));
        }
        let mut order: Vec<(usize, f64)> =
            scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order
    }
}

/// An expression as it fits folded input: letters beyond ASCII folded too, but those a backslash stands before.
fn without_accents(regex: &str) -> String {
    let mut escaped = false;
    let mut folded_regex = String::with_capacity(regex.len());
    for letter in regex.chars() {
        if letter.is_ascii() || escaped {
            folded_regex.push(letter);
        } else {
            folded_regex.push_str(&folded(letter.encode_utf8(&mut [0; 4])));
        }
        escaped = letter == '\\' && !escaped;
    }
    folded_regex
}

/// All expressions as one automaton, or the one that is wrong.
fn automaton(regexes: &[String]) -> Result<Regex> {
    let builder = || {
        let mut builder = Regex::builder();
        builder.syntax(syntax::Config::new().unicode(true).case_insensitive(true));
        builder
    };
    let folded: Vec<String> = regexes.iter().map(|regex| without_accents(regex)).collect();
    builder().build_many(&folded).map_err(|error| {
        let wrong = regexes.iter().find(|regex| builder().build(regex).is_err());
        let named = wrong.map_or_else(String::new, |regex| format!(" `/{regex}/`"));
        let what = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
        Error::with(Kind::Router, format!("the regular expression{named} is wrong: {what}"))
    })
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
    use crate::router::Example;

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
        assert_eq!(route("Réfund"), Some("billing".to_owned()));
        assert_eq!(route("a card\n  READER please").as_deref(), None);
        assert_eq!(route(""), None);
    }

    #[test]
    fn weights_vetoes_and_expressions() {
        let text = "[a]\nrefund * 0.5\n/order \\d+/ * 2\n!cancel order\n[b]\nrefund\n";
        let router: Keyword<String> = Keyword::from_text(text).unwrap();
        let route = |text: &str| router.find(text).map(|found| found.route);
        assert_eq!(route("refund").as_deref(), Some("b"));
        assert_eq!(route("refund for ORDER 12").as_deref(), Some("a"));
        assert_eq!(route("refund, cancel order 12").as_deref(), Some("b"));
        assert_eq!(route("refund refund refund").as_deref(), Some("b"));
        let router = Keyword::<String>::from_text("[a]\n/ERR-\\d+/\n/Crème|\\W€/").unwrap();
        for text in ["err-42", "Err-1", "CRÈME", "creme"] {
            assert!(router.find(text).is_some(), "{text}");
        }
        assert!(Keyword::of_rules([KeywordRule::words("a".to_owned(), "x").weighing(f64::NAN)]).is_err());
        let error = Keyword::<String>::from_text("[a]\n/(/").unwrap_err().to_string();
        assert!(error.contains("`/(/` is wrong"), "{error}");
    }

    #[test]
    fn scripts_without_spaces_are_mined_too() {
        let examples: Vec<Example<String>> =
            ["我想退款", "请给我退款", "退款什么时候到", "应用崩溃了", "程序总是崩溃", "崩溃怎么办"]
                .iter()
                .enumerate()
                .map(|(i, text)| Example::new(*text, Some(if i < 3 { "billing" } else { "tech" }.to_owned())))
                .collect();
        let router = Keyword::mine(&examples, 5).unwrap();
        assert_eq!(router.find("为什么还没有退款").unwrap().route, "billing");
        assert_eq!(router.find("又崩溃了").unwrap().route, "tech");
    }

    #[test]
    fn mined_rules_find_their_routes_again() {
        let examples: Vec<Example<String>> = (0..40)
            .map(|i| {
                let (text, route) = if i % 2 == 0 {
                    ("please refund my card", "billing")
                } else {
                    ("the app is crashing", "tech")
                };
                Example::new(format!("{text} {i}"), Some(route.to_owned()))
            })
            .collect();
        let router = Keyword::mine(&examples, 5).unwrap();
        let found = router.find("my card needs a refund").unwrap();
        assert!(found.route == "billing" && found.confidence > 0.8, "{found:?}");
        let again: Keyword<String> = Keyword::from_text(&router.to_text()).unwrap();
        assert_eq!(again.find("the app crashing"), router.find("the app crashing"));
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
