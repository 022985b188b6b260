//! What each rule and each example earns: the router without it, on the same cases.

use orch_core::Result;
use orch_core::router::{Decision, Head as _, Keyword, Label, Semantic};
use serde::Serialize;

use crate::dataset::Case;
use crate::outcome::is_right;
use crate::run::Progress;

/// What a rule or an example of a router earns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worth {
    /// The route.
    pub route: String,
    /// The rule as it is written, or the example's text; its number where the text is not known.
    pub what: String,
    /// Cases that are right only with it.
    pub earns: usize,
    /// Cases that are wrong only with it.
    pub costs: usize,
}

/// Leaves out each rule in turn, for a router that abstains below a confidence.
///
/// # Errors
///
/// When the rules do not make a router, which those of one that is there do.
pub(crate) fn of_rules<R: Label>(
    router: &Keyword<R>,
    abstains_below: f64,
    cases: &[&Case],
) -> Result<Vec<Worth>> {
    let right = |router: Option<&Keyword<R>>| -> Vec<bool> {
        // Without any rule each is abstained on.
        let find = |case: &Case| router.and_then(|router| router.find(&case.input));
        cases.iter().map(|case| is_answered_right(case, find(case), abstains_below)).collect()
    };
    let with = right(Some(router));
    let rules = router.rules();
    let mut progress = Progress::of(rules.len());
    let mut worths = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        progress.advance();
        let others = rules.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<_> = others.map(|(_, rule)| rule.clone()).collect();
        let others = if others.is_empty() { None } else { Some(Keyword::of_rules(others)?) };
        worths.push(worth(rule.route.label(), rule.to_string(), &with, &right(others.as_ref())));
    }
    Ok(sorted(worths))
}

/// Leaves out each example in turn, but for one that is its route's only one. `vectors` are those of the cases, `texts`
/// those of the examples where they are known.
pub(crate) fn of_examples<R: Label>(
    router: &Semantic<R>,
    abstains_below: f64,
    cases: &[&Case],
    vectors: &[Vec<f32>],
    texts: Option<&[&str]>,
) -> Vec<Worth> {
    let right = |router: &Semantic<R>| -> Vec<bool> {
        let decide = |(case, vector): (&&Case, &Vec<f32>)| {
            is_answered_right(case, Some(router.rank_embedded(&case.input, vector)), abstains_below)
        };
        cases.iter().zip(vectors).map(decide).collect()
    };
    let with = right(router);
    let routes: Vec<&R> = router.example_routes().collect();
    let mut progress = Progress::of(routes.len());
    let mut worths = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        progress.advance();
        if routes.iter().filter(|other| other == &route).count() > 1 {
            let text = texts.and_then(|texts| texts.get(index)).map(ToString::to_string);
            let what = text.unwrap_or_else(|| format!("example {}", index + 1));
            worths.push(worth(route.label(), what, &with, &right(&router.without_example(index))));
        }
    }
    sorted(worths)
}

fn is_answered_right<R: Label>(case: &Case, decision: Option<Decision<R>>, abstains_below: f64) -> bool {
    let sure = decision.filter(|decision| decision.confidence >= abstains_below);
    is_right(&case.expected, sure.as_ref().map(|decision| decision.route.label()), None)
}

fn worth(route: &str, what: String, with: &[bool], without: &[bool]) -> Worth {
    let count = |wanted: (bool, bool)| {
        with.iter().zip(without).filter(|(with, without)| (**with, **without) == wanted).count()
    };
    let (earns, costs) = (count((true, false)), count((false, true)));
    Worth { route: route.to_owned(), what, earns, costs }
}

/// Those that cost the most, less what they earn, first.
fn sorted(mut worths: Vec<Worth>) -> Vec<Worth> {
    worths.sort_by(|a, b| {
        let net = (a.earns + b.costs).cmp(&(b.earns + a.costs));
        net.then_with(|| (&a.route, &a.what).cmp(&(&b.route, &b.what)))
    });
    worths
}
