//! Requests that are made together: all that can fail, then the disk, then they are seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::{Error as DatabaseError, WriteTransaction};
use vicino_core::{PreparedBatch, ScopeCommit, Write, WriteBatch};

use super::Writer;
use super::turns::LARGE;
use crate::error::StoreError;
use crate::error::is_damage;
use crate::hosted::{Hosted, now_ms};
use crate::inbox::{Done, Reply, Request, Task};
use crate::tables;

/// Scopes where more vectors have to be linked are linked apart: others would wait for some
/// milliseconds.
const LINKED_MAX: usize = 8;

/// A scope whose change is made later.
pub(super) type Later = (Arc<Hosted>, ScopeCommit);

/// What became of a group.
#[derive(Default)]
struct Made {
    /// What each request of keys did.
    counts: Vec<usize>,
    /// What is durable, and has to be linked.
    apart: Vec<Later>,
    /// What is to be written in pieces.
    staged: Vec<Later>,
}

impl Writer {
    /// Has the scopes of a write in memory, made again if need be.
    fn open(&mut self, hosted: &Hosted, write: &Write) -> Result<(), StoreError> {
        hosted.check()?;
        let reader = hosted.reader();
        let mut last = None;
        if matches!(write, Write::DeleteScope(_)) {
            return Ok(());
        }
        for scope in write.scopes() {
            if last != Some(scope)
                && reader.is_closed(scope, &mut self.searcher)
                && reader.count(scope, None).is_err()
            {
                self.mend(hosted, scope)?;
            }
            last = Some(scope);
        }
        Ok(())
    }

    /// Keeps what has to wait, opens what is closed, and refuses what cannot be opened.
    fn ready(&mut self, group: Vec<Request>) -> Vec<Request> {
        let mut ready = Vec::new();
        for request in group {
            let Some(request) = self.apart.keep(request) else { continue };
            let opened = match &request.task {
                Task::Entries(hosted, write) => self.open(hosted, write),
                _ => Ok(()),
            };
            match opened {
                Ok(()) => ready.push(request),
                Err(error) => (request.reply)(Err(error)),
            }
        }
        ready
    }

    /// Makes a group of requests; those that have to come after others of it are given back.
    pub(super) fn write(&mut self, group: Vec<Request>) -> Vec<Request> {
        let group = self.ready(group);
        let mut hosts: Vec<Arc<Hosted>> = Vec::new();
        for request in &group {
            if let Task::Entries(hosted, _) = &request.task
                && !hosts.iter().any(|host| Arc::ptr_eq(host, hosted))
            {
                hosts.push(Arc::clone(hosted));
            }
        }
        let mut collections: Vec<_> = hosts.iter().map(|host| host.collection()).collect();
        if let Some(place) = &self.shared.place {
            for (host, collection) in hosts.iter().zip(&mut collections) {
                if let Some(limit) = place.room.limit_of(host) {
                    collection.set_memory_limit(limit);
                }
            }
        }
        let now = now_ms();
        let mut batches = Vec::new();
        for (host, collection) in hosts.iter().zip(&mut collections) {
            batches.push((host, collection.batch(now)));
        }
        let (mut later, mut keys, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        // What comes behind a request that has to wait waits too.
        let mut behind = BTreeSet::new();
        let mut damaged = Vec::new();
        for Request { task, reply } in group {
            let places = task.places().unwrap_or_default();
            let (hosted, write) = match task {
                Task::Entries(hosted, write) => (hosted, write),
                task => {
                    keys.push((task, reply));
                    continue;
                }
            };
            let batch = batches.iter_mut().find(|(host, _)| Arc::ptr_eq(host, &hosted));
            let (_, batch) = batch.expect("there is one for each");
            let is_behind = places.iter().any(|place| behind.contains(place));
            match batch {
                Err(error) => reply(Err(error.clone().into())),
                Ok(batch) if is_behind || batch.conflicts_with(&write) => {
                    behind.extend(places);
                    later.push(Request { task: Task::Entries(hosted, write), reply });
                }
                Ok(batch) => match batch.add(write) {
                    Ok(written) => waiting.push((written, reply, places)),
                    Err(error) => {
                        if is_damage(error.code()) {
                            damaged.push((hosted, places));
                        }
                        reply(Err(error.into()));
                    }
                },
            }
        }
        let entries: usize = waiting.iter().map(|(done, ..)| done.count).sum();
        let made = self.make(batches, &keys, waiting.len() == 1 && entries > LARGE);
        // Nobody waits for what holds the collections.
        drop(collections);
        for (hosted, places) in damaged {
            for (_, scope) in places {
                // Who tries again finds it mended, or has the error.
                _ = self.mend(&hosted, &scope);
            }
        }
        match made {
            Ok(Made { staged, .. }) if !staged.is_empty() => {
                if let Some(waiting) = waiting.pop() {
                    self.stage(staged, waiting);
                }
            }
            Ok(Made { counts, apart, .. }) => {
                apart.into_iter().for_each(|(hosted, commit)| self.link(&hosted, commit, false));
                self.changed += entries;
                self.unswept += entries;
                for (done, reply, places) in waiting {
                    self.apart.answer(done, reply, places);
                }
                let keys = keys.into_iter().zip(counts);
                keys.for_each(|((_, reply), count)| reply(Ok(Done::Keys(count))));
            }
            Err(error) => {
                waiting.into_iter().for_each(|(_, reply, _)| reply(Err(error.clone())));
                keys.into_iter().for_each(|(_, reply)| reply(Err(error.clone())));
            }
        }
        later
    }

    /// Has everything durable, then seen; what takes long to be seen is given back.
    fn make(
        &mut self,
        batches: Vec<(&Arc<Hosted>, Result<WriteBatch<'_>, vicino_core::Error>)>,
        keys: &[(Task, Reply)],
        is_large: bool,
    ) -> Result<Made, StoreError> {
        let mut prepared = Vec::new();
        for (host, batch) in batches {
            if let Ok(batch) = batch {
                prepared.push((Arc::clone(host), batch.prepare()?));
            }
        }
        if let Some(place) = &self.shared.place {
            place.database.check()?;
            if is_large
                && self.staged.is_none()
                && let Some((host, batch)) = prepared.pop()
            {
                match batch.detach() {
                    Ok(commits) => {
                        let later = |commit| (Arc::clone(&host), commit);
                        let staged = commits.into_iter().map(later).collect();
                        return Ok(Made { staged, ..Made::default() });
                    }
                    Err(batch) => prepared.push((host, batch)),
                }
            }
        }
        let is_empty = prepared.iter().all(|(_, batch)| batch.changes().next().is_none());
        let all = prepared.iter().map(|(host, batch)| (host.number(), batch));
        let counts = match keys.is_empty() && is_empty {
            // What was refused takes no transaction.
            true => Vec::new(),
            false => {
                let count = prepared.iter().map(|(_, batch)| batch.changes().count()).sum();
                let write = |to: &WriteTransaction| write_all(to, all, keys);
                self.commit((count, keys.len()), write)?.unwrap_or_default()
            }
        };
        let most = if self.apart.room() == 0 { usize::MAX } else { LINKED_MAX };
        let mut apart = Vec::new();
        for (host, prepared) in prepared {
            let commits = prepared.commit_apart(most);
            apart.extend(commits.into_iter().map(|commit| (Arc::clone(&host), commit)));
        }
        Ok(Made { counts, apart, staged: Vec::new() })
    }
}

/// Writes what collections change, and the values of keys.
pub(super) fn write_all<'b, 'c: 'b>(
    to: &WriteTransaction,
    prepared: impl Iterator<Item = (u32, &'b PreparedBatch<'c>)>,
    keys: &[(Task, Reply)],
) -> Result<Vec<usize>, DatabaseError> {
    for (number, batch) in prepared {
        tables::write_entries(to, number, batch.changes())?;
    }
    let count = |(task, _): &(Task, Reply)| match task {
        Task::Set(pairs) => tables::set_values(to, pairs),
        Task::Delete(keys) => tables::delete_values(to, keys),
        Task::Clear => tables::clear_values(to),
        _ => Ok(0),
    };
    keys.iter().map(count).collect()
}
