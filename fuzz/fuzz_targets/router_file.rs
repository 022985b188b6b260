//! A router's file that is damaged is an error, or a router that still decides; never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use orch_core::Result;
use orch_core::router::{Bundle, Dense, Difficulty, Encoder, Example, Fused, Graded, Head, Learned, Scoring, Semantic, Vectors, kind_of_router};

/// How often each vowel occurs.
struct Vowels;

impl Encoder for Vowels {
    fn identity(&self) -> &str {
        "vowels"
    }

    fn dimensions(&self) -> usize {
        5
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let count = |text: &str, vowel| text.matches(vowel).count() as f32;
        Ok(texts.iter().map(|text| ["a", "e", "i", "o", "u"].map(|vowel| count(text, vowel)).to_vec()).collect())
    }
}

/// A file of each kind.
static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let of = |text: &str, route: &str| Example::new(text, Some(route.to_owned()));
    let examples = [
        of("where is my refund", "billing"),
        of("you billed me twice", "billing"),
        of("the app crashes on start", "technical"),
        of("an error on every click", "technical"),
        Example::new("what a lovely day", None),
    ];
    let block = |fit: std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>>>>>| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().ok();
        runtime.and_then(|runtime| runtime.block_on(fit).ok()).unwrap_or_default()
    };
    let (first, second, third) = (examples.clone(), examples.clone(), examples.clone());
    let graded = |i: usize| Graded { input: format!("add {i} to it"), tags: vec!["sums".to_owned()], cheap: (i % 2) as f64, capable: 1.0 };
    vec![
        Learned::fit(&examples).map(|router| router.to_bytes()).unwrap_or_default(),
        block(Box::pin(async move { Ok(Semantic::fit(&Vowels, &first, Scoring::Mean(3)).await?.to_bytes()) })),
        block(Box::pin(async move { Ok(Fused::fit(&Vowels, &second).await?.to_bytes()) })),
        block(Box::pin(async move { Ok(Dense::fit(&Vowels, &third).await?.to_bytes()) })),
        Difficulty::fit(&(0..12).map(graded).collect::<Vec<_>>()).map(|learned| learned.to_bytes()).unwrap_or_default(),
        Bundle { manifest: "{}".to_owned(), parts: vec![vec![1, 2, 3]] }.to_bytes(),
    ]
});

/// The checksum made right, so that what is behind it is reached.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() < 28 {
        return bytes;
    }
    let end = bytes.len() - 8;
    let sum = bytes[20..end].iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn read(bytes: &[u8]) {
    let _ = kind_of_router(bytes);
    if let Ok(router) = Learned::<String>::from_bytes(bytes) {
        let _ = router.rank("my refund crashes");
    }
    let vector = [0.6, 0.0, 0.8, 0.0, 0.0];
    if let Ok(router) = Semantic::<String>::from_bytes(bytes) {
        let _ = router.rank_embedded("my refund crashes", &vector);
        let _ = router.several(&vector);
    }
    if let Ok(router) = Dense::<String>::from_bytes(bytes) {
        let _ = router.rank_embedded("my refund crashes", &vector);
    }
    if let Ok(router) = Fused::<String>::from_bytes(bytes) {
        let _ = router.rank_embedded("my refund crashes", &vector);
    }
    if let Ok(difficulty) = Difficulty::from_bytes(bytes) {
        let _ = difficulty.gain("add it", &["sums"]);
        let _ = difficulty.gain_for_share(0.5);
    }
    let _ = Bundle::from_bytes(bytes);
}

fuzz_target!(|data: &[u8]| {
    read(data);
    let Some((kind, data)) = data.split_first() else { return };
    let mut bytes = WHOLE[usize::from(*kind) % WHOLE.len()].clone();
    // The first half of the data says where the second half is written.
    let (places, values) = data.split_at(data.len() / 2);
    for (place, value) in places.chunks(3).zip(values) {
        let at = place.iter().fold(0, |at, byte| at << 8 | usize::from(*byte)) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *value;
        }
    }
    read(&bytes);
    read(&sealed(bytes));
});
