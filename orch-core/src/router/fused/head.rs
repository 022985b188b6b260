//! A linear head over vectors: multinomial logistic regression.
//!
//! Minimises the mean log-loss plus `|W|² / (2 C n)`.

use crate::router::calibration::softmax;
use crate::router::lbfgs;
use crate::router::learned::quantised;
use crate::simd::{add_scaled, dot, dot_bytes};

/// The price of a training error against that of a large weight, for vectors of length 1.
const C: f32 = 37.0;
/// Few examples need more steps until their weights have grown; each is cheap.
const STEPS: usize = 60;
const STEPS_OF_FEW: usize = 100;
const FEW: usize = 3_000;
/// Examples whose scores are made together, so that a row of weights is read once for all of them.
const BLOCK: usize = 8;

/// A trained head with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    pub(super) dimensions: usize,
    /// `weights[route * dimensions + number]`
    pub(super) weights: Vec<i8>,
    pub(super) scales: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Linear {
    /// Trains a head on vectors of length 1 and their routes.
    pub(super) fn train(vectors: &[&[f32]], routes: &[u32], route_count: usize, dimensions: usize) -> Self {
        let problem = Problem { vectors, routes, route_count, dimensions };
        let steps = if vectors.len() < FEW { STEPS_OF_FEW } else { STEPS };
        let size = route_count * (dimensions + 1);
        let trained = lbfgs::minimum(size, steps, |at, gradient| problem.loss(at, gradient));
        let (weights, bias) = trained.split_at(route_count * dimensions);
        let (scales, rows): (Vec<f32>, Vec<Vec<i8>>) =
            weights.chunks_exact(dimensions).map(quantised).unzip();
        Self { dimensions, weights: rows.concat(), scales, bias: bias.to_vec() }
    }

    /// The logit of each route for a vector as [`wide`](crate::router::vectors::wide) makes it.
    pub(super) fn scores(&self, scale: f32, vector: &[i16]) -> Vec<f32> {
        self.weights
            .chunks_exact(self.dimensions)
            .zip(&self.scales)
            .zip(&self.bias)
            .map(|((row, row_scale), bias)| bias + dot_bytes(row, vector) as f32 * row_scale * scale)
            .collect()
    }
}

struct Problem<'a> {
    vectors: &'a [&'a [f32]],
    routes: &'a [u32],
    route_count: usize,
    dimensions: usize,
}

impl Problem<'_> {
    /// The loss at some weights, followed by biases; its gradient goes into `gradient`.
    fn loss(&self, at: &[f32], gradient: &mut [f32]) -> f64 {
        let (routes, size) = (self.route_count, self.dimensions);
        let (weights, bias) = at.split_at(routes * size);
        gradient.fill(0.0);
        let mut loss = 0.0_f64;
        let mut scores = vec![vec![0.0_f32; routes]; BLOCK];
        for (block, own) in self.vectors.chunks(BLOCK).zip(self.routes.chunks(BLOCK)) {
            for (route, row) in weights.chunks_exact(size).enumerate() {
                for (vector, scores) in block.iter().zip(&mut scores) {
                    scores[route] = bias[route] + dot(row, vector);
                }
            }
            for ((vector, own), shares) in block.iter().zip(own).zip(&mut scores) {
                softmax(shares);
                loss -= f64::from(shares[*own as usize].max(1e-30)).ln();
                shares[*own as usize] -= 1.0;
                for (route, share) in shares.iter().enumerate() {
                    // What is this small moves nothing.
                    if share.abs() > 1e-6 {
                        add_scaled(&mut gradient[route * size..][..size], vector, *share);
                        gradient[routes * size + route] += share;
                    }
                }
            }
        }
        let count = self.vectors.len() as f32;
        gradient.iter_mut().for_each(|slope| *slope /= count);
        let pull = 1.0 / (C * count);
        add_scaled(&mut gradient[..routes * size], weights, pull);
        loss / f64::from(count) + f64::from(pull) / 2.0 * f64::from(dot(weights, weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss_and_vanishes_at_the_minimum() {
        let vectors: Vec<Vec<f32>> =
            (0..30).map(|i| vec![(i as f32).sin(), (i as f32 * 0.7).cos(), (i % 3) as f32 / 2.0]).collect();
        let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let routes: Vec<u32> = (0..30).map(|i| i % 3).collect();
        let problem = Problem { vectors: &vectors, routes: &routes, route_count: 3, dimensions: 3 };
        let mut gradient = vec![0.0; 12];
        let mut other = vec![0.0; 12];
        let at: Vec<f32> = (0..12).map(|i| (i as f32 * 1.3).sin()).collect();
        problem.loss(&at, &mut gradient);
        for i in 0..12 {
            let (mut more, mut less) = (at.clone(), at.clone());
            more[i] += 1e-2;
            less[i] -= 1e-2;
            let slope = (problem.loss(&more, &mut other) - problem.loss(&less, &mut other)) / 2e-2;
            assert!((slope - f64::from(gradient[i])).abs() < 1e-3, "{i}: {slope} against {}", gradient[i]);
        }
        let best = lbfgs::minimum(12, 200, |at, gradient| problem.loss(at, gradient));
        problem.loss(&best, &mut gradient);
        assert!(gradient.iter().all(|slope| slope.abs() < 1e-3), "{gradient:?}");
    }
}
