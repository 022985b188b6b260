//! How far long work is, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this shows nothing.
const SILENT: Duration = Duration::from_secs(1);
/// A bar on standard error with rate and time to go, once work has taken a second; nothing where standard error is no
/// terminal. It is gone when this is.
#[derive(Debug)]
pub(crate) struct Progress {
    total: usize,
    done: usize,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of so many cases.
    pub(crate) fn of(total: usize) -> Self {
        Self { total, done: 0, started: Instant::now(), bar: None }
    }

    /// One more is done.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        if self.bar.is_none() && self.started.elapsed() > SILENT {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} cases, {per_sec}, {eta} to go")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = Some(ProgressBar::new(self.total as u64).with_style(style));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
