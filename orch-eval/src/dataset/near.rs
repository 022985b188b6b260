//! Rows that nearly say the same.

use std::collections::{HashMap, HashSet};

use super::fnv;

/// Two texts are nearly the same when they share this much of their shingles: the size of what they share against that
/// of what either has (Jaccard's index).
const ALIKE: f64 = 0.8;
/// Letters of a shingle.
const LETTERS: usize = 3;
/// Rows one row is compared with at most, so that data made from one template is looked at in bounded time.
const COMPARED: usize = 2_000;

/// Pairs of texts that are nearly the same and not the same, by their places, and how alike they are.
///
/// Of two sets with an index of at least `ALIKE` one has, among its rarest shingles, one of the other's; how many of the
/// rarest that takes follows from the sizes (Chaudhuri, Ganti, Kaushik, "A Primitive Operator for Similarity Joins in
/// Data Cleaning", ICDE 2006). So only rows that share a rare shingle are compared.
pub(super) fn pairs(texts: &[String]) -> Vec<(usize, usize, f64)> {
    let sets: Vec<HashSet<u64>> = texts.iter().map(|text| shingles(text)).collect();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for shingle in sets.iter().flatten() {
        *counts.entry(*shingle).or_default() += 1;
    }
    let mut found = Vec::new();
    let mut rows_with: HashMap<u64, Vec<usize>> = HashMap::new();
    for (row, set) in sets.iter().enumerate() {
        let mut rarest: Vec<u64> = set.iter().copied().collect();
        rarest.sort_unstable_by_key(|shingle| (counts[shingle], *shingle));
        let enough = rarest.len() - (ALIKE * rarest.len() as f64).ceil() as usize + 1;
        rarest.truncate(enough);
        let mut others: Vec<usize> =
            rarest.iter().flat_map(|shingle| rows_with.get(shingle).into_iter().flatten().copied()).collect();
        others.sort_unstable();
        others.dedup();
        others.truncate(COMPARED);
        for other in others {
            let alike = index(set, &sets[other]);
            if alike >= ALIKE && texts[row] != texts[other] {
                found.push((other, row, alike));
            }
        }
        for shingle in rarest {
            rows_with.entry(shingle).or_default().push(row);
        }
    }
    found
}

fn index(a: &HashSet<u64>, b: &HashSet<u64>) -> f64 {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if (small.len() as f64) < ALIKE * large.len() as f64 {
        return 0.0;
    }
    let shared = small.iter().filter(|shingle| large.contains(shingle)).count();
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

fn shingles(text: &str) -> HashSet<u64> {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= LETTERS {
        return HashSet::from([fnv(text.as_bytes())]);
    }
    let windows = letters.windows(LETTERS);
    windows.map(|window| fnv(window.iter().collect::<String>().as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nearly_says_the_same_is_found_and_nothing_else() {
        let texts = [
            "please cancel my order from yesterday",
            "please cancel my orders from yesterday",
            "where is my parcel",
            "please cancel my order from yesterday",
            "hi",
        ]
        .map(str::to_owned);
        let found: Vec<(usize, usize)> = pairs(&texts).into_iter().map(|(a, b, _)| (a, b)).collect();
        assert_eq!(found, [(0, 1), (1, 3)]);
    }

    /// The short cut finds what comparing all with all finds.
    #[test]
    fn no_pair_is_missed() {
        let mut random = fastrand::Rng::with_seed(3);
        let words = ["refund", "order", "please", "my", "the", "card", "late", "parcel", "again", "twice"];
        let texts: Vec<String> = (0..400)
            .map(|_| (0..7).map(|_| words[random.usize(..words.len())]).collect::<Vec<_>>().join(" "))
            .collect();
        let sets: Vec<HashSet<u64>> = texts.iter().map(|text| shingles(text)).collect();
        let mut all = Vec::new();
        for b in 0..texts.len() {
            for a in 0..b {
                if index(&sets[a], &sets[b]) >= ALIKE && texts[a] != texts[b] {
                    all.push((a, b));
                }
            }
        }
        let mut found: Vec<(usize, usize)> = pairs(&texts).into_iter().map(|(a, b, _)| (a, b)).collect();
        found.sort_by_key(|(a, b)| (*b, *a));
        assert!(!all.is_empty());
        assert_eq!(found, all);
    }
}
