//! What each rule earns: the router without it, on the same cases.

use orch_core::Result;
use orch_core::router::{Keyword, Label};
use serde::Serialize;

use crate::dataset::{Case, Dataset};
use crate::outcome::is_right;

/// What a rule of a keyword router earns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleWorth {
    /// The route.
    pub route: String,
    /// The rule, as it is written.
    pub rule: String,
    /// Cases that are right only with it.
    pub earns: usize,
    /// Cases that are wrong only with it.
    pub costs: usize,
}

/// Leaves out each rule in turn, for a router that abstains below a confidence. The rules that cost the most, less what they earn, come first.
///
/// # Errors
///
/// When the rules do not make a router, which those of one that is there do.
pub fn rule_worths<R: Label>(
    router: &Keyword<R>,
    abstains_below: f64,
    data: &Dataset,
) -> Result<Vec<RuleWorth>> {
    let cases = data.to_measure();
    let with = right(Some(router), abstains_below, &cases);
    let rules = router.rules();
    let mut worths = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let others = rules.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<_> = others.map(|(_, rule)| rule.clone()).collect();
        let (mut earns, mut costs) = (0, 0);
        let others = if others.is_empty() { None } else { Some(Keyword::of_rules(others)?) };
        let without = right(others.as_ref(), abstains_below, &cases);
        for (with, without) in with.iter().zip(without) {
            earns += usize::from(*with && !without);
            costs += usize::from(!with && without);
        }
        worths.push(RuleWorth { route: rule.route.label().to_owned(), rule: rule.to_string(), earns, costs });
    }
    worths.sort_by(|a, b| {
        let net = (a.earns + b.costs).cmp(&(b.earns + a.costs));
        net.then_with(|| (&a.route, &a.rule).cmp(&(&b.route, &b.rule)))
    });
    Ok(worths)
}

/// Which cases are right; without a router each is abstained on.
fn right<R: Label>(router: Option<&Keyword<R>>, abstains_below: f64, cases: &[&Case]) -> Vec<bool> {
    let is_right = |case: &&Case| {
        let got = router.and_then(|router| router.find(&case.input));
        let got = got.filter(|decision| decision.confidence >= abstains_below);
        is_right(&case.expected, got.as_ref().map(|decision| decision.route.label()), None)
    };
    cases.iter().map(is_right).collect()
}
