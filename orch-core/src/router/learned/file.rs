//! What a learned router keeps in its file, after the kind.
//!
//! ```text
//! routes; calibration;
//! u32 words, each text and u32 count, in alphabetical order;
//! u32 features, u32 hash[features], f32 rarity[features], f32 rarity of what is unknown, f32 weight[3];
//! u16 count[features], f32 scale[features], i8 weight[sum of counts],
//! u16 route[sum of counts of rows that are not full], f32 bias[routes];
//! u32 inputs, u32 input[features], f32 scale[inputs], i8 weight[inputs * 128], f32 bias[128],
//! f32 scale[routes], i8 weight[routes * 128], f32 bias[routes]
//! ```

use crate::router::Label;
use crate::router::file::{self, Reader, Writer, nonsense};

use super::Learned;
use super::model::{Network, TextModel};
use super::network::{ABSENT, HIDDEN};
use super::separators::{Parts, Separators};
use super::spelling::Spelling;
use super::vocabulary::{Gram, Vocabulary};

const KIND: &str = "learned";

pub(super) fn write<R: Label>(router: &Learned<R>) -> Vec<u8> {
    let mut file = Writer::new(KIND);
    file.routes(&router.routes);
    file.calibration(&router.calibration);
    router.model.write(&mut file);
    file.finish()
}

/// The router, or what is wrong with the file and what to do.
pub(super) fn read<R: Label>(bytes: &[u8]) -> Result<Learned<R>, String> {
    let mut reader = file::read(bytes, KIND)?;
    let routes: Vec<R> = reader.routes()?;
    let calibration = reader.calibration()?;
    let model = TextModel::read(&mut reader, routes.len())?;
    reader.finish()?;
    Ok(Learned { routes, model, calibration })
}

impl TextModel {
    pub(in crate::router) fn write(&self, file: &mut Writer) {
        let Self { spelling, vocabulary, separators, network } = self;
        file.count(spelling.words().len());
        for (word, count) in spelling.words() {
            file.text(word);
            file.words(&[*count]);
        }
        vocabulary.write(file);

        let parts = separators.parts();
        file.shorts(&parts.counts);
        file.floats(&parts.scales);
        file.bytes(&parts.weights);
        file.shorts(&parts.routes);
        file.floats(&separators.bias);

        file.count(network.input_scales.len());
        file.words(&network.inputs);
        file.floats(&network.input_scales);
        file.bytes(&network.input_weights);
        file.floats(&network.hidden_bias);
        file.floats(&network.output_scales);
        file.bytes(&network.output_weights);
        file.floats(&network.output_bias);
    }

    pub(in crate::router) fn read(reader: &mut Reader<'_>, routes: usize) -> Result<Self, String> {
        let spelling = spelling(reader)?;
        let vocabulary = Vocabulary::read(reader)?;
        let separators = separators(reader, vocabulary.len(), routes)?;
        let network = network(reader, vocabulary.len(), routes)?;
        Ok(Self { spelling, vocabulary, separators, network })
    }
}

fn spelling(reader: &mut Reader<'_>) -> Result<Spelling, String> {
    let count = reader.count(8)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let word = reader.text()?.into_boxed_str();
        words.push((word, reader.word()?));
    }
    Ok(Spelling::new(words))
}

impl Vocabulary {
    pub(in crate::router) fn write(&self, file: &mut Writer) {
        file.count(self.len());
        let (hashes, rarity): (Vec<u32>, Vec<f32>) =
            self.grams.iter().map(|gram| (gram.hash, gram.rarity)).unzip();
        file.words(&hashes);
        file.floats(&rarity);
        file.floats(&[self.unknown]);
        file.floats(&self.weights);
    }

    pub(in crate::router) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        let features = reader.count(8)?;
        let hashes = reader.words(features)?;
        let rarity = reader.floats(features)?;
        let unknown = reader.float()?;
        let weights = reader.few()?;
        if !hashes.is_sorted_by(|a, b| a < b) {
            return Err(nonsense());
        }
        let grams = hashes.into_iter().zip(rarity).map(|(hash, rarity)| Gram { hash, rarity }).collect();
        Ok(Self::new(grams, unknown, weights))
    }
}

fn separators(reader: &mut Reader<'_>, features: usize, routes: usize) -> Result<Separators, String> {
    let counts = reader.shorts(features)?;
    let scales = reader.floats(features)?;
    let kept = |full: bool| -> usize {
        let counts = counts.iter().map(|count| usize::from(*count));
        counts.filter(|count| full || *count != routes).sum()
    };
    let weights = reader.bytes(kept(true))?;
    let rows = reader.shorts(kept(false))?;
    let bias = reader.floats(routes)?;
    let sound = counts.iter().all(|count| usize::from(*count) <= routes)
        && rows.iter().all(|route| usize::from(*route) < routes);
    if !sound {
        return Err(nonsense());
    }
    Ok(Separators::from_parts(&Parts { counts, scales, weights, routes: rows }, bias))
}

fn network(reader: &mut Reader<'_>, features: usize, routes: usize) -> Result<Network, String> {
    let count = reader.count(4 + HIDDEN)?;
    let network = Network {
        inputs: reader.words(features)?,
        input_scales: reader.floats(count)?,
        input_weights: reader.bytes(count * HIDDEN)?.into(),
        hidden_bias: reader.floats(HIDDEN)?,
        output_scales: reader.floats(routes)?,
        output_weights: reader.bytes(routes * HIDDEN)?.into(),
        output_bias: reader.floats(routes)?,
    };
    if network.inputs.iter().any(|input| *input != ABSENT && *input as usize >= count) {
        return Err(nonsense());
    }
    Ok(network)
}
