//! Training: one linear separator per route, all of them in one pass.
//!
//! Each separator is an L2-regularised support vector machine with squared hinge loss, solved by dual coordinate
//! descent (Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear
//! SVM", ICML 2008, algorithm 1). Separators do not depend on each other. Some are trained at once: their weights lie
//! side by side, so that one visit of an example reads and updates them all, and are few enough for those of frequent
//! features to stay in the processor's cache.

use crate::simd::{Row, add_rows, add_to_rows};

/// Separators that are trained at once.
const TOGETHER: usize = 32;

/// Training examples as sparse rows, and the route of each.
#[derive(Debug)]
pub(crate) struct Problem {
    /// `(feature, value)` of each example.
    pub(crate) rows: Vec<Vec<(u32, f32)>>,
    /// The route of each example; `None` is out of scope: an example against every route.
    pub(crate) routes: Vec<Option<u32>>,
    pub(crate) route_count: usize,
    pub(crate) feature_count: usize,
}

/// Weights of all routes side by side: `weights[feature * routes + route]`, and a bias for each route.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// How to train.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The price of a training error against that of a large weight.
    pub(crate) c: f32,
    /// How much more an example of a route costs than one against it, at most.
    pub(crate) positive_weight: f32,
    /// The most passes over the examples.
    pub(crate) passes: usize,
    /// Training ends when no projected gradient in a pass is larger.
    pub(crate) tolerance: f32,
}

/// Trains the separators. The same input gives the same weights, bit for bit.
pub(crate) fn train(problem: &Problem, settings: Settings) -> Weights {
    let routes = problem.route_count;
    let mut all = Weights { weights: vec![0.0; problem.feature_count * routes], bias: vec![0.0; routes] };
    // The bias is one more feature, of value 1.
    let norms: Vec<f32> =
        problem.rows.iter().map(|row| 1.0 + row.iter().map(|(_, x)| x * x).sum::<f32>()).collect();
    let mut block = Block {
        first: 0,
        weights: vec![Row([0.0; TOGETHER]); problem.feature_count],
        bias: [0.0; TOGETHER],
        dual: vec![[0.0; TOGETHER]; problem.rows.len()],
    };
    for first in (0..routes).step_by(TOGETHER) {
        block.first = first;
        block.train(problem, &norms, settings);
        let count = TOGETHER.min(routes - first);
        for (to, from) in all.weights.chunks_exact_mut(routes).zip(&mut block.weights) {
            to[first..first + count].copy_from_slice(&from.0[..count]);
            *from = Row([0.0; TOGETHER]);
        }
        all.bias[first..first + count].copy_from_slice(&block.bias[..count]);
        block.bias = [0.0; TOGETHER];
        block.dual.fill([0.0; TOGETHER]);
    }
    all
}

/// The separators of some routes in training. Where there are fewer routes than places, the places left are those of
/// routes without an example.
struct Block {
    first: usize,
    weights: Vec<Row<TOGETHER>>,
    bias: [f32; TOGETHER],
    /// Of each example.
    dual: Vec<[f32; TOGETHER]>,
}

impl Block {
    fn train(&mut self, problem: &Problem, norms: &[f32], settings: Settings) {
        let against = 1.0 / (2.0 * settings.c);
        let towards = against / settings.positive_weight;
        let mut order: Vec<usize> = (0..problem.rows.len()).collect();
        let mut random = Random(0x5EED_0F0C_0FFE_E123);
        for _ in 0..settings.passes {
            random.shuffle(&mut order);
            let mut largest = 0.0_f32;
            for &example in &order {
                let row = &problem.rows[example];
                let mut scores = self.bias;
                add_rows(&mut scores, &self.weights, row);
                let mine = problem.routes[example].map(|route| (route as usize).wrapping_sub(self.first));
                let mut step = [0.0_f32; TOGETHER];
                let mut changed = false;
                for (route, alpha) in self.dual[example].iter_mut().enumerate() {
                    let (sign, slack) = if mine == Some(route) { (1.0, towards) } else { (-1.0, against) };
                    let gradient = sign * scores[route] - 1.0 + slack * *alpha;
                    let projected = if *alpha == 0.0 { gradient.min(0.0) } else { gradient };
                    if projected.abs() > 1e-6 {
                        largest = largest.max(projected.abs());
                        let next = (*alpha - gradient / (norms[example] + slack)).max(0.0);
                        step[route] = sign * (next - *alpha);
                        *alpha = next;
                        changed = true;
                    }
                }
                if changed {
                    self.bias.iter_mut().zip(&step).for_each(|(bias, step)| *bias += step);
                    add_to_rows(&mut self.weights, &step, row);
                }
            }
            if largest < settings.tolerance {
                break;
            }
        }
    }
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
#[derive(Debug)]
pub(in crate::router) struct Random(pub(in crate::router) u64);

impl Random {
    /// The same numbers each time, for weights and directions to begin at.
    pub(in crate::router) fn for_training() -> Self {
        Self(0x0DD5_EED0_0B5E_55ED)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to 1, 1 excluded.
    pub(in crate::router) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Fisher and Yates's shuffle.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = (self.next() % (end as u64 + 1)) as usize;
            items.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { c: 1.0, positive_weight: 1.0, passes: 2_000, tolerance: 1e-5 };

    /// The smallest problem with a known answer: x = +1 and x = -1 on one axis, symmetric, so no bias; the
    /// primal is w²/2 + 2 (1 - w)², which is least at w = 4/5.
    #[test]
    fn two_points_have_the_solution_calculus_gives() {
        let problem = Problem {
            rows: vec![vec![(0, 1.0)], vec![(0, -1.0)]],
            routes: vec![Some(0), None],
            route_count: 1,
            feature_count: 1,
        };
        let model = train(&problem, SETTINGS);
        assert!((model.weights[0] - 0.8).abs() < 1e-3, "{model:?}");
        assert!(model.bias[0].abs() < 1e-3, "{model:?}");
    }

    #[test]
    fn training_is_deterministic() {
        let rows = (0..40_u32).map(|i| vec![(i % 7, 0.5), (7 + i % 3, 0.25)]).collect();
        let routes = (0..40_u32).map(|i| (i % 5 != 4).then_some(i % 3)).collect();
        let problem = Problem { rows, routes, route_count: 3, feature_count: 10 };
        let (a, b) = (train(&problem, SETTINGS), train(&problem, SETTINGS));
        assert_eq!(a.weights, b.weights);
    }
}
