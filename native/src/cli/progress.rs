//! How far something is that takes long, on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error, with rate and time left, or a spinner where these are not known. A
/// bar comes where something takes longer than a second; both go at the end.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

const SECOND: Duration = Duration::from_secs(1);

impl Progress {
    /// One that ends after so many of something.
    pub(super) fn of(count: usize, what: &str) -> Self {
        Self::new(count as u64, &format!("{{human_pos}}/{{human_len}} {what}, {{per_sec}}"))
    }

    /// One that ends after so many bytes.
    pub(super) fn of_bytes(count: u64) -> Self {
        Self::new(count, "{decimal_bytes}/{decimal_total_bytes}, {msg}")
    }

    /// One of something whose end is not known: it says how long it has taken.
    pub(super) fn waiting(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(SECOND / 10);
        Self { bar, began: Instant::now() }
    }

    fn new(count: u64, said: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(&format!("{{bar:30}} {said}, {{eta}} left"))
        {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now() }
    }

    /// So many more are done.
    pub(super) fn more(&self, count: u64) {
        if self.bar.is_hidden() && self.began.elapsed() >= SECOND {
            // Where that is no terminal, nothing is drawn.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(count);
    }

    /// So many bytes more, in which there were so many entries since the beginning.
    pub(super) fn more_bytes(&self, count: u64, entries: usize) {
        let rate = entries as f64 / self.began.elapsed().as_secs_f64();
        self.bar.set_message(format!("{entries} entries, {rate:.0}/s"));
        self.more(count);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
