//! Answers that come in pieces.

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use orch_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cassette;
use super::cassette::Begun;
use super::shards::Came;

impl Cassette {
    /// As [`call`](Cassette::call), for an answer in pieces: they are replayed one by one, and so is an error among them. A
    /// stream is kept when it has ended; one that is dropped before is not.
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use orch_core::Result;
    /// use orch_eval::{Cassette, Mode};
    ///
    /// # let folder = std::env::temp_dir().join(format!("orch-stream-{}", std::process::id()));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let words = ["one ", "two"].map(|word| orch_core::Ok(word.to_owned()));
    /// let recording = Cassette::record(&folder, Mode::Missing)?;
    /// let live: Vec<Result<String>> = recording.stream("model", &"count", stream::iter(words)).collect().await;
    ///
    /// let replaying = Cassette::open(&folder)?;
    /// let nobody = stream::pending::<Result<String>>();
    /// let again: Vec<Result<String>> = replaying.stream("model", &"count", nobody).collect().await;
    /// assert_eq!(again.len(), live.len());
    /// assert_eq!(again[1].as_ref().ok(), live[1].as_ref().ok());
    /// # orch_core::Ok(()) }).unwrap();
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// ```
    pub fn stream<'a, Q: Serialize + ?Sized, A, S>(
        &'a self,
        kind: &str,
        request: &Q,
        live: S,
    ) -> impl Stream<Item = Result<A>> + use<'a, Q, A, S>
    where
        A: Serialize + DeserializeOwned,
        S: Stream<Item = Result<A>>,
    {
        let (kind, request) = (format!("stream of {kind}"), serde_json::to_value(request));
        let begun = async move {
            match self.begin(&kind, request?)? {
                Begun::Recorded(came) => {
                    let pieces: Vec<Came> = came.answer()?;
                    orch_core::Ok(stream::iter(pieces.into_iter().map(Came::answer)).left_stream())
                }
                Begun::Live(open) => {
                    let recording = (Box::pin(live), Some(open), Vec::new());
                    Ok(stream::unfold(recording, async |(mut live, mut open, mut pieces)| {
                        if let Some(piece) = live.next().await {
                            let piece = Came::of(&piece).map(|came| pieces.push(came)).and(piece);
                            return Some((piece, (live, open, pieces)));
                        }
                        // At the end what came is kept, once, and only a failure to do so is told.
                        let kept = self.finish(open.take()?, Came::of(&Ok(&pieces)).ok()?);
                        kept.err().map(|error| (Err(error), (live, None, pieces)))
                    })
                    .right_stream())
                }
            }
        };
        stream::once(begun).try_flatten()
    }
}
