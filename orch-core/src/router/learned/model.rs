//! What a trained text model is made of, and what it says of a text.

use std::borrow::Cow;

use crate::aligned::AlignedBytes;
use crate::router::unseen::Scores;
use crate::router::vectors::{Bytes, quantised};
use crate::simd::{add_byte_rows, dot_byte_rows, prefetch};

use super::courtesy::without_courtesy;
use super::features::Ngrams;
use super::network::{ABSENT, HIDDEN, Layers};
use super::separators::Separators;
use super::spelling::{Spelling, WordRank};
use super::vocabulary::Vocabulary;

/// Vocabulary, separators and network, with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::router) struct TextModel {
    pub(super) spelling: Spelling,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) separators: Separators,
    pub(crate) network: Network,
}

impl TextModel {
    /// The request in a text, slips of the keyboard corrected, with the help of a vocabulary that says how frequent a word
    /// is.
    pub(in crate::router) fn read_as<'a>(
        &self,
        text: &'a str,
        word_rank: Option<WordRank<'_>>,
    ) -> Cow<'a, str> {
        self.spelling.corrected(without_courtesy(text), word_rank)
    }

    pub(in crate::router) fn scores(&self, text: &str) -> Scores {
        let row = self.vocabulary.row(&Ngrams::of(&self.read_as(text, None)));
        let parts = [
            self.separators.scores(&row.features),
            self.network.scores(&row.features),
            Vec::new(),
            Vec::new(),
        ];
        Scores { parts, known: row.known, ..Scores::default() }
    }
}

/// A network with weights of 8 bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Network {
    /// The network's number for each feature of the vocabulary, or [`ABSENT`].
    pub(crate) inputs: Vec<u32>,
    pub(crate) input_scales: Vec<f32>,
    /// `input_weights[input * HIDDEN + unit]`
    pub(crate) input_weights: AlignedBytes,
    pub(crate) hidden_bias: Vec<f32>,
    pub(crate) output_scales: Vec<f32>,
    /// `output_weights[route * HIDDEN + unit]`
    pub(crate) output_weights: AlignedBytes,
    pub(crate) output_bias: Vec<f32>,
}

impl Network {
    pub(crate) fn new(inputs: Vec<u32>, trained: Layers) -> Self {
        let routes = trained.output_bias.len();
        let (input_scales, rows): (Vec<f32>, Vec<Vec<i8>>) =
            trained.inputs.iter().map(|row| quantised(&row.0)).unzip();
        let by_route = (0..routes).map(|route| {
            let row: Vec<f32> = (0..HIDDEN).map(|unit| trained.outputs[unit * routes + route]).collect();
            quantised(&row)
        });
        let (output_scales, outputs): (Vec<f32>, Vec<Vec<i8>>) = by_route.unzip();
        Self {
            inputs,
            input_scales,
            input_weights: rows.concat().into(),
            hidden_bias: trained.hidden_bias,
            output_scales,
            output_weights: outputs.concat().into(),
            output_bias: trained.output_bias,
        }
    }

    /// The outputs before the softmax.
    fn scores(&self, row: &[(u32, f32)]) -> Vec<f32> {
        let mut hidden = [0.0_f32; HIDDEN];
        hidden.copy_from_slice(&self.hidden_bias);
        row.iter().for_each(|(feature, _)| prefetch(&self.inputs[*feature as usize..=*feature as usize]));
        let weights = self.input_weights.as_chunks().0;
        let inputs: Vec<(u32, f32)> = row
            .iter()
            .map(|(feature, value)| (self.inputs[*feature as usize], *value))
            .filter(|(input, _)| *input != ABSENT)
            .inspect(|(input, _)| prefetch(&weights[*input as usize]))
            .map(|(input, value)| (input, value * self.input_scales[input as usize]))
            .collect();
        add_byte_rows(&mut hidden, weights, &inputs);
        hidden.iter_mut().for_each(|value| *value = value.max(0.0));
        // The hidden values are rounded to 8 bits too, so that the outputs are products of bytes.
        let hidden = Bytes::of(&hidden);
        let mut products = vec![0; self.output_bias.len()];
        dot_byte_rows(&self.output_weights, &hidden.numbers, &mut products);
        let scales = products.into_iter().zip(&self.output_scales).zip(&self.output_bias);
        scales.map(|((product, scale), bias)| bias + product as f32 * scale * hidden.scale).collect()
    }
}
