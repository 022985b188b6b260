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

/// Leaves out each rule in turn. The rules that cost the most, less what they earn, come first.
///
/// # Errors
///
/// When the rules do not make a router, which those of one that is there do.
pub fn rule_worths<R: Label>(router: &Keyword<R>, data: &Dataset) -> Result<Vec<RuleWorth>> {
    let cases = data.to_measure();
    let with = right(router, &cases);
    let rules = router.rules();
    let mut worths = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let others = rules.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<_> = others.map(|(_, rule)| rule.clone()).collect();
        let (mut earns, mut costs) = (0, 0);
        let without = if others.is_empty() {
            vec![false; cases.len()]
        } else {
            right(&Keyword::of_rules(others)?, &cases)
        };
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

fn right<R: Label>(router: &Keyword<R>, cases: &[&Case]) -> Vec<bool> {
    let is_right = |case: &&Case| {
        let got = router.find(&case.input);
        is_right(&case.expected, got.as_ref().map(|decision| decision.route.label()), None)
    };
    cases.iter().map(is_right).collect()
}
