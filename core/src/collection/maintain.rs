//! Clearing up: what has expired, and what deletes leave behind.

use super::directory::{Known, in_order};
use super::partition::PartitionWriter;
use super::{Collection, ScopeCommit, Write};
use crate::entry::check_time;
use crate::error::Error;
use crate::index::Maintenance;
use crate::scope::Scope;

impl Collection {
    /// Deletes what has expired by `now` and makes the places of deleted entries usable again, for
    /// about `budget` distances; what is left is done by the next calls, which go on with the
    /// scope after the last. Searches go on meanwhile. Scopes that hold nothing any more are
    /// given up.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTime`], and [`Error::OutOfMemory`] where there is none even for lists of
    /// what is to be deleted.
    pub fn maintain(&mut self, budget: u64, now: i64) -> Result<Maintenance, Error> {
        self.clear_up(budget, now, true)
    }

    /// The same without deleting what has expired: a store does that by batches, which it keeps.
    ///
    /// # Errors
    ///
    /// As [`maintain`](Self::maintain).
    pub fn sweep(&mut self, budget: u64, now: i64) -> Result<Maintenance, Error> {
        self.clear_up(budget, now, false)
    }

    fn clear_up(&mut self, budget: u64, now: i64, purge: bool) -> Result<Maintenance, Error> {
        check_time(now)?;
        let mut done = Maintenance { finished: true, ..Maintenance::default() };
        let mut empty = Vec::new();
        for scope in self.due(now, purge) {
            if done.distances >= budget {
                done.finished = false;
                break;
            }
            if purge {
                done.purged += self.write(Write::Purge(scope.clone()), now)?.count;
            }
            self.own(&scope)?;
            let Some(partition) = self.partitions.get_mut(&scope) else { continue };
            let swept = partition.sweep(budget - done.distances, &*self.executor.0);
            done.distances += swept.distances;
            done.repaired += swept.repaired;
            done.freed += swept.freed;
            done.finished &= swept.finished;
            if swept.distances > 0 || swept.freed > 0 {
                self.stamp += 1;
                (partition.stamp, partition.home) = (self.stamp, None);
            }
            if partition.catalog.len == 0 {
                empty.push(scope.clone());
            }
            self.swept = Some(scope);
        }
        self.give_up(&empty);
        Ok(done)
    }

    /// Takes up to `most` scopes away where deletes have left something behind, each to be
    /// [run](ScopeCommit::run) for about `budget` distances, on any thread, and put back. Scopes
    /// that hold nothing any more are given up.
    #[must_use]
    pub fn sweep_apart(&mut self, budget: u64, most: usize) -> Vec<ScopeCommit> {
        self.give_up(&self.open_scopes(&|partition| partition.catalog.len == 0));
        let mut due = self.open_scopes(&PartitionWriter::needs_sweep);
        self.behind_last(&mut due);
        due.truncate(most);
        self.swept = due.last().cloned().or_else(|| self.swept.take());
        due.into_iter().filter_map(|scope| self.detach_sweep(scope, budget)).collect()
    }

    /// The scopes where entries have expired by `now` that were not purged.
    #[must_use]
    pub fn expired_scopes(&self, now: i64) -> Vec<Scope> {
        self.with_closed(self.open_scopes(&|partition| partition.has_expired(now)), now)
    }

    /// The scopes where there is something to do, from the one behind the last.
    fn due(&self, now: i64, purge: bool) -> Vec<Scope> {
        let mut due = self
            .open_scopes(&|partition| partition.has_waste() || purge && partition.has_expired(now));
        if purge {
            due = self.with_closed(due, now);
        }
        self.behind_last(&mut due);
        due
    }

    /// Puts the scopes first that come behind the one that was swept last.
    fn behind_last(&self, due: &mut [Scope]) {
        let after = due.partition_point(|scope| self.swept.as_ref() >= Some(scope));
        due.rotate_left(after);
    }

    /// The same and the scopes that are closed where entries have expired.
    fn with_closed(&self, mut scopes: Vec<Scope>, now: i64) -> Vec<Scope> {
        self.reader.for_each(&mut |known| match known {
            Known::Closed(closed) if closed.next_expiry <= now => {
                scopes.push(closed.scope().clone());
            }
            Known::Closed(_) | Known::Open(_) => {}
        });
        in_order(scopes)
    }

    /// The scopes of this kind that are not closed, in their order.
    fn open_scopes(&self, is_chosen: &dyn Fn(&PartitionWriter) -> bool) -> Vec<Scope> {
        let shelf = self.reader.shelf();
        let mut chosen = Vec::new();
        for (scope, partition) in self.partitions.iter().chain(shelf.resting()) {
            if is_chosen(partition) {
                chosen.push(scope.clone());
            }
        }
        in_order(chosen)
    }

    /// Removes scopes.
    pub(super) fn give_up(&mut self, scopes: &[Scope]) {
        let mut shelf = self.reader.shelf();
        let (mut gone, mut fewer) = (Vec::new(), false);
        for scope in scopes {
            fewer |= shelf.directory.get(scope).is_some();
            gone.extend(shelf.remove(scope));
            if let Some(partition) = self.partitions.remove(scope) {
                self.reader.lose(partition.counted);
                gone.push(partition);
            }
        }
        if fewer {
            self.reader.publish(&shelf);
            drop(shelf);
            self.reader.wait();
        }
    }
}
