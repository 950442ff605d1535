//! The thread that writes: groups of what is asked for go to the disk in one transaction, and are
//! seen by searches once they are there. While nobody asks for anything it clears up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Error as DatabaseError, WriteTransaction};
use vicino_core::{Maintenance, PreparedBatch, Scope, Searcher, Write, WriteBatch};

use crate::checkpoint::Running;
use crate::error::StoreError;
use crate::hosted::{Hosted, now_ms};
use crate::journal::{Done, Reply, Request, Shared, Task};
use crate::room::Full;
use crate::storage::{Durability, scope_of};
use crate::tables;

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    /// The checkpoint that is being written.
    pub(crate) running: Option<Running>,
    /// Who wants another when it is done.
    pub(crate) waiting: Vec<Reply>,
    /// Entries that have changed since the last one began, about.
    pub(crate) changed: usize,
    /// So many were found to be too few for one.
    few: usize,
    /// When a checkpoint may be tried again of which one failed.
    pub(crate) not_before: Option<Instant>,
    /// Writes since collections were last cleared up.
    unswept: usize,
    /// When all has to be on the disk that was written.
    sync_at: Option<Instant>,
    searcher: Searcher,
}

/// Entries and keys of one transaction, about: more of them wait for the next.
const GROUP: usize = 1024;

/// So long nobody asks for anything before it clears up.
const IDLE: Duration = Duration::from_millis(500);

/// The distances of clearing up at a time: some milliseconds, for which others wait.
const SWEEP: u64 = 50_000;

/// So many writes, and it clears up though it is asked for more.
const UNSWEPT_MAX: usize = 16_384;

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let place = shared.place.as_ref();
        let log = place.and_then(|place| place.database.read(tables::log_end).ok());
        // Something is better than nothing where it is not known.
        let changed = log.map_or(0, |(rows, _)| usize::try_from(rows).unwrap_or(usize::MAX));
        let (running, waiting, not_before) = (None, Vec::new(), None);
        Self {
            shared,
            running,
            waiting,
            changed,
            few: 0,
            not_before,
            unswept: 0,
            sync_at: None,
            searcher: Searcher::default(),
        }
    }

    /// Does what comes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(group) = self.next_group() {
            let is_idle = group.is_empty();
            self.serve(group);
            self.sync(false);
            self.look_after(is_idle);
        }
        self.sync(true);
    }

    /// What is done together next; nothing where nobody asks for anything, none at the end.
    fn next_group(&mut self) -> Option<Vec<Request>> {
        let is_restless = self.unswept > 0 || self.changed != self.few || self.not_before.is_some();
        let mut queue = self.shared.wait(is_restless.then_some(IDLE));
        while let Some(files) = queue.files.take() {
            drop(queue);
            self.end_checkpoint(files);
            queue = self.shared.queue();
        }
        if queue.requests.is_empty() && queue.closed {
            // The files of a checkpoint may be on their way.
            self.running.as_ref()?;
            drop(queue);
            self.await_checkpoint();
            queue = self.shared.queue();
        }
        let mut group = Vec::new();
        let mut size = 0;
        while size < GROUP
            && let Some(request) = queue.requests.pop_front()
        {
            size += request.task.size();
            group.push(request);
        }
        Some(group)
    }

    fn serve(&mut self, mut group: Vec<Request>) {
        let last = group.pop_if(|last| last.task.is_alone());
        let later = self.write(group);
        if let Some(Request { task, reply }) = last {
            match task {
                Task::Maintain(hosted, budget) => {
                    reply(self.maintain(&hosted, budget).map(Done::Maintained));
                }
                Task::Mend(hosted, scopes) => {
                    let mut scopes = scopes.iter();
                    let mended = scopes.try_for_each(|scope| self.mend(&hosted, scope));
                    reply(mended.map(|()| Done::Nothing));
                }
                Task::Checkpoint => self.begin_checkpoint(vec![reply]),
                _ => unreachable!("others are not alone"),
            }
        }
        let mut queue = self.shared.queue();
        later.into_iter().rev().for_each(|request| queue.requests.push_front(request));
    }

    /// Does what nobody asks for.
    fn look_after(&mut self, is_idle: bool) {
        let Some(place) = &self.shared.place else {
            return if is_idle || self.unswept > UNSWEPT_MAX {
                self.sweep()
            };
        };
        if place.checkpoints.is_none() {
            return;
        }
        place.room.make(0);
        let full = place.room.full();
        if !place.maintenance && full == Full::No {
            (self.few, self.unswept) = (self.changed, 0);
        } else if self.unswept > if is_idle { 0 } else { UNSWEPT_MAX } {
            self.sweep();
        } else if self.is_checkpoint_due(is_idle, full) {
            self.begin_checkpoint(Vec::new());
        } else if is_idle && self.running.is_none() {
            self.few = self.changed;
        }
        if full == Full::Almost {
            // There would be no room for what comes.
            self.await_checkpoint();
        }
    }

    fn sweep(&mut self) {
        let mut finished = true;
        for hosted in self.shared.hosts() {
            match self.maintain(&hosted, SWEEP) {
                Ok(done) => finished &= done.finished,
                Err(error) => tracing::warn!(%error, "a collection is not cleared up"),
            }
        }
        self.unswept = usize::from(!finished);
    }

    /// Clears a collection up.
    fn maintain(&mut self, hosted: &Hosted, budget: u64) -> Result<Maintenance, StoreError> {
        let mut collection = hosted.collection();
        let now = now_ms();
        let mut purged = 0;
        let expired = collection.expired_scopes(now);
        if !expired.is_empty() {
            let mut batch = collection.batch(now)?;
            for scope in expired {
                purged += batch.add(Write::Purge(scope))?.count;
            }
            let prepared = vec![(hosted.number(), batch.prepare()?)];
            self.commit(|to| write_all(to, &prepared, &[]))?;
            prepared.into_iter().for_each(|(_, prepared)| prepared.commit());
            self.changed += purged;
        }
        let mut done = collection.maintain(budget, now)?;
        done.purged += purged;
        Ok(done)
    }

    /// Makes a scope again of the database if it cannot be opened, or is open and was found to be
    /// damaged all the same.
    pub(crate) fn mend(&mut self, hosted: &Hosted, scope: &Scope) -> Result<(), StoreError> {
        let Some(place) = &self.shared.place else { return Ok(()) };
        let reader = hosted.reader();
        let was_closed = reader.is_closed(scope, &mut self.searcher);
        let opened = reader.count(scope, None);
        if was_closed && opened.is_ok() {
            return Ok(());
        }
        tracing::warn!(%scope, ?opened, "a checkpoint is damaged; it is made again");
        let mut made = scope_of(&place.database, hosted.number(), &reader, scope)?;
        self.changed += made.stats().vector_count;
        Ok(hosted.collection().replace_scope(scope, &mut made)?)
    }

    /// Has the scopes of a write in memory, made again if need be.
    fn open(&mut self, hosted: &Hosted, write: &Write) -> Result<(), StoreError> {
        let reader = hosted.reader();
        let mut last = None;
        for scope in write.scopes() {
            if last != Some(scope) && reader.is_closed(scope, &mut self.searcher) {
                self.mend(hosted, scope)?;
            }
            last = Some(scope);
        }
        Ok(())
    }

    /// Makes a group of requests; those that have to come after others of it are given back.
    fn write(&mut self, group: Vec<Request>) -> Vec<Request> {
        let mut hosts: Vec<Arc<Hosted>> = Vec::new();
        let mut opened = Vec::new();
        for Request { task, reply } in group {
            if let Task::Entries(hosted, write) = &task {
                if let Err(error) = self.open(hosted, write) {
                    reply(Err(error));
                    continue;
                }
                if !hosts.iter().any(|host| Arc::ptr_eq(host, hosted)) {
                    hosts.push(Arc::clone(hosted));
                }
            }
            opened.push(Request { task, reply });
        }
        let mut collections: Vec<_> = hosts.iter().map(|host| host.collection()).collect();
        if let Some(place) = &self.shared.place {
            for (host, collection) in hosts.iter().zip(&mut collections) {
                place.room.limit_of(host).map(|limit| collection.set_memory_limit(limit));
            }
        }
        let now = now_ms();
        let mut batches = Vec::new();
        for (host, collection) in hosts.iter().zip(&mut collections) {
            batches.push((host, collection.batch(now)));
        }
        let (mut later, mut keys, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for Request { task, reply } in opened {
            let (hosted, write) = match task {
                Task::Entries(hosted, write) => (hosted, write),
                task => {
                    keys.push((task, reply));
                    continue;
                }
            };
            let batch = batches.iter_mut().find(|(host, _)| Arc::ptr_eq(host, &hosted));
            let (_, batch) = batch.expect("there is one for each");
            match batch {
                Err(error) => reply(Err(error.clone().into())),
                Ok(batch) if batch.conflicts_with(&write) => {
                    later.push(Request { task: Task::Entries(hosted, write), reply });
                }
                Ok(batch) => match batch.add(write) {
                    Ok(written) => waiting.push((written, reply)),
                    Err(error) => reply(Err(error.into())),
                },
            }
        }
        let made = self.make(batches, &keys);
        // Nobody waits for what holds the collections.
        drop(collections);
        match made {
            Ok(counts) => {
                let entries: usize = waiting.iter().map(|(done, _)| done.count).sum();
                self.changed += entries;
                self.unswept += entries;
                waiting.into_iter().for_each(|(done, reply)| reply(Ok(Done::Written(done))));
                let keys = keys.into_iter().zip(counts);
                keys.for_each(|((_, reply), count)| reply(Ok(Done::Keys(count))));
            }
            Err(error) => {
                waiting.into_iter().for_each(|(_, reply)| reply(Err(error.clone())));
                keys.into_iter().for_each(|(_, reply)| reply(Err(error.clone())));
            }
        }
        later
    }

    /// Makes a transaction, where there is something to make it in.
    fn commit<T>(
        &mut self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(place) = &self.shared.place else { return Ok(None) };
        let Durability::Every(interval) = place.durability else {
            return place.database.write(write).map(Some);
        };
        let done = place.database.write_soon(write)?;
        self.sync_at.get_or_insert_with(|| Instant::now() + interval);
        Ok(Some(done))
    }

    /// Has all on the disk that was written, if its time has come.
    fn sync(&mut self, is_last: bool) {
        let is_due = self.sync_at.is_some_and(|at| is_last || at <= Instant::now());
        if let (Some(place), true) = (&self.shared.place, is_due) {
            self.sync_at = None;
            if let Err(error) = place.database.write(|_| Ok(())) {
                tracing::error!(%error, "what was written last is not on the disk");
            }
        }
    }

    /// Has everything durable, then seen.
    fn make(
        &mut self,
        batches: Vec<(&Arc<Hosted>, Result<WriteBatch<'_>, vicino_core::Error>)>,
        keys: &[(Task, Reply)],
    ) -> Result<Vec<usize>, StoreError> {
        let mut prepared = Vec::new();
        for (host, batch) in batches {
            if let Ok(batch) = batch {
                prepared.push((host.number(), batch.prepare()?));
            }
        }
        let is_empty = |(_, batch): &(u32, PreparedBatch<'_>)| batch.changes().next().is_none();
        let counts = match keys.is_empty() && prepared.iter().all(is_empty) {
            // What was refused takes no transaction.
            true => Vec::new(),
            false => self.commit(|to| write_all(to, &prepared, keys))?.unwrap_or_default(),
        };
        prepared.into_iter().for_each(|(_, prepared)| prepared.commit());
        Ok(counts)
    }
}

fn write_all(
    to: &WriteTransaction,
    prepared: &[(u32, PreparedBatch<'_>)],
    keys: &[(Task, Reply)],
) -> Result<Vec<usize>, DatabaseError> {
    for (number, batch) in prepared {
        tables::write_entries(to, *number, batch.changes())?;
    }
    let count = |(task, _): &(Task, Reply)| match task {
        Task::Set(pairs) => tables::set_values(to, pairs),
        Task::Delete(keys) => tables::delete_values(to, keys),
        Task::Clear => tables::clear_values(to),
        _ => Ok(0),
    };
    keys.iter().map(count).collect()
}

impl Task {
    /// About how much of a transaction it takes.
    fn size(&self) -> usize {
        match self {
            Self::Entries(_, Write::Insert(entries) | Write::Upsert(entries)) => entries.len(),
            Self::Entries(_, Write::Delete(keys)) => keys.len(),
            Self::Set(pairs) => pairs.len(),
            Self::Delete(keys) => keys.len(),
            _ if self.is_alone() => GROUP,
            _ => 1,
        }
    }

    /// Is it no part of a transaction of others?
    fn is_alone(&self) -> bool {
        matches!(self, Self::Maintain(..) | Self::Mend(..) | Self::Checkpoint)
    }
}
