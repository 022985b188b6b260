//! Routes by example: an input takes the route whose examples it is most like.

use crate::error::{Error, Kind, Result};
use crate::router::calibration::{self, Calibration};
use crate::router::encoder::{Encoded, Encoder, Head, embed, sealed};
use crate::router::unseen::{self, PARTS, Scores, Unseen};
use crate::router::vectors::{Bytes, Index};
use crate::router::{Decision, Example, Label, Ranked};

mod file;

/// Where the slope of similarity begins, and stays where no example was unseen: near what is fitted to two or three
/// examples a route.
const SLOPES: [f64; PARTS] = [20.0, 1.0, 1.0, 1.0];

/// How likeness to a route's examples becomes the route's score. Likeness is the cosine of the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// The likeness of the most alike example.
    Best,
    /// The mean over the route's examples among so many nearest of all.
    Mean(u16),
    /// The sum over the route's examples among so many nearest of all.
    Sum(u16),
    /// The share of the route's examples among so many nearest of all: k nearest neighbours.
    Votes(u16),
    /// The likeness to the mean of the route's examples.
    Centroid,
}

/// A router by likeness to examples.
///
/// It keeps the vectors of its examples, so nothing is embedded again when it is loaded, and routes can be
/// [added](Semantic::add) and [removed](Semantic::remove) while it runs. To route texts, put it together with its
/// encoder: see [`Encoded`](crate::router::Encoded).
///
/// ```
/// use orch_core::router::{Encoded, Encoder, Example, Scoring, Semantic, Vectors};
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
/// let router = Semantic::fit(&Vowels, &examples, Scoring::Best).await?;
/// let router = Encoded::new(Vowels, router)?;
/// assert_eq!(router.rank("pancake").await?.route, "a");
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Semantic<R> {
    encoder: String,
    scoring: Scoring,
    routes: Vec<R>,
    /// Above this score a route is among [`several`](Semantic::several).
    thresholds: Vec<f32>,
    index: Index,
    /// The route of each vector.
    owners: Vec<u32>,
    /// The mean of each route's vectors.
    centroids: Index,
    calibration: Calibration,
}

/// How many unseen examples are taken to their routes, of those that have one.
struct Score {
    right: usize,
    unseen: usize,
}

impl Scoring {
    /// What [`Semantic::fit_choosing`] chooses among.
    pub const CHOICE: [Self; 5] =
        [Self::Best, Self::Mean(10), Self::Sum(10), Self::Votes(10), Self::Centroid];
}

impl<R: Label> Semantic<R> {
    /// Fits with the [`Scoring`] that takes the most unseen examples to their routes, in the order of
    /// [`Scoring::CHOICE`]: a later one must do better by more than what chance does, the square root of the mistakes
    /// (the rule of one standard error: Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984).
    ///
    /// # Errors
    ///
    /// As of [`fit`](Semantic::fit).
    pub async fn fit_choosing<E: Encoder>(encoder: &E, examples: &[Example<R>]) -> Result<Self> {
        let texts: Vec<&str> = examples.iter().map(|example| example.input.as_str()).collect();
        let vectors = embed(encoder, &texts).await?;
        let [first, others @ ..] = Scoring::CHOICE;
        let (mut chosen, Score { right: mut most, unseen }) =
            Self::fit_embedded(encoder, examples, &vectors, first)?;
        for scoring in others {
            let (router, Score { right, .. }) = Self::fit_embedded(encoder, examples, &vectors, scoring)?;
            let mistakes = (unseen - most) as f64;
            if right as f64 > most as f64 + mistakes.sqrt() {
                (chosen, most) = (router, right);
            }
        }
        Ok(chosen)
    }

    /// Embeds the examples, keeps those of routes, and fits confidence and thresholds.
    ///
    /// If any example is [held out](Example::held_out), those are fitted on; otherwise cross-validation does.
    ///
    /// # Errors
    ///
    /// When there are fewer than two routes among the examples, or the encoder fails.
    pub async fn fit<E: Encoder>(encoder: &E, examples: &[Example<R>], scoring: Scoring) -> Result<Self> {
        let texts: Vec<&str> = examples.iter().map(|example| example.input.as_str()).collect();
        let vectors = embed(encoder, &texts).await?;
        Self::fit_embedded(encoder, examples, &vectors, scoring).map(|(router, _)| router)
    }

    /// The router, and how it does on unseen examples.
    fn fit_embedded(
        encoder: &impl Encoder,
        examples: &[Example<R>],
        vectors: &[Vec<f32>],
        scoring: Scoring,
    ) -> Result<(Self, Score)> {
        let (routes, labels) = unseen::numbered(examples)?;
        let folds = unseen::folds(examples, &labels, &[]);
        let make = |keep: &dyn Fn(usize) -> bool| {
            let kept = (0..labels.len()).filter(|index| keep(*index));
            let kept = kept.filter_map(|index| labels[index].map(|route| (route, &vectors[index])));
            Self::of_vectors(encoder, routes.clone(), kept, scoring)
        };
        let unseen = Unseen::by_folds(&folds, &labels, make, |router, left_out| {
            left_out.iter().map(|index| router.scores(&vectors[*index])).collect()
        });
        let mut router = make(&|_| true);
        router.calibration = Calibration::fit(&unseen, SLOPES);
        router.thresholds = thresholds(&unseen, router.routes.len());
        let best = unseen.scores.iter().map(|scores| calibration::best(&scores.parts[0]).0 as u32);
        let right = best.zip(&unseen.labels).filter(|(best, label)| Some(*best) == **label).count();
        Ok((router, Score { right, unseen: unseen.labels.iter().flatten().count() }))
    }

    fn of_vectors<'a>(
        encoder: &impl Encoder,
        routes: Vec<R>,
        vectors: impl Iterator<Item = (u32, &'a Vec<f32>)>,
        scoring: Scoring,
    ) -> Self {
        let dimensions = encoder.dimensions();
        let mut router = Self {
            encoder: encoder.identity().to_owned(),
            scoring,
            thresholds: vec![0.0; routes.len()],
            routes,
            index: Index::new(dimensions),
            owners: Vec::new(),
            centroids: Index::new(dimensions),
            calibration: Calibration::untrained(SLOPES),
        };
        for (route, vector) in vectors {
            router.index.push(vector);
            router.owners.push(route);
        }
        router.find_centroids();
        router
    }

    fn find_centroids(&mut self) {
        let mut means = vec![vec![0.0_f32; self.index.dimensions]; self.routes.len()];
        for (vector, owner) in self.owners.iter().enumerate() {
            self.index.add_to(vector, &mut means[*owner as usize]);
        }
        self.centroids = Index::new(self.index.dimensions);
        for mean in &mut means {
            crate::router::encoder::normalise(mean);
            self.centroids.push(mean);
        }
    }

    /// How many examples it keeps.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.owners.len()
    }

    /// The route of each example, in the order in which they are kept: that in which they were given.
    pub fn example_routes(&self) -> impl Iterator<Item = &R> {
        self.owners.iter().map(|owner| &self.routes[*owner as usize])
    }

    /// The same router without one of its examples, by its place among them. Confidence stays as it was fitted.
    #[must_use]
    pub fn without_example(&self, example: usize) -> Self {
        let mut router = self.clone();
        if example < router.owners.len() {
            router.index.retain(|vector| vector != example);
            router.owners.remove(example);
            router.find_centroids();
        }
        router
    }

    /// How scores are made.
    #[must_use]
    pub fn scoring(&self) -> Scoring {
        self.scoring
    }

    /// Adds examples of a route, which may be a new one. Confidence stays as it was fitted; a new route is one of
    /// [`several`](Semantic::several) from the mean of the others' thresholds on.
    ///
    /// # Errors
    ///
    /// When the encoder is not the one it was fitted with, or fails.
    pub async fn add<E: Encoder>(&mut self, encoder: &E, route: R, examples: &[&str]) -> Result<()> {
        if encoder.identity() != self.encoder {
            let (fitted, other) = (&self.encoder, encoder.identity());
            let what =
                format!("this router was fitted with the encoder `{fitted}`, and this one is `{other}`");
            return Err(Error::with(Kind::Router, what));
        }
        let vectors = embed(encoder, examples).await?;
        let number = self.routes.iter().position(|known| *known == route).unwrap_or_else(|| {
            let mean = self.thresholds.iter().sum::<f32>() / self.thresholds.len().max(1) as f32;
            self.thresholds.push(mean);
            self.routes.push(route);
            self.routes.len() - 1
        });
        for vector in &vectors {
            self.index.push(vector);
            self.owners.push(number as u32);
        }
        self.find_centroids();
        Ok(())
    }

    /// Takes a route out; `false` when it is not there, or one of the last two.
    pub fn remove(&mut self, route: &R) -> bool {
        let Some(number) = self.routes.iter().position(|known| known == route) else {
            return false;
        };
        if self.routes.len() <= 2 {
            return false;
        }
        self.index.retain(|vector| self.owners[vector] as usize != number);
        self.owners.retain(|owner| *owner as usize != number);
        self.owners.iter_mut().filter(|owner| **owner as usize > number).for_each(|owner| *owner -= 1);
        self.routes.remove(number);
        self.thresholds.remove(number);
        self.find_centroids();
        true
    }

    /// The routes a message speaks of, which may be several or none: those whose score is at least their threshold, best
    /// first. The confidence of each is against the others: of two that are certain, each has about a half. `vector` has length 1.
    #[must_use]
    pub fn several(&self, vector: &[f32]) -> Vec<Ranked<R>> {
        let scores = self.scores(vector);
        let shares = self.calibration.probabilities(&scores);
        let mut found: Vec<(usize, f32)> = scores.parts[0]
            .iter()
            .enumerate()
            .filter(|(route, score)| **score >= self.thresholds[*route])
            .map(|(route, score)| (route, *score))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
            .into_iter()
            .map(|(route, _)| Ranked {
                route: self.routes[route].clone(),
                confidence: f64::from(shares[route]),
            })
            .collect()
    }

    /// The same router with another threshold, from 0 (never abstains) to 1.
    #[must_use]
    pub fn abstaining_below(mut self, confidence: f64) -> Self {
        self.calibration = self.calibration.abstaining_below(confidence);
        self
    }

    /// The router as bytes, its vectors included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads what [`to_bytes`](Semantic::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are not a router of this version, are damaged, or name a route that `R` does not have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        file::read(bytes).map_err(|problem| Error::with(Kind::Router, problem))
    }

    /// The score of each route for a vector of length 1.
    fn scores(&self, vector: &[f32]) -> Scores {
        let routes = self.routes.len();
        let mut scores = vec![0.0_f32; routes];
        let mut nearest = -1.0_f32;
        match self.scoring {
            Scoring::Best => {
                scores.fill(-1.0);
                self.index.likenesses(0..self.index.len(), &Bytes::of(vector), |number, likeness| {
                    let score = &mut scores[self.owners[number] as usize];
                    *score = score.max(likeness);
                    nearest = nearest.max(likeness);
                });
            }
            Scoring::Centroid => {
                self.centroids.likenesses(0..routes, &Bytes::of(vector), |route, likeness| {
                    scores[route] = likeness;
                    nearest = nearest.max(likeness);
                });
            }
            Scoring::Mean(count) | Scoring::Sum(count) | Scoring::Votes(count) => {
                let mut counts = vec![0.0_f32; routes];
                for (number, likeness) in self.index.nearest(vector, usize::from(count.max(1))) {
                    let owner = self.owners[number as usize] as usize;
                    counts[owner] += 1.0;
                    scores[owner] += likeness;
                    nearest = nearest.max(likeness);
                }
                match self.scoring {
                    Scoring::Mean(_) => {
                        scores.iter_mut().zip(&counts).for_each(|(score, count)| *score /= count.max(1.0));
                    }
                    Scoring::Votes(count) => {
                        // Likeness decides between routes with as many votes.
                        scores.iter_mut().zip(&counts).for_each(|(score, votes)| {
                            *score = (votes + 0.01 * *score) / f32::from(count.max(1));
                        });
                    }
                    _ => {}
                }
            }
        }
        let parts = [scores, Vec::new(), Vec::new(), Vec::new()];
        Scores { parts, nearest, ..Scores::default() }
    }
}

/// What likeness alone can do: several routes in one message, and routes that come and go.
///
/// ```
/// use orch_core::router::{Encoded, Encoder, Example, Scoring, Semantic, Vectors};
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
/// let mut router = Encoded::new(Vowels, Semantic::fit(&Vowels, &examples, Scoring::Best).await?)?;
/// router.add("o".to_owned(), &["polo", "molotov"]).await?;
/// let found = router.several("banana chili").await?;
/// assert_eq!(found.len(), 2);
/// assert_eq!(router.rank("solo").await?.route, "o");
/// assert!(router.remove(&"o".to_owned()));
/// # orch_core::Ok(()) }).unwrap();
/// ```
impl<E: Encoder, R: Label> Encoded<E, Semantic<R>> {
    /// The routes a message speaks of, which may be several or none, best first: see
    /// [`Semantic::several`].
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn several(&self, input: &str) -> Result<Vec<Ranked<R>>> {
        Ok(self.head().several(&self.embedded(input).await?))
    }

    /// Adds examples of a route, which may be a new one: see [`Semantic::add`].
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub async fn add(&mut self, route: R, examples: &[&str]) -> Result<()> {
        let (encoder, head) = self.parts_mut();
        head.add(encoder, route, examples).await
    }

    /// Takes a route out; `false` when it is not there, or one of the last two.
    pub fn remove(&mut self, route: &R) -> bool {
        self.parts_mut().1.remove(route)
    }
}

impl<R> sealed::Sealed for Semantic<R> {}

impl<R: Label> Head for Semantic<R> {
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
        Decision::ranked(&self.routes, &self.calibration.probabilities(&self.scores(vector)), "semantic")
    }
}

/// For each route, the score from which on it is right more often than not: the one with the best F1 on unseen examples.
/// A route without an unseen example has the mean of the others' thresholds.
fn thresholds(unseen: &Unseen, routes: usize) -> Vec<f32> {
    let found: Vec<Option<f32>> = (0..routes).map(|route| threshold(unseen, route)).collect();
    let known = found.iter().flatten().count();
    // Where nothing was unseen, half of what likeness can be.
    let mean = if known == 0 { 0.5 } else { found.iter().flatten().sum::<f32>() / known as f32 };
    found.into_iter().map(|threshold| threshold.unwrap_or(mean)).collect()
}

fn threshold(unseen: &Unseen, route: usize) -> Option<f32> {
    let labelled = unseen.scores.iter().zip(&unseen.labels);
    let mut scored: Vec<(f32, bool)> =
        labelled.map(|(scores, label)| (scores.parts[0][route], *label == Some(route as u32))).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = scored.iter().filter(|(_, right)| *right).count();
    let (mut right, mut best, mut threshold) = (0, 0.0, None);
    for (given, (score, mine)) in scored.iter().enumerate() {
        right += usize::from(*mine);
        let next = scored.get(given + 1).map(|(next, _)| *next);
        // Those with the same score are above a threshold together.
        if next == Some(*score) {
            continue;
        }
        let f1 = 2.0 * right as f64 / (given + 1 + all) as f64;
        if f1 > best {
            best = f1;
            threshold = Some(f32::midpoint(*score, next.unwrap_or(*score)));
        }
    }
    threshold
}
