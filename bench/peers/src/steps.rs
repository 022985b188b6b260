//! The steps every peer calls: those of the bench.

use std::hint::black_box;

/// What a step may fail with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a step returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Eight ways to go.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
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
