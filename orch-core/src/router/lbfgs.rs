//! Minimising a smooth loss of many weights: L-BFGS (Liu, Nocedal, "On the Limited Memory BFGS Method for Large Scale
//! Optimization", 1989) with backtracking.

use std::collections::VecDeque;

use crate::simd::{add_scaled, dot};

/// Steps that are remembered.
const MEMORY: usize = 8;
/// A step that gains less than this share of the loss is the last.
const ENOUGH: f64 = 1e-7;

/// A step, the change of the gradient over it, and the inverse of their product.
type Step = (Vec<f32>, Vec<f32>, f32);

/// Where `loss` is least, from weights of zero, in at most so many steps. `loss` gives the loss at some weights and writes
/// the gradient.
pub(super) fn minimum(size: usize, steps: usize, loss: impl Fn(&[f32], &mut [f32]) -> f64) -> Vec<f32> {
    let mut at = vec![0.0_f32; size];
    let mut gradient = vec![0.0_f32; size];
    let mut here = loss(&at, &mut gradient);
    let mut memory: VecDeque<Step> = VecDeque::with_capacity(MEMORY + 1);
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
            let there = loss(&next, &mut next_gradient);
            if there <= here + 1e-4 * f64::from(share) * slope {
                break Some((next, there));
            }
            share /= 2.0;
            if share < 1e-6 {
                break None;
            }
        };
        let Some((next, there)) = accepted else { break };
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
        let gained = here - there;
        at = next;
        std::mem::swap(&mut gradient, &mut next_gradient);
        here = there;
        if gained < ENOUGH * here.abs() {
            break;
        }
    }
    at
}

/// The two-loop recursion: the negative gradient, bent by what earlier steps said of the curvature.
fn downhill(gradient: &[f32], memory: &VecDeque<Step>) -> Vec<f32> {
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

    /// A bowl that is a hundred times steeper one way than another.
    #[test]
    fn the_bottom_of_a_bowl_is_found() {
        let home = [1.0_f32, -2.0, 3.0, 0.5];
        let steep = [1.0_f32, 10.0, 100.0, 3.0];
        let found = minimum(4, 100, |at, gradient| {
            let mut loss = 0.0;
            for i in 0..4 {
                let away = at[i] - home[i];
                gradient[i] = steep[i] * away;
                loss += f64::from(steep[i] * away * away) / 2.0;
            }
            loss
        });
        assert!(found.iter().zip(home).all(|(found, home)| (found - home).abs() < 1e-3), "{found:?}");
    }
}
