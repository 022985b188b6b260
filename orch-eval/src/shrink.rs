//! The fewest words of an input that are still misrouted, and the causes they point to.

use std::collections::BTreeMap;

use orch_core::Result;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::fitted::FittedRouter;
use crate::outcome::is_right;
use crate::run::Progress;

/// Times the router is asked about one case at most.
const ASKED: usize = 400;

/// A misrouted input, shrunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shrunk {
    /// The case.
    pub id: String,
    /// Its line in the data.
    pub line: u64,
    /// What is right; `None` is out of scope.
    pub expected: Option<String>,
    /// What it got; `None` is abstaining.
    pub got: Option<String>,
    /// The words that are left: without any one of them it is routed otherwise, unless the input was so long that the
    /// router would have had to be asked more than 400 times.
    pub words: Vec<String>,
}

/// Words that misroute several cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The words, in lower case and sorted.
    pub words: Vec<String>,
    /// What they get; `None` is abstaining.
    pub got: Option<String>,
    /// The cases, by id.
    pub cases: Vec<String>,
}

/// Shrinks every misrouted case of the data: leaves out words as long as the rest gets the same wrong answer, until none
/// can be left out (the "one-minimal" end of Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
/// IEEE TSE 28, 2002).
///
/// # Errors
///
/// When the router's encoder fails.
pub async fn shrink(router: &FittedRouter, data: &Dataset) -> Result<Vec<Shrunk>> {
    let (mut found, cases) = (Vec::new(), data.to_measure());
    let mut progress = Progress::of(cases.len());
    for case in cases {
        progress.advance();
        let got = answer(router, &case.input).await?;
        if is_right(&case.expected, got.as_deref(), None) {
            continue;
        }
        found.push(Shrunk {
            id: case.id.clone(),
            line: case.line,
            expected: case.expected.first().map(str::to_owned),
            words: fewest(router, &case.input, got.as_deref()).await?,
            got,
        });
    }
    Ok(found)
}

async fn answer(router: &FittedRouter, input: &str) -> Result<Option<String>> {
    let decision = router.rank(input).await?;
    let sure = decision.filter(|decision| decision.confidence >= router.abstains_below());
    Ok(sure.map(|decision| decision.route.to_string()))
}

async fn fewest(router: &FittedRouter, input: &str, got: Option<&str>) -> Result<Vec<String>> {
    let mut words: Vec<&str> = input.split_whitespace().collect();
    let mut asked = 0;
    // Halves first, then smaller pieces, down to single words; as long as something could be left out.
    let mut piece = words.len() / 2;
    while piece > 0 {
        let (mut start, mut shorter) = (0, false);
        while start < words.len() && words.len() > 1 && asked < ASKED {
            let end = (start + piece).min(words.len());
            let rest: Vec<&str> = words[..start].iter().chain(&words[end..]).copied().collect();
            asked += 1;
            if !rest.is_empty() && answer(router, &rest.join(" ")).await?.as_deref() == got {
                (words, shorter) = (rest, true);
            } else {
                start = end;
            }
        }
        piece = if shorter && piece == 1 { 1 } else { piece / 2 };
        if asked >= ASKED {
            break;
        }
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// Groups misroutes by the words that are left and what they get, the largest groups first.
#[must_use]
pub fn causes(shrunk: &[Shrunk]) -> Vec<Cause> {
    let mut groups: BTreeMap<(Vec<String>, Option<String>), Vec<String>> = BTreeMap::new();
    for Shrunk { id, got, words, .. } in shrunk {
        let mut words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        words.sort();
        groups.entry((words, got.clone())).or_default().push(id.clone());
    }
    let mut causes: Vec<Cause> =
        groups.into_iter().map(|((words, got), cases)| Cause { words, got, cases }).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.cases.len()));
    causes
}
