//! What is done though nobody asks for it: what has expired goes, what deletes leave behind is
//! cleared up, and checkpoints begin.

use std::time::{Duration, Instant};

use vicino_core::{Maintenance, Write};

use super::group::write_all;
use super::{IDLE, PAUSE, Writer};
use crate::error::{StoreError, is_damage};
use crate::hosted::{Hosted, now_ms};
use crate::room::Full;

/// So often it is looked for what has expired.
pub(super) const PURGE: Duration = Duration::from_secs(60);

/// Scopes of which that is deleted at a time.
const PURGED_MAX: usize = 64;

/// The distances of clearing up at a time: some milliseconds, for which others of the scope wait.
const SWEEP: u64 = 50_000;

/// So many changes, and a checkpoint waits for those that are on their way.
const CHANGED_MAX: usize = 32_768;

/// So many writes, and it clears up though it is asked for more.
const UNSWEPT_MAX: usize = 16_384;

/// Distances for each write where there is more to clear up. One that replaces an entry leaves some
/// thirty lists behind, each of which takes about fifty.
const SWEEP_WRITE: u64 = 2_000;

/// And at most so many at a time: a fraction of a second.
const SWEEP_MAX: u64 = 2_000_000;

/// So many writes, and it goes on clearing up where there was more.
const UNSWEPT_BEHIND: usize = 64;

impl Writer {
    /// Does what nobody asks for.
    pub(super) fn look_after(&mut self) {
        let is_quiet = self.staged.is_none() && self.apart.is_empty();
        let is_idle = is_quiet && self.asked_at.elapsed() >= IDLE;
        let is_due = self.is_sweep_due(is_quiet, is_idle);
        let Some(place) = &self.shared.place else {
            if is_due {
                self.sweep();
            }
            self.few = self.changed;
            return;
        };
        if place.checkpoints.is_none() {
            (self.few, self.unswept) = (self.changed, 0);
            return;
        }
        if self.purge_at <= Instant::now() {
            self.purge_at = Instant::now() + PURGE;
            self.unswept = self.unswept.max(1);
        }
        place.room.make(0);
        let full = place.room.full();
        if !place.maintenance && full == Full::No {
            (self.few, self.unswept) = (self.changed, 0);
        } else if is_due {
            self.sweep();
        } else if self.is_checkpoint_due(is_idle, full) && self.may_begin() {
            self.begin_checkpoint(Vec::new());
        } else if is_idle && self.running.is_none() {
            self.few = self.changed;
        }
        if full == Full::Almost {
            // There would be no room for what comes.
            self.await_checkpoint();
        }
    }

    /// Is no scope on its way for which a checkpoint would wait, or does it last too long?
    fn may_begin(&self) -> bool {
        self.apart.is_empty() || self.changed > CHANGED_MAX
    }

    fn is_sweep_due(&self, is_quiet: bool, is_idle: bool) -> bool {
        let is_pause = is_quiet && self.is_behind && self.asked_at.elapsed() >= PAUSE;
        let most = if self.is_behind { UNSWEPT_BEHIND } else { UNSWEPT_MAX };
        is_pause || self.unswept > if is_idle { 0 } else { most }
    }

    /// Clears up: what has expired here, and what deletes leave behind on other threads.
    fn sweep(&mut self) {
        let budget = SWEEP_WRITE.saturating_mul(self.unswept as u64).clamp(SWEEP, SWEEP_MAX);
        (self.unswept, self.is_behind) = (0, false);
        for hosted in self.shared.hosts() {
            match self.purge_or_mend(&hosted) {
                Ok((_, is_all)) => self.unswept += usize::from(!is_all),
                Err(error) => tracing::warn!(%error, "what has expired is not cleared up"),
            }
            let swept = hosted.collection().sweep_apart(budget, self.apart.room());
            self.is_behind |= !swept.is_empty();
            swept.into_iter().for_each(|sweep| self.link_large(&hosted, sweep));
        }
    }

    /// Clears a collection up, for who waits for it.
    pub(super) fn maintain(
        &mut self,
        hosted: &Hosted,
        budget: u64,
    ) -> Result<Maintenance, StoreError> {
        hosted.check()?;
        let (purged, is_all) = self.purge(hosted)?;
        let mut done = hosted.collection().sweep(budget, now_ms())?;
        done.purged += purged;
        done.finished &= is_all;
        Ok(done)
    }

    /// As [`purge`](Self::purge), but makes scopes again first whose checkpoint is damaged.
    fn purge_or_mend(&mut self, hosted: &Hosted) -> Result<(usize, bool), StoreError> {
        match self.purge(hosted) {
            Err(error) if is_damage(error.code()) => {
                let expired = hosted.collection().expired_scopes(now_ms());
                expired.iter().take(PURGED_MAX).try_for_each(|scope| self.mend(hosted, scope))?;
                self.purge(hosted)
            }
            purged => purged,
        }
    }

    /// Deletes what has expired in some scopes; how much that was, and was it in all?
    fn purge(&mut self, hosted: &Hosted) -> Result<(usize, bool), StoreError> {
        let mut collection = hosted.collection();
        let now = now_ms();
        let mut purged = 0;
        let mut expired = collection.expired_scopes(now);
        // Each is opened for it.
        let is_all = expired.len() <= PURGED_MAX;
        expired.truncate(PURGED_MAX);
        if !expired.is_empty() {
            let mut batch = collection.batch(now)?;
            for scope in expired {
                purged += batch.add(Write::Purge(scope))?.count;
            }
            let prepared = batch.prepare()?;
            let all = std::iter::once((hosted.number(), &prepared));
            self.commit((purged, 0), |to| write_all(to, all, &[]))?;
            prepared.commit();
            self.changed += purged;
        }
        Ok((purged, is_all))
    }
}
