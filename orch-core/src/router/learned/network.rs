//! A network with one hidden layer beside the separators: it sees which features stand for the same thing, which
//! separators cannot.
//!
//! Inputs are the rows of the separators, hidden units are rectified, outputs are a softmax over the routes. It
//! learns by stochastic gradient descent with one step size per input and per hidden unit (AdaGrad: Duchi, Hazan,
//! Singer, "Adaptive Subgradient Methods", JMLR 2011; by row, so that the state is small), and forgets half of its
//! inputs each time it sees an example (Srivastava et al., "Dropout", JMLR 2014).

use crate::simd::{Row, add_rows, add_scaled, add_to_rows, dot};

use crate::router::calibration::softmax;
use crate::router::example::Supply;

use super::solver::{Problem, Random};

/// A feature that is not in the network.
pub(super) const ABSENT: u32 = u32::MAX;
/// Units in the hidden layer.
pub(crate) const HIDDEN: usize = 128;
/// Passes over the examples; the step size falls to nothing over them.
const PASSES: usize = 8;
const STEP: f32 = 0.04;
/// The share of an example's features that it is shown without.
const DROPPED: f32 = 0.5;

/// The most features the network sees, and in how many examples each stands at least, where there are many and where
/// there are few examples.
const MOST_INPUTS: usize = 24_000;
const LEAST_OF_MANY: u32 = 4;
const LEAST_OF_FEW: u32 = 2;

/// The network's number for each feature of the vocabulary, or [`ABSENT`]: the most frequent of those that stand in
/// enough of the examples. `frequency` is that of each feature; pairs of words have none.
pub(in crate::router) fn inputs(frequency: &[Option<u32>], supply: Supply) -> Vec<u32> {
    let least = match supply {
        Supply::Few => LEAST_OF_FEW,
        Supply::Many => LEAST_OF_MANY,
    };
    let mut frequencies: Vec<u32> = frequency.iter().flatten().copied().filter(|df| *df >= least).collect();
    frequencies.sort_unstable_by(|a, b| b.cmp(a));
    let least = frequencies.get(MOST_INPUTS).map_or(least, |df| df + 1);
    let mut next = 0;
    frequency
        .iter()
        .map(|df| {
            if df.is_some_and(|df| df >= least) {
                next += 1;
                next - 1
            } else {
                ABSENT
            }
        })
        .collect()
}

/// A trained network.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    /// `inputs[feature][unit]`
    pub(crate) inputs: Vec<Row<HIDDEN>>,
    pub(crate) hidden_bias: Vec<f32>,
    /// `outputs[unit * routes + route]`
    pub(crate) outputs: Vec<f32>,
    pub(crate) output_bias: Vec<f32>,
}

/// Trains a network. The same input gives the same weights, bit for bit.
///
/// An example that is out of scope teaches that no route is likelier than another.
pub(crate) fn train(problem: &Problem) -> Layers {
    let routes = problem.route_count;
    let mut random = Random::for_training();
    let spread = (6.0 / (HIDDEN + routes) as f32).sqrt();
    let mut layers = Layers {
        inputs: (0..problem.feature_count)
            .map(|_| Row(std::array::from_fn(|_| (random.unit() - 0.5) * 0.2)))
            .collect(),
        hidden_bias: vec![0.1; HIDDEN],
        outputs: (0..HIDDEN * routes).map(|_| (random.unit() * 2.0 - 1.0) * spread).collect(),
        output_bias: vec![0.0; routes],
    };
    let mut input_squares = vec![1e-6_f32; problem.feature_count];
    let mut unit_squares = vec![1e-6_f32; HIDDEN];
    let mut order: Vec<usize> = (0..problem.rows.len()).collect();
    let mut row: Vec<(u32, f32)> = Vec::new();
    let mut hidden = [0.0_f32; HIDDEN];
    let mut back = [0.0_f32; HIDDEN];
    let mut shares = vec![0.0_f32; routes];
    for pass in 0..PASSES {
        random.shuffle(&mut order);
        let step = STEP * (1.0 - pass as f32 / PASSES as f32);
        for &example in &order {
            row.clear();
            let kept = 1.0 / (1.0 - DROPPED);
            row.extend(
                problem.rows[example]
                    .iter()
                    .filter(|_| random.unit() >= DROPPED)
                    .map(|(feature, value)| (*feature, value * kept)),
            );
            layers.forward(&row, &mut hidden, &mut shares);
            softmax(&mut shares);
            // From here on, the gradient of the log-loss.
            match problem.routes[example] {
                Some(route) => shares[route as usize] -= 1.0,
                None => shares.iter_mut().for_each(|share| *share -= 1.0 / routes as f32),
            }
            let square: f32 = dot(&shares, &shares) / routes as f32;
            for unit in 0..HIDDEN {
                back[unit] = 0.0;
                if hidden[unit] > 0.0 {
                    let weights = &mut layers.outputs[unit * routes..][..routes];
                    back[unit] = dot(weights, &shares);
                    unit_squares[unit] += square * hidden[unit] * hidden[unit];
                    add_scaled(weights, &shares, -step * hidden[unit] / unit_squares[unit].sqrt());
                }
            }
            add_scaled(&mut layers.output_bias, &shares, -0.01);
            let square: f32 = dot(&back, &back) / HIDDEN as f32;
            for (feature, value) in &mut row {
                let squares = &mut input_squares[*feature as usize];
                *squares += square * *value * *value;
                *value = -step * *value / squares.sqrt();
            }
            add_to_rows(&mut layers.inputs, &back, &row);
            add_scaled(&mut layers.hidden_bias, &back, -0.001);
        }
    }
    layers
}

impl Layers {
    /// The outputs before the softmax, into `scores`.
    fn forward(&self, row: &[(u32, f32)], hidden: &mut [f32; HIDDEN], scores: &mut [f32]) {
        hidden.copy_from_slice(&self.hidden_bias);
        add_rows(hidden, &self.inputs, row);
        scores.copy_from_slice(&self.output_bias);
        let routes = scores.len();
        for (unit, value) in hidden.iter_mut().enumerate() {
            *value = value.max(0.0);
            if *value > 0.0 {
                add_scaled(scores, &self.outputs[unit * routes..][..routes], *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exclusive or: the smallest problem no separator can solve.
    #[test]
    fn it_learns_what_no_line_separates() {
        let cases = [([0, 2], 0), ([1, 3], 0), ([0, 3], 1), ([1, 2], 1)];
        let problem = Problem {
            rows: (0..400).map(|i| cases[i % 4].0.map(|feature| (feature, 1.0)).to_vec()).collect(),
            routes: (0..400).map(|i| Some(cases[i % 4].1)).collect(),
            route_count: 2,
            feature_count: 4,
        };
        let layers = train(&problem);
        let (mut hidden, mut scores) = ([0.0; HIDDEN], vec![0.0; 2]);
        for (features, route) in cases {
            layers.forward(&features.map(|feature| (feature, 1.0)), &mut hidden, &mut scores);
            assert!(scores[route as usize] > scores[1 - route as usize], "{features:?}: {scores:?}");
        }
    }
}
