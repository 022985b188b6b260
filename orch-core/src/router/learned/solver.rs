//! Training: one linear separator per route, all of them in one pass.
//!
//! Each separator is an L2-regularised support vector machine with squared hinge loss, solved by dual coordinate
//! descent (Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear
//! SVM", ICML 2008, algorithm 1). The separators share the examples and the order in which they are visited, so
//! one visit reads the weights of all routes, which lie side by side, and updates those that are not yet right.

use crate::simd::add_scaled;

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
    let mut model = Weights { weights: vec![0.0; problem.feature_count * routes], bias: vec![0.0; routes] };
    let mut dual = vec![0.0_f32; problem.rows.len() * routes];
    // The bias is one more feature, of value 1.
    let norms: Vec<f32> =
        problem.rows.iter().map(|row| 1.0 + row.iter().map(|(_, x)| x * x).sum::<f32>()).collect();
    let against = 1.0 / (2.0 * settings.c);
    let towards = against / settings.positive_weight;
    let mut order: Vec<usize> = (0..problem.rows.len()).collect();
    let mut scores = vec![0.0_f32; routes];
    let mut step = vec![0.0_f32; routes];
    let mut random = Random(0x5EED_0F0C_0FFE_E123);
    for _ in 0..settings.passes {
        random.shuffle(&mut order);
        let mut largest = 0.0_f32;
        for &example in &order {
            let row = &problem.rows[example];
            scores.copy_from_slice(&model.bias);
            for &(feature, x) in row {
                let at = feature as usize * routes;
                add_scaled(&mut scores, &model.weights[at..at + routes], x);
            }
            let alphas = &mut dual[example * routes..(example + 1) * routes];
            let mine = problem.routes[example];
            let mut changed = 0_usize;
            for route in 0..routes {
                let (sign, slack) = if mine == Some(route as u32) { (1.0, towards) } else { (-1.0, against) };
                let alpha = alphas[route];
                let gradient = sign * scores[route] - 1.0 + slack * alpha;
                let projected = if alpha == 0.0 { gradient.min(0.0) } else { gradient };
                step[route] = 0.0;
                if projected.abs() > 1e-6 {
                    largest = largest.max(projected.abs());
                    let next = (alpha - gradient / (norms[example] + slack)).max(0.0);
                    step[route] = sign * (next - alpha);
                    alphas[route] = next;
                    changed += 1;
                }
            }
            update(&mut model, row, &step, changed, routes);
        }
        if largest < settings.tolerance {
            break;
        }
    }
    model
}

/// Moves the weights of an example's features by `step`.
fn update(model: &mut Weights, row: &[(u32, f32)], step: &[f32], changed: usize, routes: usize) {
    if changed == 0 {
        return;
    }
    add_scaled(&mut model.bias, step, 1.0);
    if changed * 8 > routes {
        for &(feature, x) in row {
            let at = feature as usize * routes;
            add_scaled(&mut model.weights[at..at + routes], step, x);
        }
        return;
    }
    let sparse: Vec<(usize, f32)> = step
        .iter()
        .enumerate()
        .filter(|(_, step)| **step != 0.0)
        .map(|(route, step)| (route, *step))
        .collect();
    for &(feature, x) in row {
        let weights = &mut model.weights[feature as usize * routes..][..routes];
        for &(route, step) in &sparse {
            weights[route] += step * x;
        }
    }
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
#[derive(Debug)]
pub(in crate::router) struct Random(pub(in crate::router) u64);

impl Random {
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
