//! The steps both sides call.

use std::hint::black_box;

use futures_util::stream::{self, Stream};
use orch_core::{Result, Route};

/// Eight ways to go.
#[allow(missing_docs)]
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    #[route(default)]
    H,
}

macro_rules! step {
    ($($name:ident),*) => {
        $(
            /// Adds one, and the compiler cannot see that.
            ///
            /// # Errors
            ///
            /// Never.
            pub async fn $name(n: u64) -> Result<u64> {
                Ok(black_box(n) + 1)
            }
        )*
    };
}

step!(a, b, c, d, e, f, g, h, i, j);

/// Adds two values, borrowed.
///
/// # Errors
///
/// Never.
pub async fn both(left: &u64, right: &u64) -> Result<u64> {
    Ok(black_box(*left) + black_box(*right))
}

/// Adds one to a borrowed value.
///
/// # Errors
///
/// Never.
pub async fn one(n: &u64) -> Result<u64> {
    Ok(black_box(*n) + 1)
}

/// Sixteen words, all there at once.
///
/// # Errors
///
/// Never.
pub fn words(n: u64) -> impl Stream<Item = Result<&'static str>> {
    stream::iter((0..16).map(move |word| Ok(if black_box(n) == word { "one" } else { "more" })))
}
