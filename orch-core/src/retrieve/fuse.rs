//! Several rankings as one.

/// How little the first places count above the others, as its authors chose it.
const K: f64 = 60.0;

/// Fuses rankings by the places in them alone (Cormack, Clarke and Büttcher, 2009): each gives `1 / (60 + place)`. Best
/// first; of equals, the one that was named first.
///
/// ```
/// use orch_core::retrieve::reciprocal_rank_fusion;
///
/// let fused = reciprocal_rank_fusion([vec!["a", "b", "c"], vec!["b", "d"]]);
/// let order: Vec<&str> = fused.iter().map(|(item, _)| *item).collect();
/// assert_eq!(order, ["b", "a", "d", "c"]);
/// ```
pub fn reciprocal_rank_fusion<T: PartialEq>(rankings: impl IntoIterator<Item = Vec<T>>) -> Vec<(T, f64)> {
    let mut fused: Vec<(T, f64)> = Vec::new();
    for ranking in rankings {
        for (place, item) in ranking.into_iter().enumerate() {
            let score = 1.0 / (K + place as f64 + 1.0);
            match fused.iter_mut().find(|(known, _)| *known == item) {
                Some((_, sum)) => *sum += score,
                None => fused.push((item, score)),
            }
        }
    }
    fused.sort_by(|a, b| b.1.total_cmp(&a.1));
    fused
}
