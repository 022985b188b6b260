//! Server-sent events.

use orch_core::Result;
use orch_core::model::ModelError;
use reqwest::Response;

use crate::server::{Call, MAX_ANSWER};

/// The largest event of a stream, in bytes.
const MAX_EVENT: usize = 4 << 20;

/// The events of an answer, as they come. Dropped, they close the connection.
pub(crate) struct Events {
    call: Call,
    response: Response,
    /// What came and was not given yet; before `given` it was.
    waiting: Vec<u8>,
    given: usize,
    /// How far `waiting` was searched for the end of a line.
    searched: usize,
    /// All that came, in bytes.
    read: usize,
}

impl Events {
    pub(crate) fn new(call: Call, response: Response) -> Self {
        Self { call, response, waiting: Vec::new(), given: 0, searched: 0, read: 0 }
    }

    /// The next event's data. None at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<String>> {
        loop {
            while let Some(line) = self.line() {
                let text = String::from_utf8_lossy(line);
                // Comments and the names of events keep a connection alive, and say nothing.
                if let Some(data) = text.trim_end().strip_prefix("data:") {
                    return Some(Ok(data.trim_start().to_owned()));
                }
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error.into_error())),
            }
        }
    }

    /// A line that is there as a whole.
    fn line(&mut self) -> Option<&[u8]> {
        let Some(end) = self.waiting[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.waiting.len();
            return None;
        };
        let begin = std::mem::replace(&mut self.given, self.searched + end + 1);
        self.searched = self.given;
        Some(&self.waiting[begin..self.given])
    }

    /// Waits for more bytes; whether there are some.
    async fn more(&mut self) -> std::result::Result<bool, ModelError> {
        self.waiting.drain(..self.given);
        self.searched -= std::mem::take(&mut self.given);
        let chunk = self.response.chunk().await.map_err(|error| self.call.connection(error))?;
        let Some(bytes) = chunk else {
            // Some servers do not end their last line.
            let rest = !self.waiting.is_empty();
            self.waiting.extend(rest.then_some(b'\n'));
            return Ok(rest);
        };
        self.read += bytes.len();
        if self.read > MAX_ANSWER {
            return Err(self.call.too_large(MAX_ANSWER));
        }
        if self.waiting.len() + bytes.len() > MAX_EVENT && !bytes.contains(&b'\n') {
            return Err(self.call.too_large(MAX_EVENT));
        }
        self.waiting.extend_from_slice(&bytes);
        Ok(true)
    }
}
