//! One answer out of several: what an ensemble makes of its results.
//!
//! ```
//! use orch_core::vote;
//!
//! let vote = vote::majority(["cat", "dog", "cat"]).unwrap();
//! assert_eq!((vote.winner, vote.share, vote.tied), ("cat", 2.0 / 3.0, false));
//! ```

/// What a vote came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Vote<T> {
    /// The answer with the most weight; of several with the same, the one given first.
    pub winner: T,
    /// Its share of all weight, from 0 to 1. More than a half is a majority in the strict sense.
    pub share: f64,
    /// Whether another answer has the same weight.
    pub tied: bool,
}

/// The answer given most often. `None` when there is none.
pub fn majority<T: PartialEq>(answers: impl IntoIterator<Item = T>) -> Option<Vote<T>> {
    weighted(answers.into_iter().map(|answer| (answer, 1.0)))
}

/// The answer with the most weight. A weight that is not a positive number does not count. `None` when nothing
/// counts.
///
/// ```
/// let vote = orch_core::vote::weighted([("cat", 0.6), ("dog", 0.9), ("cat", 0.5)]).unwrap();
/// assert_eq!((vote.winner, vote.tied), ("cat", false));
/// ```
pub fn weighted<T: PartialEq>(answers: impl IntoIterator<Item = (T, f64)>) -> Option<Vote<T>> {
    let mut weights: Vec<(T, f64)> = Vec::new();
    for (answer, weight) in answers.into_iter().filter(|(_, weight)| weight.is_finite() && *weight > 0.0) {
        match weights.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, sum)) => *sum += weight,
            None => weights.push((answer, weight)),
        }
    }
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let most = weights.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
    let as_heavy = |weight: f64| (most - weight).abs() <= most * 1e-12;
    let tied = weights.iter().filter(|(_, weight)| as_heavy(*weight)).count() > 1;
    let (winner, weight) = weights.into_iter().find(|(_, weight)| as_heavy(*weight))?;
    Some(Vote { winner, share: weight / total, tied })
}

/// The arithmetic mean. `None` when there is nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The middle value; of an even number, the mean of the two in the middle. `None` when there is nothing.
///
/// ```
/// assert_eq!(orch_core::vote::median([3.0, 100.0, 1.0]), Some(3.0));
/// assert_eq!(orch_core::vote::median([1.0, 2.0]), Some(1.5));
/// ```
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
}

/// The answer a judge scores highest; of several with the same score, the one given first. A score that is no
/// number loses to any that is. `None` when there is no answer.
pub fn best_of<T>(answers: impl IntoIterator<Item = T>, judge: impl Fn(&T) -> f64) -> Option<T> {
    let score = |answer: &T| Some(judge(answer)).filter(|score| !score.is_nan()).unwrap_or(f64::NEG_INFINITY);
    let mut best: Option<(T, f64)> = None;
    for answer in answers {
        let score = score(&answer);
        if best.as_ref().is_none_or(|(_, most)| score > *most) {
            best = Some((answer, score));
        }
    }
    best.map(|(answer, _)| answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_tie_the_first_wins_and_it_is_said() {
        let vote = majority([2, 1, 1, 2]).unwrap();
        assert_eq!((vote.winner, vote.tied), (2, true));
        assert_eq!(majority(Vec::<u8>::new()), None);
        assert_eq!(weighted([("a", f64::NAN), ("b", -1.0)]), None);
    }

    #[test]
    fn the_best_is_the_first_of_the_highest() {
        assert_eq!(best_of(["bb", "aa", "c"], |text| text.len() as f64), Some("bb"));
        assert_eq!(best_of([f64::NAN, 1.0], |score| *score), Some(1.0));
        assert_eq!(mean([1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!((mean([]), median([])), (None, None));
    }
}
