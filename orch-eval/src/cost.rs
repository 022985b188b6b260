//! What routing between a cheap and a capable model gains: by cross-validation over graded answers.
//!
//! The figures are those of Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data", 2024. The gap recovered
//! at a share of calls is how much of the difference in quality between the two models is reached when that share of the
//! questions goes to the capable one. APGR is its mean over all shares: 0.5 for chance, more than 1 for who knows the
//! answers beforehand. CPT(50) is the share of calls at which half of the gap is recovered.

use std::fmt;
use std::path::{Path, PathBuf};

use orch_core::router::{Difficulty, Graded};
use serde::{Deserialize, Serialize};

use crate::files::write_whole;

/// Folds of the cross-validation.
const FOLDS: usize = 5;
/// Draws of the bootstrap that makes the intervals.
const DRAWS: usize = 1_000;
/// Shares of calls at which the gap is looked at: 0 to 1 in hundredths.
const SHARES: usize = 100;

/// Why graded answers could not be read or used.
#[derive(Debug)]
pub struct CostError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, by line where it is one line's.
    pub what: Vec<String>,
}

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, what) in self.what.iter().enumerate() {
            let end = if index + 1 < self.what.len() { "\n" } else { "" };
            write!(f, "{}{what}{end}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for CostError {}

#[derive(Deserialize)]
struct Row {
    input: String,
    #[serde(default)]
    bench: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    quality: Quality,
}

#[derive(Deserialize)]
struct Quality {
    #[serde(alias = "weak")]
    cheap: f64,
    #[serde(alias = "strong")]
    capable: f64,
}

/// Reads JSON lines: `input`, `quality` with `cheap` and `capable` (or `weak` and `strong`) from 0 to 1, and, if there
/// are any, `tags`, a `domain`, and a `bench` that parts the questions into sets. Gives each set by its name.
///
/// # Errors
///
/// Every bad line.
pub fn load_graded(path: &Path) -> Result<Vec<(String, Vec<Graded>)>, CostError> {
    let failed = |what: Vec<String>| CostError { path: path.to_owned(), what };
    let text =
        std::fs::read_to_string(path).map_err(|error| failed(vec![format!(": cannot be read: {error}")]))?;
    let (mut sets, mut problems): (Vec<(String, Vec<Graded>)>, Vec<String>) = Default::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Row>(line) {
            Ok(row)
                if [row.quality.cheap, row.quality.capable]
                    .iter()
                    .all(|grade| (0.0..=1.0).contains(grade)) =>
            {
                let name = row.bench.unwrap_or_else(|| "all".to_owned());
                let tags = row.tags.into_iter().chain(row.domain).collect();
                let Quality { cheap, capable } = row.quality;
                let graded = Graded { input: row.input, tags, cheap, capable };
                match sets.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, set)) => set.push(graded),
                    None => sets.push((name, vec![graded])),
                }
            }
            Ok(_) => problems.push(format!(":{}: `quality` lies from 0 to 1", index + 1)),
            Err(error) => problems.push(format!(":{}:{}: {error}", index + 1, error.column())),
        }
    }
    if !problems.is_empty() {
        return Err(failed(problems));
    }
    let small: Vec<String> = sets
        .iter()
        .filter(|(_, set)| set.len() < FOLDS * 10)
        .map(|(name, set)| format!(": `{name}` has {} questions, and {} are wanted", set.len(), FOLDS * 10))
        .collect();
    if sets.is_empty() {
        return Err(failed(vec![": has no rows".to_owned()]));
    }
    if small.is_empty() { Ok(sets) } else { Err(failed(small)) }
}

/// Learns from all questions of all sets how much better the capable model answers, and writes it to a file that
/// [`Difficulty::from_bytes`] reads.
///
/// # Errors
///
/// When it cannot be learned or written; what was there before is left then.
pub fn learn_difficulty(sets: &[(String, Vec<Graded>)], output: &Path) -> Result<(), CostError> {
    let failed = |what: String| CostError { path: output.to_owned(), what: vec![format!(": {what}")] };
    let questions: Vec<Graded> = sets.iter().flat_map(|(_, set)| set).cloned().collect();
    let difficulty = Difficulty::fit(&questions).map_err(|error| failed(error.to_string()))?;
    write_whole(output, &difficulty.to_bytes()).map_err(|error| failed(format!("cannot be written: {error}")))
}

/// How well one way of choosing does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostScore {
    /// The way.
    pub name: String,
    /// The mean gap recovered over all shares of calls.
    pub apgr: f64,
    /// Its 95 % interval, by the bootstrap over questions.
    pub apgr_interval: [f64; 2],
    /// The share of calls at which half of the gap is recovered.
    pub cpt50: f64,
    /// Its 95 % interval, by the same bootstrap.
    pub cpt50_interval: [f64; 2],
    /// The share of calls at which four fifths of the gap are recovered.
    pub cpt80: f64,
    /// Its 95 % interval, by the same bootstrap.
    pub cpt80_interval: [f64; 2],
}

/// How well routing does on one set of questions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostReport {
    /// The set.
    pub set: String,
    /// Questions.
    pub n: usize,
    /// The mean quality of the cheap model alone.
    pub cheap: f64,
    /// The mean quality of the capable model alone.
    pub capable: f64,
    /// The learned router, the length of the question, and who knows the answers.
    pub scores: Vec<CostScore>,
    /// The quality at each tenth of calls to the capable model, by the learned router.
    pub frontier: Vec<[f64; 2]>,
}

/// Cross-validates a [`Difficulty`] over questions and compares it with their length.
///
/// # Errors
///
/// When there is too little to learn from, or the capable model is no better.
pub fn cost(set: &str, questions: &[Graded]) -> orch_core::Result<CostReport> {
    let gap: f64 = questions.iter().map(|graded| graded.capable - graded.cheap).sum();
    if gap <= 0.0 {
        return Err(orch_core::Error::message(format!(
            "`{set}`: the capable model answers no better than the cheap one, so there is nothing to gain"
        )));
    }
    let mut learned = vec![0.0; questions.len()];
    for fold in 0..FOLDS {
        let train: Vec<Graded> = questions
            .iter()
            .enumerate()
            .filter(|(i, _)| i % FOLDS != fold)
            .map(|(_, graded)| graded.clone())
            .collect();
        let difficulty = Difficulty::fit(&train)?;
        for (index, graded) in questions.iter().enumerate().filter(|(index, _)| index % FOLDS == fold) {
            let tags: Vec<&str> = graded.tags.iter().map(String::as_str).collect();
            learned[index] = difficulty.gain(&graded.input, &tags);
        }
    }
    let gains: Vec<f64> = questions.iter().map(|graded| graded.capable - graded.cheap).collect();
    let length: Vec<f64> = questions.iter().map(|graded| graded.input.chars().count() as f64).collect();
    let mean = |grade: fn(&Graded) -> f64| questions.iter().map(grade).sum::<f64>() / questions.len() as f64;
    let (cheap, capable) = (mean(|graded| graded.cheap), mean(|graded| graded.capable));
    let curve = recovered(&learned, &gains);
    let frontier = (0..=10).map(|tenth| {
        let share = f64::from(tenth) / 10.0;
        [share, cheap + (capable - cheap) * curve[tenth as usize * SHARES / 10]]
    });
    Ok(CostReport {
        set: set.to_owned(),
        n: questions.len(),
        cheap,
        capable,
        scores: vec![
            score("learned", &learned, &gains),
            score("length", &length, &gains),
            score("oracle", &gains, &gains),
        ],
        frontier: frontier.collect(),
    })
}

/// The share of the gap recovered at each share of calls, when the highest `scores` go first.
fn recovered(scores: &[f64], gains: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let total: f64 = gains.iter().sum();
    let mut sums = Vec::with_capacity(order.len() + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    for index in order {
        sum += gains[index];
        sums.push(sum);
    }
    (0..=SHARES)
        .map(|share| {
            let calls = (share as f64 / SHARES as f64 * gains.len() as f64).round() as usize;
            sums[calls] / total
        })
        .collect()
}

fn score(name: &str, scores: &[f64], gains: &[f64]) -> CostScore {
    let apgr = |curve: &[f64]| curve.iter().sum::<f64>() / curve.len() as f64;
    let curve = recovered(scores, gains);
    let reached = |curve: &[f64], part: f64| {
        let at = curve.iter().position(|recovered| *recovered >= part).unwrap_or(SHARES);
        at as f64 / SHARES as f64
    };
    // xorshift64* (Vigna 2016): the same draws every time.
    let mut state = 0x5EED_C057_u64;
    let mut draw = |below: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    };
    let drawn: Vec<Vec<f64>> = (0..DRAWS)
        .map(|_| {
            let picks: Vec<usize> = (0..gains.len()).map(|_| draw(gains.len())).collect();
            let scores: Vec<f64> = picks.iter().map(|pick| scores[*pick]).collect();
            let gains: Vec<f64> = picks.iter().map(|pick| gains[*pick]).collect();
            recovered(&scores, &gains)
        })
        .collect();
    let interval = |measure: &dyn Fn(&[f64]) -> f64| {
        let mut measured: Vec<f64> = drawn.iter().map(|curve| measure(curve)).collect();
        measured.sort_by(f64::total_cmp);
        [measured[DRAWS / 40], measured[DRAWS - 1 - DRAWS / 40]]
    };
    CostScore {
        name: name.to_owned(),
        apgr: apgr(&curve),
        apgr_interval: interval(&apgr),
        cpt50: reached(&curve, 0.5),
        cpt50_interval: interval(&|curve| reached(curve, 0.5)),
        cpt80: reached(&curve, 0.8),
        cpt80_interval: interval(&|curve| reached(curve, 0.8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_a_half_and_knowing_is_more() {
        let gains: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
        let chance: Vec<f64> = (0..400).map(|i| f64::from((i * 7_919 % 400) as u32)).collect();
        let by_chance = score("chance", &chance, &gains);
        assert!((by_chance.apgr - 0.5).abs() < 0.05, "{by_chance:?}");
        assert!(by_chance.apgr_interval[0] < 0.5 && 0.5 < by_chance.apgr_interval[1]);
        let oracle = score("oracle", &gains, &gains);
        // All is recovered at a quarter of the calls: 1 - 1/8.
        assert!((oracle.apgr - 0.875).abs() < 0.01, "{oracle:?}");
        assert!(oracle.cpt50_interval[0] <= oracle.cpt50 && oracle.cpt50 <= oracle.cpt50_interval[1]);
        assert!((oracle.cpt50 - 0.13).abs() < 0.011 && (oracle.cpt80 - 0.2).abs() < 0.011, "{oracle:?}");
    }

    #[test]
    fn every_bad_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "{\"input\": \"a\", \"quality\": {\"weak\": 2, \"strong\": 1}}\nnot json\n{\"input\": \"a\"}\n",
        )
        .unwrap();
        let error = load_graded(file.path()).unwrap_err();
        assert_eq!(error.what.len(), 3, "{error}");
        assert!(error.to_string().contains(":1: `quality`") && error.to_string().contains(":3:"), "{error}");
    }
}
