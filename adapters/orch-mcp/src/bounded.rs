//! Lines that do not go on for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// A reader that fails when a line is longer than it may be: what reads from it keeps a whole line in memory.
pub(crate) struct BoundedLines<R> {
    inner: R,
    limit: usize,
    /// Bytes since the last line ended.
    line: usize,
}

impl<R> BoundedLines<R> {
    pub(crate) fn new(inner: R, limit: usize) -> Self {
        Self { inner, limit, line: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BoundedLines<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        this.line = match read.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => read.len() - last - 1,
            None => this.line + read.len(),
        };
        if this.line > this.limit {
            let what = format!("a message is larger than {} bytes", this.limit);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
        }
        Poll::Ready(Ok(()))
    }
}
