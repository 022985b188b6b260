//! Which differences count when a vector is compared with examples.
//!
//! In some directions examples of one and the same route differ much, so that what differs there says little of the
//! route. The strongest of these directions are weakened until examples differ in each of them as they do in the next
//! strongest: within-class covariance normalisation (Hatch, Kajarekar, Stolcke, "Within-class covariance normalization
//! for SVM-based speaker recognition", Interspeech 2006), of a few directions. They are found by orthogonal iteration (Golub,
//! Van Loan, "Matrix Computations", 4th edition, section 8.2.4).

use crate::router::encoder::normalise;
use crate::router::learned::Random;
use crate::simd::{add_scaled, dot};

/// Directions that are weakened, at most. Chosen on train and val rows.
const DIRECTIONS: usize = 32;
/// Examples, beyond one of each route, that it takes to tell one direction.
const FOR_ONE: usize = 8;
/// Directions that are looked for beside those that are wanted, as the last ones are found the slowest; and steps of the
/// search.
const SPARE: usize = 8;
const STEPS: usize = 6;
/// A mean square that may be the rounding of vectors that are the same.
const ROUNDING: f32 = 1e-9;

/// A symmetric matrix that products of vectors are made with: the identity, less a share of some directions.
pub(super) struct Metric {
    /// Directions of length 1 at right angles, and how much of each is taken away, from 0 to 1.
    weakened: Vec<(Vec<f32>, f32)>,
    /// How long a vector is on average.
    length: f32,
}

impl Metric {
    /// The one in which all directions are as they are.
    pub(super) fn cosine() -> Self {
        Self { weakened: Vec::new(), length: 1.0 }
    }

    /// The metric of vectors of length 1, and the places of each route's.
    pub(super) fn of(vectors: &[Vec<f32>], of_route: &[Vec<usize>], dimensions: usize) -> Self {
        let routes = of_route.iter().filter(|places| !places.is_empty()).count();
        let wanted = ((vectors.len() - routes) / FOR_ONE).min(DIRECTIONS).min(dimensions / 2);
        if wanted == 0 {
            return Self::cosine();
        }
        let differences = differences(vectors, of_route, dimensions);
        let found = strongest(&differences, (wanted + SPARE).min(dimensions), dimensions);
        let next = found[wanted].1;
        // Where examples differ in fewer directions than that, they say nothing of how much is much.
        if next <= ROUNDING * differences.len() as f32 {
            return Self::cosine();
        }
        let weakened = found.into_iter().take(wanted);
        let weakened = weakened.map(|(direction, spread)| (direction, 1.0 - next / spread)).collect();
        let mut metric = Self { weakened, length: 1.0 };
        let lengths: f32 = vectors.iter().map(|vector| dot(vector, &metric.times(vector)).sqrt()).sum();
        metric.length = lengths / vectors.len() as f32;
        metric
    }

    /// An example as it is kept. Its product with a query is their cosine in this metric, if the query is as long there as
    /// vectors are on average: to measure it would take longer than the comparison.
    pub(super) fn weighed(&self, vector: &[f32]) -> Vec<f32> {
        let mut weighed = self.times(vector);
        if self.weakened.is_empty() {
            return weighed;
        }
        let length = self.length * dot(vector, &weighed).sqrt();
        if length > 0.0 {
            weighed.iter_mut().for_each(|number| *number /= length);
        }
        weighed
    }

    fn times(&self, vector: &[f32]) -> Vec<f32> {
        let mut product = vector.to_vec();
        for (direction, share) in &self.weakened {
            add_scaled(&mut product, direction, -share * dot(direction, vector));
        }
        product
    }
}

/// How examples differ from the mean of their route.
fn differences(vectors: &[Vec<f32>], of_route: &[Vec<usize>], dimensions: usize) -> Vec<Vec<f32>> {
    let all = of_route.iter().flat_map(|places| {
        let mut mean = vec![0.0; dimensions];
        for place in places {
            add_scaled(&mut mean, &vectors[*place], 1.0 / places.len() as f32);
        }
        places.iter().map(move |place| {
            let mut difference = vectors[*place].clone();
            add_scaled(&mut difference, &mean, -1.0);
            difference
        })
    });
    all.collect()
}

/// The directions in which vectors spread most, each of length 1, and how much they do, the strongest first.
fn strongest(vectors: &[Vec<f32>], count: usize, dimensions: usize) -> Vec<(Vec<f32>, f32)> {
    let mut random = Random::for_training();
    let mut directions: Vec<Vec<f32>> =
        (0..count).map(|_| (0..dimensions).map(|_| random.unit() - 0.5).collect()).collect();
    orthonormalise(&mut directions);
    let mut spreads = vec![0.0; count];
    for _ in 0..STEPS {
        let mut next = vec![vec![0.0; dimensions]; count];
        for vector in vectors {
            for (direction, next) in directions.iter().zip(&mut next) {
                add_scaled(next, vector, dot(direction, vector));
            }
        }
        spreads = directions.iter().zip(&next).map(|(direction, next)| dot(direction, next)).collect();
        directions = next;
        orthonormalise(&mut directions);
    }
    let mut found: Vec<(Vec<f32>, f32)> = directions.into_iter().zip(spreads).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// Makes vectors stand at right angles, each of length 1, or 0 where it adds no direction: by Gram and Schmidt's method,
/// which is done twice against rounding.
fn orthonormalise(vectors: &mut [Vec<f32>]) {
    for place in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(place);
        let vector = &mut rest[0];
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(other, vector);
                add_scaled(vector, other, -along);
            }
            normalise(vector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two routes that differ in the first of ten numbers, while the four after it are anything in both.
    fn examples() -> (Vec<Vec<f32>>, Vec<Vec<usize>>) {
        let mut random = Random(7);
        let vectors = (0..200).map(|place| {
            let mut vector: Vec<f32> = (0..10).map(|_| (random.unit() - 0.5) * 0.2).collect();
            vector[0] += if place % 2 == 0 { 0.15 } else { -0.15 };
            vector[1..5].iter_mut().for_each(|number| *number = random.unit() - 0.5);
            normalise(&mut vector);
            vector
        });
        (vectors.collect(), vec![(0..200).step_by(2).collect(), (1..200).step_by(2).collect()])
    }

    /// How many of the examples are most like another of their own route.
    fn beside_their_own(vectors: &[Vec<f32>], kept: &[Vec<f32>]) -> usize {
        let nearest = |query: usize| {
            let others = (0..kept.len()).filter(|other| *other != query);
            others.max_by(|a, b| dot(&vectors[query], &kept[*a]).total_cmp(&dot(&vectors[query], &kept[*b])))
        };
        (0..vectors.len()).filter(|query| nearest(*query).is_some_and(|other| other % 2 == query % 2)).count()
    }

    #[test]
    fn what_differs_within_a_route_counts_less() {
        let (vectors, of_route) = examples();
        let metric = Metric::of(&vectors, &of_route, 10);
        let kept: Vec<Vec<f32>> = vectors.iter().map(|vector| metric.weighed(vector)).collect();
        let (as_they_are, weighed) =
            (beside_their_own(&vectors, &vectors), beside_their_own(&vectors, &kept));
        assert!(weighed > as_they_are && weighed >= 195, "{as_they_are}, then {weighed} of 200");
    }

    #[test]
    fn the_strongest_directions_are_those_of_the_spread() {
        let vectors: Vec<Vec<f32>> = (0..6)
            .map(|place| {
                let mut vector = vec![0.0; 6];
                vector[place] = (6 - place) as f32;
                vector
            })
            .collect();
        let found = strongest(&vectors, 6, 6);
        for (place, (direction, spread)) in found.iter().enumerate() {
            assert!((direction[place].abs() - 1.0).abs() < 0.02, "{place}: {direction:?}");
            assert!((spread - ((6 - place) as f32).powi(2)).abs() < 0.1, "{place}: {spread}");
        }
    }

    #[test]
    fn a_few_examples_and_equal_ones_are_compared_as_they_are() {
        let (vectors, _) = examples();
        let few = Metric::of(&vectors[..9], &[(0..5).collect(), (5..9).collect()], 10);
        assert_eq!(few.weighed(&vectors[0]), vectors[0]);
        let equal = vec![vectors[0].clone(); 40];
        let weighed = Metric::of(&equal, &[(0..20).collect(), (20..40).collect()], 10).weighed(&vectors[0]);
        assert_eq!(weighed, vectors[0]);
        assert_eq!(few.weighed(&[0.0; 10]), [0.0; 10]);
    }
}
