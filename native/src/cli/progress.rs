//! How far something is that takes long, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error, with rate and time left. It comes where something takes longer than
/// a second, and goes at the end.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

const SECOND: Duration = Duration::from_secs(1);

impl Progress {
    /// One that ends after so many of something.
    pub(super) fn of(count: usize, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
        let template =
            format!("{{bar:30}} {{human_pos}}/{{human_len}} {what}, {{per_sec}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now() }
    }

    /// So many more are done.
    pub(super) fn more(&self, count: usize) {
        if self.bar.is_hidden() && self.began.elapsed() >= SECOND {
            // Where that is no terminal, nothing is drawn.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(count as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
