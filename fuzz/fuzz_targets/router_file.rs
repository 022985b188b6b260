//! A router's file that is damaged is an error, or a router that still decides; never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use orch_core::router::{Example, Learned};

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let of = |text: &str, route: &str| Example::new(text, Some(route.to_owned()));
    let examples = [
        of("where is my refund", "billing"),
        of("you billed me twice", "billing"),
        of("the app crashes on start", "technical"),
        of("an error on every click", "technical"),
        Example::new("what a lovely day", None),
    ];
    Learned::fit(&examples).map(|router| router.to_bytes()).unwrap_or_default()
});

fuzz_target!(|data: &[u8]| {
    let mut bytes = WHOLE.clone();
    // The first half of the data says where the second half is written.
    let (places, values) = data.split_at(data.len() / 2);
    for (place, value) in places.chunks(3).zip(values) {
        let at = place.iter().fold(0, |at, byte| at << 8 | usize::from(*byte)) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *value;
        }
    }
    if let Ok(router) = Learned::<String>::from_bytes(&bytes) {
        let _ = router.rank("my refund crashes");
    }
    let _ = Learned::<String>::from_bytes(data);
});
