//! What takes long in a scope, done on another thread while its collection goes on with others.

use std::fmt;
use std::sync::Arc;

use super::batch::{Change, PreparedBatch};
use super::change::ScopeChange;
use super::directory::Known;
use super::partition::PartitionWriter;
use super::reader::CollectionReader;
use super::{Collection, Threads};
use crate::graph::Serial;
use crate::scope::Scope;

/// What is done to a scope and cannot fail any more, on any thread: a change, or a sweep. Until it
/// is [put back](Collection::put_back) the collection refuses writes of the scope, and snapshots
/// that have it, with `Error::WriteConflict`.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, VectorEntry, Write};
///
/// let config = HnswConfig::balanced().with_promotion_size(100);
/// let mut collection = Collection::new(config, 1, Simd::detect())?;
/// let entry = |i: u16| VectorEntry::new(format!("{i}"), vec![f32::from(i) + 1.0]);
/// let mut batch = collection.batch(0)?;
/// batch.add(Write::Insert((0..200).map(entry).collect()))?;
/// let apart = batch.prepare()?.commit_apart(64);
/// let linking = apart.into_iter().map(|mut commit| {
///     std::thread::spawn(move || {
///         commit.run();
///         commit
///     })
/// });
/// let linking: Vec<_> = linking.collect();
/// collection.insert(vec![entry(7).with_scope(Scope::User("ada".to_owned()))], 0)?;
/// for thread in linking {
///     collection.put_back(thread.join().unwrap());
/// }
/// assert_eq!(collection.count(&Scope::Global, None)?, 200);
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub struct ScopeCommit {
    partition: Box<PartitionWriter>,
    /// None where it is done.
    work: Option<Work>,
    is_new: bool,
    /// Is something of it not as it was?
    is_changed: bool,
    now: i64,
    executor: Threads,
    reader: CollectionReader,
}

/// What is done to a scope.
enum Work {
    Change(Box<ScopeChange>),
    /// What deletes have left behind is cleared up, for about so many distances.
    Sweep(u64),
}

impl PreparedBatch<'_> {
    /// Makes the writes, and lets them be seen.
    pub fn commit(self) {
        drop(self.commit_apart(usize::MAX));
    }

    /// The same, but for scopes where more than `most` vectors have to be linked, each of which
    /// takes a search: they are seen when they have been [run](ScopeCommit::run).
    #[must_use]
    pub fn commit_apart(self, most: usize) -> Vec<ScopeCommit> {
        self.take_apart(Some(most))
    }

    /// Takes its scopes away with their changes, which nobody sees before they have been
    /// [run](ScopeCommit::run): for who makes many entries durable bit by bit, while others write.
    ///
    /// # Errors
    ///
    /// The batch itself, where it does more than put entries where none were.
    pub fn detach(self) -> Result<Vec<ScopeCommit>, Self> {
        match self.scopes.values().all(|change| change.is_all_new()) {
            true => Ok(self.take_apart(None)),
            false => Err(self),
        }
    }

    /// Makes the changes of scopes where at most so many vectors are linked, and takes others away.
    fn take_apart(self, most: Option<usize>) -> Vec<ScopeCommit> {
        let Self { collection, now, scopes } = self;
        let (mut gone, mut more, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        // For a few this thread is enough, and others may be busy with what is made apart.
        let is_all = most == Some(usize::MAX);
        let alone = || Threads(Arc::new(Serial));
        let executor = if is_all { collection.executor.clone() } else { alone() };
        for (scope, mut change) in scopes {
            if change.gone {
                gone.push(scope);
                continue;
            }
            let new = change.new.take();
            let is_new = new.is_some();
            if let Some(new) = new {
                collection.partitions.insert(scope.clone(), new);
            }
            let Some(partition) = collection.partitions.get_mut(&scope) else { continue };
            if most.is_some_and(|most| partition.links(&change.batch) <= most) {
                collection.stamp += 1;
                (partition.stamp, partition.home) = (collection.stamp, None);
                make(partition, *change, now, &executor, &collection.reader);
                more.extend(is_new.then(|| Known::Open(Arc::clone(&partition.partition))));
            } else if let Some(partition) = collection.partitions.remove(&scope) {
                let (executor, reader) = (collection.executor.clone(), collection.reader());
                let (work, is_changed) = (Some(Work::Change(change)), true);
                collection.away.insert(scope);
                let commit =
                    ScopeCommit { partition, work, is_new, is_changed, now, executor, reader };
                apart.push(commit);
            }
        }
        collection.reader.add(more);
        collection.give_up(&gone);
        apart
    }
}

impl ScopeCommit {
    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.partition.scope()
    }

    /// What is going to change in it; nothing once it has.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let dimensions = self.reader.dimensions();
        let change = match &self.work {
            Some(Work::Change(change)) => Some(change),
            _ => None,
        };
        change.into_iter().flat_map(move |change| change.changes(self.scope(), dimensions))
    }

    /// Makes the change, which is seen when this returns.
    pub fn run(&mut self) {
        match self.work.take() {
            Some(Work::Change(change)) => {
                make(&mut self.partition, *change, self.now, &self.executor, &self.reader);
                if self.is_new {
                    self.reader.add(vec![Known::Open(Arc::clone(&self.partition.partition))]);
                }
            }
            Some(Work::Sweep(budget)) => {
                let swept = self.partition.sweep(budget, &*self.executor.0);
                self.is_changed = swept.distances > 0 || swept.freed > 0;
            }
            None => {}
        }
    }
}

impl Collection {
    /// Takes a scope back whose change was made apart; it is made now if it was not.
    pub fn put_back(&mut self, mut commit: ScopeCommit) {
        commit.run();
        if commit.is_changed {
            self.stamp += 1;
            (commit.partition.stamp, commit.partition.home) = (self.stamp, None);
        }
        self.away.remove(commit.scope());
        self.partitions.insert(commit.scope().clone(), commit.partition);
    }

    /// Takes a scope back as it was, unless its change is made already.
    pub fn put_back_unchanged(&mut self, commit: ScopeCommit) {
        if commit.work.is_none() {
            return self.put_back(commit);
        }
        self.away.remove(commit.scope());
        if !commit.is_new {
            self.partitions.insert(commit.scope().clone(), commit.partition);
        }
    }

    /// Takes a scope away that is to be swept, if it can be had.
    pub(super) fn detach_sweep(&mut self, scope: Scope, budget: u64) -> Option<ScopeCommit> {
        self.own(&scope).ok()?;
        let partition = self.partitions.remove(&scope)?;
        self.away.insert(scope);
        let (work, executor) = (Some(Work::Sweep(budget)), self.executor.clone());
        let (reader, now) = (self.reader(), 0);
        let (is_new, is_changed) = (false, false);
        Some(ScopeCommit { partition, work, is_new, is_changed, now, executor, reader })
    }
}

/// Makes the change of a partition.
fn make(
    partition: &mut PartitionWriter,
    change: ScopeChange,
    now: i64,
    executor: &Threads,
    reader: &CollectionReader,
) {
    let ScopeChange { batch, prepared: Some(prepared), .. } = change else { return };
    partition.commit(&batch, prepared, now, &*executor.0);
    reader.lose(partition.counted);
    partition.counted = partition.bytes();
    reader.gain(partition.counted);
}

impl fmt::Debug for ScopeCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeCommit").field("scope", self.scope()).finish_non_exhaustive()
    }
}
