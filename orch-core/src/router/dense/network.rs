//! A network of one hidden layer over vectors, which tells routes apart where no plane does.
//!
//! Hidden units are rectified, outputs are a softmax over the routes. It learns in small batches by Adam (Kingma, Ba,
//! "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1), with weights that decay, and forgets half or more
//! of its hidden units each time it sees an example (Srivastava et al., "Dropout", JMLR 2014).

use crate::aligned::AlignedBytes;
use crate::router::calibration::softmax;
use crate::router::example::Supply;
use crate::router::learned::Random;
use crate::router::vectors::{Bytes, quantised};
use crate::simd::{add_scaled, dot, dot_byte_rows};

/// What depends on how many examples there are. Chosen on train and val rows.
#[derive(Clone, Copy)]
struct Size {
    /// Units in the hidden layer.
    hidden: usize,
    /// The share of the hidden units that an example is shown without.
    dropped: f32,
    /// How strongly weights are pulled to nothing, for one example; the more there are, the less.
    decay: f32,
}

const OF_MANY: Size = Size { hidden: 128, dropped: 0.5, decay: 18.0 };
/// More units are more voices, which steadies what is learned from little; and little is soon learned by heart.
const OF_FEW: Size = Size { hidden: 256, dropped: 0.7, decay: 25.0 };
/// Examples a step looks at.
const BATCH: usize = 32;
/// Passes over the examples, and how many steps there are at least; the step size falls to nothing over them.
const PASSES: usize = 15;
const LEAST_STEPS: usize = 1_500;
const STEP: f32 = 3e-3;
/// How long Adam remembers slopes and their squares, and what keeps it from dividing by nothing.
const SLOPES: f32 = 0.9;
const SQUARES: f32 = 0.999;
const TINY: f32 = 1e-8;

/// A trained network, with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::router) struct Network {
    pub(super) hidden: Layer,
    pub(super) outputs: Layer,
}

/// One layer: a row of weights for each unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// `weights[unit * inputs + number]`
    pub(super) weights: AlignedBytes,
    pub(super) scales: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Layer {
    fn new(weights: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let (scales, rows): (Vec<f32>, Vec<Vec<i8>>) = weights.chunks_exact(inputs).map(quantised).unzip();
        Self { weights: rows.concat().into(), scales, bias }
    }

    /// What each unit makes of a vector.
    fn units(&self, vector: &Bytes) -> Vec<f32> {
        let mut products = vec![0; self.bias.len()];
        dot_byte_rows(&self.weights, &vector.numbers, &mut products);
        let units = products.into_iter().zip(&self.scales).zip(&self.bias);
        units.map(|((product, scale), bias)| bias + product as f32 * scale * vector.scale).collect()
    }
}

impl Network {
    /// Trains a network on vectors of length 1 and their routes. The same input gives the same weights, bit for bit.
    pub(in crate::router) fn train(
        vectors: &[&[f32]],
        routes: &[u32],
        route_count: usize,
        dimensions: usize,
        supply: Supply,
    ) -> Self {
        let size = match supply {
            Supply::Few => OF_FEW,
            Supply::Many => OF_MANY,
        };
        let mut trained = Training::new(dimensions, size, route_count);
        trained.run(vectors, routes);
        let Training { hidden, outputs, .. } = trained;
        // Vectors were scaled in training, and are not when it decides.
        let scale = (dimensions as f32).sqrt();
        let weights: Vec<f32> = hidden.weights.iter().map(|weight| weight * scale).collect();
        Self {
            hidden: Layer::new(&weights, hidden.bias, dimensions),
            outputs: Layer::new(&outputs.weights, outputs.bias, size.hidden),
        }
    }

    /// The logit of each route for a vector.
    pub(in crate::router) fn scores(&self, vector: &Bytes) -> Vec<f32> {
        let mut hidden = self.hidden.units(vector);
        hidden.iter_mut().for_each(|unit| *unit = unit.max(0.0));
        self.outputs.units(&Bytes::of(&hidden))
    }
}

/// A layer in training.
struct Trained {
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// Of the weights, then of the biases.
    slopes: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Trained {
    fn new(inputs: usize, units: usize, random: &mut Random) -> Self {
        // He et al., "Delving Deep into Rectifiers", ICCV 2015, as a uniform distribution of the same width.
        let spread = (6.0 / inputs as f32).sqrt();
        let size = units * (inputs + 1);
        Self {
            inputs,
            weights: (0..units * inputs).map(|_| (random.unit() * 2.0 - 1.0) * spread).collect(),
            bias: vec![0.0; units],
            slopes: vec![0.0; size],
            mean: vec![0.0; size],
            square: vec![0.0; size],
        }
    }

    fn row(&self, unit: usize) -> &[f32] {
        &self.weights[unit * self.inputs..][..self.inputs]
    }

    /// Adds what an example says of the slopes of a unit.
    fn pull(&mut self, unit: usize, input: &[f32], by: f32) {
        add_scaled(&mut self.slopes[unit * self.inputs..][..self.inputs], input, by);
        let bias = self.weights.len() + unit;
        self.slopes[bias] += by;
    }

    /// Adam's step number `count`, from 1, along the mean slopes of a batch and the pull of `decay`.
    fn step(&mut self, size: f32, decay: f32, batch: f32, count: i32) {
        let size = size * (1.0 - SQUARES.powi(count)).sqrt() / (1.0 - SLOPES.powi(count));
        let values = self.weights.iter_mut().chain(&mut self.bias);
        let state = self.slopes.iter_mut().zip(self.mean.iter_mut().zip(&mut self.square));
        for (value, (slope, (mean, square))) in values.zip(state) {
            let here = *slope / batch + decay * *value;
            *slope = 0.0;
            *mean += (1.0 - SLOPES) * (here - *mean);
            *square += (1.0 - SQUARES) * (here * here - *square);
            *value -= size * *mean / (square.sqrt() + TINY);
        }
    }
}

struct Training {
    size: Size,
    hidden: Trained,
    outputs: Trained,
    random: Random,
}

impl Training {
    fn new(dimensions: usize, size: Size, route_count: usize) -> Self {
        let mut random = Random::for_training();
        let hidden = Trained::new(dimensions, size.hidden, &mut random);
        let outputs = Trained::new(size.hidden, route_count, &mut random);
        Self { size, hidden, outputs, random }
    }

    fn run(&mut self, vectors: &[&[f32]], routes: &[u32]) {
        let count = vectors.len();
        let steps_a_pass = count.div_ceil(BATCH).max(1);
        let passes = PASSES.max(LEAST_STEPS.div_ceil(steps_a_pass));
        let scale = (self.hidden.inputs as f32).sqrt();
        let scaled: Vec<Vec<f32>> =
            vectors.iter().map(|vector| vector.iter().map(|number| number * scale).collect()).collect();
        let mut order: Vec<usize> = (0..count).collect();
        let (mut step, steps) = (0_i32, passes * steps_a_pass);
        for _ in 0..passes {
            self.random.shuffle(&mut order);
            for batch in order.chunks(BATCH) {
                let batch_vectors: Vec<&[f32]> =
                    batch.iter().map(|example| scaled[*example].as_slice()).collect();
                let batch_routes: Vec<u32> = batch.iter().map(|example| routes[*example]).collect();
                self.learn(&batch_vectors, &batch_routes);
                let size = STEP * (1.0 - step as f32 / steps as f32);
                step += 1;
                for layer in [&mut self.hidden, &mut self.outputs] {
                    layer.step(size, self.size.decay / count as f32, batch.len() as f32, step);
                }
            }
        }
    }

    /// Adds the slopes of the log-loss of some examples, some of whose hidden units are left out.
    fn learn(&mut self, vectors: &[&[f32]], routes: &[u32]) {
        let kept = 1.0 / (1.0 - self.size.dropped);
        let units = self.hidden.bias.len();
        let mut hidden = vec![vec![0.0_f32; units]; vectors.len()];
        for unit in 0..units {
            let (row, bias) = (self.hidden.row(unit), self.hidden.bias[unit]);
            for (vector, hidden) in vectors.iter().zip(&mut hidden) {
                let is_kept = self.random.unit() >= self.size.dropped;
                hidden[unit] = if is_kept { (bias + dot(row, vector)).max(0.0) * kept } else { 0.0 };
            }
        }
        let routes_count = self.outputs.bias.len();
        let mut shares = vec![0.0_f32; routes_count];
        let mut back = vec![vec![0.0_f32; units]; vectors.len()];
        for ((hidden, back), own) in hidden.iter().zip(&mut back).zip(routes) {
            for (route, share) in shares.iter_mut().enumerate() {
                *share = self.outputs.bias[route] + dot(self.outputs.row(route), hidden);
            }
            softmax(&mut shares);
            shares[*own as usize] -= 1.0;
            for (route, share) in shares.iter().enumerate() {
                // What is this small moves nothing.
                if share.abs() > 1e-5 {
                    add_scaled(back, self.outputs.row(route), *share);
                    self.outputs.pull(route, hidden, *share);
                }
            }
        }
        for unit in 0..units {
            for ((vector, hidden), back) in vectors.iter().zip(&hidden).zip(&back) {
                if hidden[unit] > 0.0 {
                    self.hidden.pull(unit, vector, back[unit] * kept);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exclusive or, which no plane parts.
    #[test]
    fn it_learns_what_no_plane_parts_and_the_same_twice() {
        let corners = [([1.0_f32, 1.0], 0), ([-1.0, -1.0], 0), ([1.0, -1.0], 1), ([-1.0, 1.0], 1)];
        let vectors: Vec<Vec<f32>> = (0..200)
            .map(|i| {
                let shift = (i as f32 * 0.7).sin() * 0.2;
                corners[i % 4].0.iter().map(|number| number * 0.7 + shift).collect()
            })
            .collect();
        let rows: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let routes: Vec<u32> = (0..200).map(|i| corners[i % 4].1).collect();
        let network = Network::train(&rows, &routes, 2, 2, Supply::Few);
        for (corner, route) in corners {
            let scores = network.scores(&Bytes::of(&corner.map(|number| number * 0.7)));
            assert!(scores[route as usize] > scores[1 - route as usize], "{corner:?}: {scores:?}");
        }
        assert_eq!(network, Network::train(&rows, &routes, 2, 2, Supply::Few));
    }
}
