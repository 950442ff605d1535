//! Clearing up: what has expired, and what deletes leave behind.

use std::ops::Bound;

use super::Collection;
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
        crate::entry::check_time(now)?;
        let mut done = Maintenance { finished: true, ..Maintenance::default() };
        let mut empty = Vec::new();
        let after = self.swept.take().map_or(Bound::Unbounded, Bound::Excluded);
        let before = match &after {
            Bound::Excluded(scope) => Bound::Included(scope.clone()),
            _ => Bound::Unbounded,
        };
        let all = self.partitions.range((after.clone(), Bound::Unbounded));
        let mut due: Vec<Scope> =
            all.filter(|(_, at)| at.is_due(now)).map(|(s, _)| s.clone()).collect();
        if let Bound::Included(_) = &before {
            let rest = self.partitions.range((Bound::Unbounded, before));
            due.extend(rest.filter(|(_, at)| at.is_due(now)).map(|(scope, _)| scope.clone()));
        }
        for scope in due {
            if done.distances >= budget {
                done.finished = false;
                break;
            }
            let partition = &self.partitions[&scope];
            let time = partition.now(now);
            if partition.catalog.next_expiry.is_some_and(|next| next <= time) {
                done.purged += self.purge(&scope, now)?;
            }
            let executor = self.executor.clone();
            let partition = self.partitions.get_mut(&scope).expect("it was due");
            let swept = partition.index.maintain(budget - done.distances, &*executor.0);
            partition.catalog.tombstones = partition.index.tombstones();
            partition.publish();
            done.distances += swept.distances;
            done.repaired += swept.repaired;
            done.freed += swept.freed;
            done.finished &= swept.finished;
            if partition.catalog.len == 0 {
                empty.push(scope.clone());
            }
            self.swept = Some(scope);
        }
        if !empty.is_empty() {
            for scope in empty {
                let partition = self.partitions.remove(&scope).expect("it was due");
                self.limits.used -= partition.counted;
                self.directory.remove(&scope);
            }
            self.reader.publish(self.directory.clone(), true);
        }
        Ok(done)
    }
}
