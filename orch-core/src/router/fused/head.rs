//! A linear head over vectors: multinomial logistic regression.
//!
//! Minimises the mean log-loss plus `|W|² / (2 C n)` by L-BFGS (Liu, Nocedal, "On the Limited Memory BFGS Method for
//! Large Scale Optimization", 1989) with a memory of 8 steps and backtracking.

use std::collections::VecDeque;

use crate::router::calibration::softmax;
use crate::router::learned::quantised;
use crate::simd::{add_scaled, dot, dot_bytes};

/// The price of a training error against that of a large weight, for vectors of length 1.
const C: f32 = 37.0;
const MEMORY: usize = 8;
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
        let trained = minimise(&problem, steps);
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

fn minimise(problem: &Problem<'_>, steps: usize) -> Vec<f32> {
    let size = problem.route_count * (problem.dimensions + 1);
    let mut at = vec![0.0_f32; size];
    let mut gradient = vec![0.0_f32; size];
    let mut loss = problem.loss(&at, &mut gradient);
    // Steps, changes of the gradient, and the inverse of their product.
    let mut memory: VecDeque<(Vec<f32>, Vec<f32>, f32)> = VecDeque::with_capacity(MEMORY + 1);
    let mut next_gradient = vec![0.0_f32; size];
    for _ in 0..steps {
        let direction = downhill(&gradient, &memory);
        let slope = f64::from(dot(&direction, &gradient));
        if slope >= 0.0 {
            break;
        }
        // The first direction has no length of its own.
        let mut share =
            if memory.is_empty() { 1.0 / dot(&direction, &direction).sqrt().max(1e-12) } else { 1.0 };
        let accepted = loop {
            let mut next = at.clone();
            add_scaled(&mut next, &direction, share);
            let next_loss = problem.loss(&next, &mut next_gradient);
            if next_loss <= loss + 1e-4 * f64::from(share) * slope {
                break Some((next, next_loss));
            }
            share /= 2.0;
            if share < 1e-6 {
                break None;
            }
        };
        let Some((next, next_loss)) = accepted else { break };
        let mut moved = next.clone();
        add_scaled(&mut moved, &at, -1.0);
        let mut turned = next_gradient.clone();
        add_scaled(&mut turned, &gradient, -1.0);
        let product = dot(&moved, &turned);
        if product > 1e-12 {
            memory.push_back((moved, turned, 1.0 / product));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        let gained = loss - next_loss;
        at = next;
        std::mem::swap(&mut gradient, &mut next_gradient);
        loss = next_loss;
        if gained < 1e-7 * loss.abs() {
            break;
        }
    }
    at
}

/// The two-loop recursion: the negative gradient, bent by what earlier steps said of the curvature.
fn downhill(gradient: &[f32], memory: &VecDeque<(Vec<f32>, Vec<f32>, f32)>) -> Vec<f32> {
    let mut direction: Vec<f32> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, turned, inverse) in memory.iter().rev() {
        let share = inverse * dot(moved, &direction);
        add_scaled(&mut direction, turned, -share);
        shares.push(share);
    }
    if let Some((moved, turned, _)) = memory.back() {
        let scale = dot(moved, turned) / dot(turned, turned).max(1e-30);
        direction.iter_mut().for_each(|number| *number *= scale);
    }
    for ((moved, turned, inverse), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = inverse * dot(turned, &direction);
        add_scaled(&mut direction, moved, share - back);
    }
    direction
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
        let best = minimise(&problem, 200);
        problem.loss(&best, &mut gradient);
        assert!(gradient.iter().all(|slope| slope.abs() < 1e-3), "{gradient:?}");
    }
}
