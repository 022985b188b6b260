//! Vectors alone.

use crate::aligned::AlignedBytes;
use crate::error::{Error, Kind, Result};
use crate::router::calibration::Calibration;
use crate::router::encoder::{Encoder, Head, embed, normalise, sealed};
use crate::router::example::Supply;
use crate::router::unseen::{self, PARTS, Scores, Unseen};
use crate::router::vectors::Bytes;
use crate::router::{Decision, Example, Label};

mod file;
mod network;

use network::Network;

/// Where the slope of the network begins; alone it has no other part.
pub(super) const SLOPES: [f64; PARTS] = [1.0, 1.0, 1.0, 1.0];

/// A router that reads a text's vector and nothing else: once the text is embedded, the quickest there is.
///
/// A small network over the vectors, with calibrated confidence. [`Fused`](super::Fused) reads the words beside them, and is
/// more accurate. To route texts, put it together with its encoder: see [`Encoded`](super::Encoded).
///
/// ```
/// use orch_core::router::{Dense, Encoded, Encoder, Example, Vectors};
/// use orch_core::Result;
///
/// # struct Vowels;
/// # impl Encoder for Vowels {
/// #     fn identity(&self) -> &str { "vowels" }
/// #     fn dimensions(&self) -> usize { 5 }
/// #     async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
/// #         let count = |text: &str, vowel| text.matches(vowel).count() as f32;
/// #         Ok(texts.iter().map(|text| ["a", "e", "i", "o", "u"].map(|vowel| count(text, vowel)).to_vec()).collect())
/// #     }
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let examples = [("banana", "a"), ("papaya", "a"), ("cassava", "a"), ("kiwi", "i"), ("chili", "i"), ("mini", "i")]
///     .map(|(input, route)| Example::new(input, Some(route.to_owned())));
/// let router = Encoded::new(Vowels, Dense::fit(&Vowels, &examples).await?)?;
/// assert_eq!(router.rank("papaja").await?.route, "a");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dense<R> {
    encoder: String,
    routes: Vec<R>,
    network: Centred,
    calibration: Calibration,
}

/// A network over vectors less their mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Centred {
    /// The mean of the training vectors, which is taken from every vector before it is scaled to length 1.
    pub(super) mean: Vec<f32>,
    network: Network,
}

impl Centred {
    /// Trains on vectors of so many routes, the first `real` of which are examples and tell the mean.
    pub(super) fn train(
        vectors: &[&[f32]],
        routes: &[u32],
        real: usize,
        route_count: usize,
        dimensions: usize,
        supply: Supply,
    ) -> Self {
        let mut mean = vec![0.0; dimensions];
        for vector in &vectors[..real] {
            crate::simd::add_scaled(&mut mean, vector, 1.0 / real as f32);
        }
        let centred: Vec<Vec<f32>> = vectors.iter().map(|vector| centred(vector, &mean)).collect();
        let rows: Vec<&[f32]> = centred.iter().map(Vec::as_slice).collect();
        Self { network: Network::train(&rows, routes, route_count, dimensions, supply), mean }
    }

    /// A vector less the mean, scaled to length 1.
    pub(super) fn centre(&self, vector: &[f32]) -> Vec<f32> {
        centred(vector, &self.mean)
    }

    /// The same, as bytes.
    pub(super) fn bytes(&self, vector: &[f32]) -> Bytes {
        let mut numbers = AlignedBytes::zeros(self.mean.len());
        let scale = crate::simd::quantise_centred(vector, &self.mean, numbers.as_mut_slice());
        Bytes { scale, numbers }
    }

    /// The logit of each route for a vector that is centred.
    pub(super) fn scores(&self, centred: &Bytes) -> Vec<f32> {
        self.network.scores(centred)
    }
}

fn centred(vector: &[f32], mean: &[f32]) -> Vec<f32> {
    let mut centred = vector.to_vec();
    crate::simd::add_scaled(&mut centred, mean, -1.0);
    normalise(&mut centred);
    centred
}

impl<R: Label> Dense<R> {
    /// Embeds, trains and calibrates. The same examples and vectors give the same router.
    ///
    /// If any example is [held out](Example::held_out), those calibrate it; otherwise cross-validation does. In the end
    /// it is trained on all of them.
    ///
    /// # Errors
    ///
    /// When there are fewer than two routes among the examples, or the encoder fails.
    pub async fn fit<E: Encoder>(encoder: &E, examples: &[Example<R>]) -> Result<Self> {
        let (routes, labels) = unseen::numbered(examples)?;
        let rows = unseen::widened(examples, &labels, &routes);
        let folds = unseen::folds(examples, &labels, &rows[examples.len()..]);
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let vectors = embed(encoder, &texts).await?;
        let supply = Supply::of(examples.len());
        let train = |keep: &dyn Fn(usize) -> bool| {
            let kept = rows.iter().zip(&vectors).filter(|(row, _)| row.example.is_none_or(keep));
            let inside: Vec<(u32, bool, &[f32])> = kept
                .filter_map(|(row, vector)| Some((row.route?, row.example.is_some(), vector.as_slice())))
                .collect();
            let vectors: Vec<&[f32]> = inside.iter().map(|(_, _, vector)| *vector).collect();
            let numbers: Vec<u32> = inside.iter().map(|(route, ..)| *route).collect();
            let real = inside.iter().filter(|(_, is_example, _)| *is_example).count();
            Centred::train(&vectors, &numbers, real, routes.len(), encoder.dimensions(), supply)
        };
        let unseen = Unseen::by_folds(&folds, &labels, train, |network, left_out| {
            left_out.iter().map(|index| scores(network, &vectors[*index])).collect()
        });
        let network = train(&|_| true);
        let calibration = Calibration::fit(&unseen, SLOPES);
        Ok(Self { encoder: encoder.identity().to_owned(), routes, network, calibration })
    }

    /// The router as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads what [`to_bytes`](Dense::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are not a router of this version, are damaged, or name a route that `R` does not have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        file::read(bytes).map_err(|problem| Error::with(Kind::Router, problem))
    }

    /// The same router with another threshold, from 0 (never abstains) to 1.
    #[must_use]
    pub fn abstaining_below(mut self, confidence: f64) -> Self {
        self.calibration = self.calibration.abstaining_below(confidence);
        self
    }
}

fn scores(network: &Centred, vector: &[f32]) -> Scores {
    Scores::of_network(network.scores(&network.bytes(vector)))
}

impl<R> sealed::Sealed for Dense<R> {}

impl<R: Label> Head for Dense<R> {
    type Route = R;

    fn encoder(&self) -> &str {
        &self.encoder
    }

    fn routes(&self) -> &[R] {
        &self.routes
    }

    fn abstains_below(&self) -> f64 {
        self.calibration.threshold
    }

    fn rank_embedded(&self, _: &str, vector: &[f32]) -> Decision<R> {
        let shares = self.calibration.probabilities(&scores(&self.network, vector));
        Decision::ranked(&self.routes, &shares, "dense")
    }
}
