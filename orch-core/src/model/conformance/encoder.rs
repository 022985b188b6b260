//! What any encoder must hold.

use super::NotConforming;
use crate::model::{ModelError, ModelErrorKind};
use crate::router::{Encoder, embed};

/// Texts that encoders stumble over, and two that mean about the same, first and last.
const TEXTS: [&str; 7] = [
    "Where is my parcel?",
    "",
    " \n\t ",
    "مرحبا 👩‍👩‍👧 straße",
    "\u{0}\u{202E}\u{FEFF}",
    "The cat sleeps on the mat.",
    "Where is my package?",
];
/// How unlike two vectors of the same text may be: servers count in few bits.
const SAME: f32 = 0.999;
/// Words of a text longer than any encoder reads.
const LONG: usize = 20_000;

/// Asks the encoder half a dozen times, and tells all it does not hold: a vector for each text, in order, of the length
/// it says, finite, the same whichever texts are beside it, and nearer to a text of like meaning than to another.
///
/// ```
/// use orch_core::model::conformance::check_encoder;
/// use orch_core::router::{Encoder, Vectors};
///
/// struct Forgetful;
///
/// impl Encoder for Forgetful {
///     fn identity(&self) -> &str { "forgetful" }
///     fn dimensions(&self) -> usize { 1 }
///     async fn encode(&self, texts: &[&str]) -> orch_core::Result<Vectors> {
///         Ok(texts.iter().skip(1).map(|text| vec![text.len() as f32]).collect())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let broken = check_encoder(&Forgetful).await.unwrap_err();
/// assert!(broken.to_string().contains("gave 6 vectors for 7 texts"));
/// # });
/// ```
///
/// # Errors
///
/// [`NotConforming`].
pub async fn check_encoder(encoder: &impl Encoder) -> Result<(), NotConforming> {
    let mut findings = Vec::new();
    if encoder.identity().is_empty() {
        findings.push("it has no identity".to_owned());
    }
    if encoder.dimensions() == 0 || encoder.batch_size() == 0 {
        findings.push("its vectors have no numbers, or it takes no texts at a time".to_owned());
    }
    match embed(encoder, &TEXTS).await {
        Ok(vectors) => {
            for place in [0, 3, 5] {
                alone(encoder, place, &vectors, &mut findings).await;
            }
            let like = |a: usize, b: usize| crate::simd::dot(&vectors[a], &vectors[b]);
            let last = TEXTS.len() - 1;
            if like(0, last) <= like(0, 5) {
                findings.push("a parcel is no nearer to a package than to a cat".to_owned());
            }
        }
        Err(error) => findings.push(error.to_string()),
    }
    if let Err(error) = embed(encoder, &["word ".repeat(LONG).as_str()]).await {
        // A server may refuse what is too long for it, and says so.
        let kind = error.downcast_ref::<ModelError>().map(|error| &error.kind);
        if !matches!(kind, Some(ModelErrorKind::Refused { .. })) {
            findings.push(format!("a long text: {error}"));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(NotConforming { findings }) }
}

/// A text embedded without the others has the same vector.
async fn alone(encoder: &impl Encoder, place: usize, together: &[Vec<f32>], findings: &mut Vec<String>) {
    match embed(encoder, &TEXTS[place..=place]).await {
        Ok(vectors) => {
            let like = crate::simd::dot(&vectors[0], &together[place]);
            if like < SAME {
                findings.push(format!("text {place} alone has another vector: {like:.4} alike"));
            }
        }
        Err(error) => findings.push(format!("text {place} alone: {error}")),
    }
}
