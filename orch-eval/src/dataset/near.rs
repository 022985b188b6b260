//! Rows that nearly say the same.

use std::collections::HashMap;

use super::fnv;

/// Two texts are nearly the same when they share this much of their shingles: the size of what they share against that
/// of what either has (Jaccard's index).
const ALIKE: f64 = 0.8;
/// Letters of a shingle.
const LETTERS: usize = 3;
/// Rows one row is compared with at most, and pairs it is found in at most, so that data made from one template is
/// looked at in bounded time and room.
const COMPARED: usize = 500;
const PAIRS: usize = 10;

/// Pairs of texts that are nearly the same and not the same, by their places, and how alike they are. A text is found
/// with at most ten of those before it.
///
/// Of two sets with an index of at least `ALIKE` one has, among its rarest shingles, one of the other's; how many of the
/// rarest that takes follows from the sizes (Chaudhuri, Ganti, Kaushik, "A Primitive Operator for Similarity Joins in
/// Data Cleaning", ICDE 2006). So only rows that share a rare shingle are compared.
pub(super) fn pairs(texts: &[String]) -> Vec<(usize, usize, f64)> {
    let sets = numbered(texts);
    let mut found = Vec::new();
    let mut rows_with: Vec<Vec<u32>> = Vec::new();
    for (row, set) in sets.iter().enumerate() {
        // The numbers of shingles rise with how frequent they are, so the rarest come first.
        let enough = set.len() - (ALIKE * set.len() as f64).ceil() as usize + 1;
        let rarest = &set[..enough.min(set.len())];
        let last = rarest.last().map_or(0, |shingle| *shingle as usize + 1);
        if rows_with.len() < last {
            rows_with.resize(last, Vec::new());
        }
        let candidates = rarest.iter().flat_map(|shingle| rows_with[*shingle as usize].iter().copied());
        let mut others: Vec<u32> = candidates.take(COMPARED).collect();
        others.sort_unstable();
        others.dedup();
        let alike = others.into_iter().map(|other| (other as usize, index(set, &sets[other as usize])));
        let alike = alike.filter(|(other, alike)| *alike >= ALIKE && texts[row] != texts[*other]);
        found.extend(alike.take(PAIRS).map(|(other, alike)| (other, row, alike)));
        for shingle in rarest {
            rows_with[*shingle as usize].push(row as u32);
        }
    }
    found
}

/// The shingles of each text, as numbers that rise with how many texts have them.
fn numbered(texts: &[String]) -> Vec<Vec<u32>> {
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let hashes: Vec<Vec<u64>> = texts.iter().map(|text| shingles(text)).collect();
    for shingle in hashes.iter().flatten() {
        *counts.entry(*shingle).or_default() += 1;
    }
    let mut order: Vec<(u32, u64)> = counts.into_iter().map(|(shingle, count)| (count, shingle)).collect();
    order.sort_unstable();
    let numbers: HashMap<u64, u32> =
        order.into_iter().enumerate().map(|(number, (_, shingle))| (shingle, number as u32)).collect();
    let sets = hashes.into_iter();
    sets.map(|hashes| {
        let mut set: Vec<u32> = hashes.iter().map(|shingle| numbers[shingle]).collect();
        set.sort_unstable();
        set
    })
    .collect()
}

/// Jaccard's index of two sorted sets.
fn index(a: &[u32], b: &[u32]) -> f64 {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    if (small.len() as f64) < ALIKE * large.len() as f64 {
        return 0.0;
    }
    let (mut shared, mut rest) = (0, large);
    for shingle in small {
        let below = rest.partition_point(|other| other < shingle);
        rest = &rest[below..];
        shared += usize::from(rest.first() == Some(shingle));
    }
    shared as f64 / (a.len() + b.len() - shared).max(1) as f64
}

/// The hashes of all runs of `LETTERS` letters, each once.
fn shingles(text: &str) -> Vec<u64> {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= LETTERS {
        return vec![fnv(text.as_bytes())];
    }
    let mut buffer = [0; 4 * LETTERS];
    let windows = letters.windows(LETTERS).map(|window| {
        let mut end = 0;
        for letter in window {
            end += letter.encode_utf8(&mut buffer[end..]).len();
        }
        fnv(&buffer[..end])
    });
    let mut hashes: Vec<u64> = windows.collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
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
        let sets = numbered(&texts);
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
