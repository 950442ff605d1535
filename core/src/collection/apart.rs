//! Changes that take long, made on another thread while their collection goes on with other scopes.

use std::fmt;
use std::sync::Arc;

use super::batch::PreparedBatch;
use super::change::ScopeChange;
use super::directory::Known;
use super::partition::PartitionWriter;
use super::reader::CollectionReader;
use super::{Collection, Threads};
use crate::graph::Serial;
use crate::scope::Scope;

/// The change of a scope that cannot fail any more, to be made on any thread. Until it is
/// [put back](Collection::put_back) the collection refuses writes of the scope, and snapshots that
/// have it, with `Error::WriteConflict`.
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
    /// None where it is made.
    change: Option<Box<ScopeChange>>,
    is_new: bool,
    now: i64,
    executor: Threads,
    reader: CollectionReader,
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
        let Self { collection, now, scopes } = self;
        let (mut gone, mut more, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        // For a few this thread is enough, and others may be busy with what is made apart.
        let is_all = most == usize::MAX;
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
            collection.stamp += 1;
            (partition.stamp, partition.home) = (collection.stamp, None);
            if partition.links(&change.batch) <= most {
                make(partition, *change, now, &executor, &collection.reader);
                more.extend(is_new.then(|| Known::Open(Arc::clone(&partition.partition))));
            } else if let Some(partition) = collection.partitions.remove(&scope) {
                let (executor, reader) = (collection.executor.clone(), collection.reader());
                let change = Some(change);
                collection.away.insert(scope);
                apart.push(ScopeCommit { partition, change, is_new, now, executor, reader });
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

    /// Makes the change, which is seen when this returns.
    pub fn run(&mut self) {
        let Some(change) = self.change.take() else { return };
        make(&mut self.partition, *change, self.now, &self.executor, &self.reader);
        if self.is_new {
            self.reader.add(vec![Known::Open(Arc::clone(&self.partition.partition))]);
        }
    }
}

impl Collection {
    /// Takes a scope back whose change was made apart; it is made now if it was not.
    pub fn put_back(&mut self, mut commit: ScopeCommit) {
        commit.run();
        self.away.remove(commit.scope());
        self.partitions.insert(commit.scope().clone(), commit.partition);
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
