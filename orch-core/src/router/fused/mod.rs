//! Words and vectors together.

use std::borrow::Cow;

use crate::error::{Error, Kind, Result};
use crate::router::calibration::{self, Calibration};
use crate::router::dense::Centred;
use crate::router::encoder::{Encoder, Head, embed, sealed};
use crate::router::example::Supply;
use crate::router::learned::{TextData, TextModel};
use crate::router::unseen::{self, PARTS, Scores, Unseen};
use crate::router::vectors::{Bytes, Index};
use crate::router::{Decision, Example, Label};

mod early_exit;
mod file;
mod metric;

use early_exit::EarlyExit;
use metric::Metric;

/// Where the slopes of separators, both networks and neighbours begin.
const SLOPES: [f64; PARTS] = [1.5, 0.2, 0.7, 0.1];
/// Routes whose examples are looked at one by one: the likeliest by everything else.
const CANDIDATES: usize = 5;
/// How much a neighbour's nearness counts: its weight is `exp(NEARNESS * (cosine - 1))`, the cosine in the [`Metric`] of
/// the examples.
const NEARNESS: f32 = 35.0;
/// An example so much less like the input than one before it, by cosine, is left out: it would count less than 1/4,000.
const FARTHER: f32 = 0.24;
/// Examples of the likeliest route that are looked at first: enough to betray what is far from all of them.
const GLANCED: usize = 8;
/// Examples out of scope that are kept at most, so that a decision takes no longer for more.
const KEPT_OUTSIDE: usize = 256;
/// The same for the examples of each route.
const KEPT_OF_ROUTE: usize = 512;

/// A router that reads the text as [`Learned`](super::Learned) does, and its vector: the most accurate one here.
///
/// A small network over the vectors, the separators and the network over the words, and the nearest examples of the
/// likeliest routes each say something; how much each counts is fitted to examples they had not seen. Where the network is
/// so sure that the others changed nothing on those, it decides alone, in a fraction of the time. A text is embedded
/// as it was meant: without courtesy around the request, and with slips of the keyboard corrected. To route texts, put it
/// together with its encoder: see [`Encoded`](super::Encoded).
///
/// ```
/// use orch_core::router::{Encoded, Encoder, Example, Fused, Vectors};
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
/// let router = Encoded::new(Vowels, Fused::fit(&Vowels, &examples).await?)?;
/// assert_eq!(router.rank("papaja").await?.route, "a");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Fused<R> {
    encoder: String,
    routes: Vec<R>,
    text: TextModel,
    vectors: VectorModel,
    calibration: Calibration,
    early_exit: Option<EarlyExit>,
}

/// What is made of vectors.
#[derive(Clone, Debug, PartialEq)]
struct VectorModel {
    network: Centred,
    /// The training vectors as their [`Metric`] has them, route after route, and last those that are out of scope.
    examples: Index,
    /// Where each route's vectors begin, where those out of scope begin, and where they end.
    starts: Vec<u32>,
    /// A few vectors of each route, close together so that they are quick to reach, and where each route's begin and end.
    glanced: Index,
    glanced_starts: Vec<u32>,
}

impl<R: Label> Fused<R> {
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
        let all: Vec<Option<u32>> = rows.iter().map(|row| row.route).collect();
        let data = Data {
            text: TextData::of(rows, routes.len())?,
            vectors: &vectors,
            labels: &all,
            examples: examples.len(),
            routes: routes.len(),
            dimensions: encoder.dimensions(),
        };
        let unseen = Unseen::by_folds(
            &folds,
            &labels,
            |keep| data.train(keep),
            |(text, model), left_out| {
                let first = left_out.iter().map(|index| {
                    let (query, logits) = model.ask_network(&vectors[*index]);
                    let at_a_glance = model.glance(&logits, &query);
                    let scores = with_network(text.scores(&examples[*index].input), logits);
                    (Scores { at_a_glance, ..scores }, query)
                });
                let (scores, queries): (Vec<Scores>, Vec<Bytes>) = first.unzip();
                let labels = left_out.iter().map(|index| labels[*index]).collect();
                let mut first = Unseen { scores, labels };
                // The neighbours are asked about once it is known which routes are the likeliest, which takes slopes.
                let rough = Calibration::slopes_only(&first, SLOPES);
                for (scores, query) in first.scores.iter_mut().zip(&queries) {
                    model.ask_neighbours(scores, &rough, query);
                }
                first.scores
            },
        );
        let calibration = Calibration::fit(&unseen, SLOPES);
        let early_exit = EarlyExit::fit(&unseen, &calibration);
        let (text, vectors) = data.train(&|_| true);
        Ok(Self { encoder: encoder.identity().to_owned(), routes, text, vectors, calibration, early_exit })
    }

    /// The router as bytes, its vectors included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads what [`to_bytes`](Fused::to_bytes) wrote.
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

struct Data<'a> {
    text: TextData,
    vectors: &'a [Vec<f32>],
    /// Of the examples, and then of the routes' names.
    labels: &'a [Option<u32>],
    examples: usize,
    routes: usize,
    dimensions: usize,
}

impl Data<'_> {
    fn train(&self, keep: &dyn Fn(usize) -> bool) -> (TextModel, VectorModel) {
        let kept = (0..self.labels.len()).filter(|index| *index >= self.examples || keep(*index));
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            kept.partition(|index| self.labels[*index].is_some());
        (self.text.train(keep), self.vector_model(&inside, &outside))
    }

    /// Trains on examples that are in scope, and keeps those that are not.
    fn vector_model(&self, inside: &[usize], outside: &[usize]) -> VectorModel {
        let real = inside.iter().filter(|index| **index < self.examples).count();
        let vectors: Vec<&[f32]> = inside.iter().map(|index| self.vectors[*index].as_slice()).collect();
        let routes: Vec<u32> = inside.iter().filter_map(|index| self.labels[*index]).collect();
        let supply = Supply::of(self.examples);
        let network = Centred::train(&vectors, &routes, real, self.routes, self.dimensions, supply);
        let mut of_route: Vec<Vec<usize>> = vec![Vec::new(); self.routes];
        (0..real).for_each(|position| of_route[routes[position] as usize].push(position));
        let centred: Vec<Vec<f32>> = vectors[..real].iter().map(|vector| network.centre(vector)).collect();
        // Of many examples the network learns as much by itself.
        let metric = match supply {
            Supply::Few => Metric::of(&centred, &of_route, self.dimensions),
            Supply::Many => Metric::cosine(),
        };
        let mut examples = Index::new(self.dimensions);
        let mut starts = vec![0_u32; self.routes + 2];
        for (route, positions) in of_route.iter().enumerate() {
            for place in spread(positions.len(), KEPT_OF_ROUTE) {
                examples.push(&metric.weighed(&centred[positions[place]]));
                starts[route + 1] += 1;
            }
        }
        for place in spread(outside.len(), KEPT_OUTSIDE) {
            examples.push(&metric.weighed(&network.centre(&self.vectors[outside[place]])));
            starts[self.routes + 1] += 1;
        }
        for route in 0..=self.routes {
            starts[route + 1] += starts[route];
        }
        VectorModel::new(network, examples, starts)
    }
}

/// Places of at most `most` of so many examples, from all over them.
fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |place| place * count / kept)
}

/// What everything but the neighbours says.
fn with_network(mut scores: Scores, logits: Vec<f32>) -> Scores {
    scores.parts[2] = logits;
    scores
}

impl VectorModel {
    /// The logit of each route, and the vector as neighbours are asked about it.
    fn ask_network(&self, vector: &[f32]) -> (Bytes, Vec<f32>) {
        let query = self.network.bytes(vector);
        let logits = self.network.scores(&query);
        (query, logits)
    }

    fn new(network: Centred, examples: Index, starts: Vec<u32>) -> Self {
        let mut glanced = Index::new(examples.dimensions);
        let mut glanced_starts = vec![0];
        for route in starts[..starts.len() - 1].windows(2) {
            let (start, end) = (route[0] as usize, route[1] as usize);
            spread(end - start, GLANCED).for_each(|place| glanced.push_of(&examples, start + place));
            glanced_starts.push(glanced.len() as u32);
        }
        Self { network, examples, starts, glanced, glanced_starts }
    }

    /// The cosine of the nearest of a few examples of the likeliest route; 0 where it has none.
    fn glance(&self, logits: &[f32], query: &Bytes) -> f32 {
        let (likeliest, _) = calibration::best(logits);
        let (start, end) = (self.glanced_starts[likeliest], self.glanced_starts[likeliest + 1]);
        if start == end {
            return 0.0;
        }
        let mut nearest = -1.0_f32;
        let few = start as usize..end as usize;
        self.glanced.likenesses(few, query, |_, cosine| nearest = nearest.max(cosine));
        nearest
    }

    /// Adds what the examples of the likeliest routes say, and those out of scope; a route that is not among the
    /// likeliest is as far away as the farthest of them.
    fn ask_neighbours(&self, scores: &mut Scores, rough: &Calibration, query: &Bytes) {
        let likely = rough.likeliest(scores, CANDIDATES);
        let mut nearest = -1.0_f32;
        let near: Vec<(usize, f32)> = likely
            .into_iter()
            .map(|route| {
                let (mut sum, mut best) = (1e-12_f32, -1.0_f32);
                self.likenesses(route, query, |cosine| {
                    best = best.max(cosine);
                    // What is much farther away than another adds nothing, and an exponential takes its time.
                    if cosine > best - FARTHER {
                        sum += (NEARNESS * (cosine - 1.0)).exp();
                    }
                });
                nearest = nearest.max(best);
                (route, sum.ln())
            })
            .collect();
        let far = near.iter().fold(f32::INFINITY, |far, (_, nearness)| far.min(*nearness));
        let routes = self.starts.len() - 2;
        scores.parts[3] = vec![far; routes];
        for (route, nearness) in near {
            scores.parts[3][route] = nearness;
        }
        // Where there are no examples at all, how near they are betrays nothing.
        scores.nearest = if self.starts[routes] == 0 { 0.0 } else { nearest };
        self.likenesses(routes, query, |cosine| {
            scores.nearest_outside = scores.nearest_outside.max(cosine);
        });
    }

    /// Gives `see` the cosines of a route's examples, or of those out of scope, which stand where one more route would.
    fn likenesses(&self, route: usize, query: &Bytes, mut see: impl FnMut(f32)) {
        let (start, end) = (self.starts[route] as usize, self.starts[route + 1] as usize);
        self.examples.likenesses(start..end, query, |_, cosine| see(cosine));
    }
}

impl<R> sealed::Sealed for Fused<R> {}

impl<R: Label> Head for Fused<R> {
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

    fn read<'a>(&self, input: &'a str, word_rank: &dyn Fn(&str) -> Option<u32>) -> Cow<'a, str> {
        self.text.read_as(input, Some(word_rank))
    }

    fn rank_embedded(&self, text: &str, vector: &[f32]) -> Decision<R> {
        let (query, logits) = self.vectors.ask_network(vector);
        let early = match &self.early_exit {
            Some(early_exit) => {
                let least = self.calibration.threshold;
                early_exit.probabilities(logits, least, |logits| self.vectors.glance(logits, &query))
            }
            None => Err(logits),
        };
        let shares = early.unwrap_or_else(|logits| {
            let mut scores = with_network(self.text.scores(text), logits);
            self.vectors.ask_neighbours(&mut scores, &self.calibration, &query);
            self.calibration.probabilities(&scores)
        });
        Decision::ranked(&self.routes, &shares, "fused")
    }
}
