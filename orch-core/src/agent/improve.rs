//! Written, criticised, written again.

use std::future::Future;

use crate::error::Result;

/// A loop of writing and reviewing, bounded in its rounds.
///
/// ```
/// use orch_core::agent::{Improve, Review};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let improved = Improve::rounds(3)
///     .run(
///         async |before: Option<(String, String)>| match before {
///             None => Ok("hello".to_owned()),
///             Some((draft, remark)) => Ok(draft + &remark),
///         },
///         async |draft: String| {
///             Ok(if draft.ends_with('!') { Review::Accept } else { Review::Revise("!".to_owned()) })
///         },
///     )
///     .await?;
/// assert_eq!((improved.draft.as_str(), improved.accepted, improved.rounds), ("hello!", true, 2));
/// # orch_core::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Improve {
    rounds: u32,
}

/// What a review comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// It is good.
    Accept,
    /// It is to be written again, with this in mind.
    Revise(String),
}

/// What the loop came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Improved<D> {
    /// The last draft.
    pub draft: D,
    /// Whether its review accepted it; if not, the rounds were used up.
    pub accepted: bool,
    /// How many drafts were written.
    pub rounds: u32,
    /// The remarks, the first first.
    pub remarks: Vec<String>,
}

impl Improve {
    /// At most so many drafts; 0 counts as 1.
    #[must_use]
    pub fn rounds(rounds: u32) -> Self {
        Self { rounds: rounds.max(1) }
    }

    /// Writes and reviews until a draft is accepted or the rounds are used up. `write` is given the draft before and the
    /// remark on it.
    ///
    /// Both are given copies: a future that borrowed a draft from here could not be sent to another thread.
    ///
    /// # Errors
    ///
    /// What `write` or `review` fails with.
    pub async fn run<D, W, R>(
        self,
        write: impl Fn(Option<(D, String)>) -> W,
        review: impl Fn(D) -> R,
    ) -> Result<Improved<D>>
    where
        D: Clone,
        W: Future<Output = Result<D>>,
        R: Future<Output = Result<Review>>,
    {
        let mut remarks: Vec<String> = Vec::new();
        let mut draft = write(None).await?;
        let mut rounds = 1;
        loop {
            let Review::Revise(remark) = review(draft.clone()).await? else {
                return Ok(Improved { draft, accepted: true, rounds, remarks });
            };
            remarks.push(remark.clone());
            if rounds == self.rounds {
                return Ok(Improved { draft, accepted: false, rounds, remarks });
            }
            draft = write(Some((draft, remark))).await?;
            rounds += 1;
        }
    }
}
