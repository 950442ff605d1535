//! What a batch changes in one scope: what its writes did so far, each of which can be taken back.

use std::collections::BTreeMap;

use super::batch::Change;
use super::partition::{Batch, PartitionWriter};
use super::record::{Record, write};
use crate::entry::VectorEntry;
use crate::error::{Error, beginning};
use crate::index::Prepared;
use crate::metric::DistanceMetric;
use crate::scope::Scope;

/// The change of one scope.
#[derive(Default)]
pub(super) struct ScopeChange {
    /// A partition that is not in the collection yet.
    pub(super) new: Option<Box<PartitionWriter>>,
    pub(super) batch: Batch,
    /// The entries that its writes are of, and the number of the write.
    pub(super) ids: BTreeMap<Box<str>, usize>,
    /// Those of them that go and do not come back.
    pub(super) deleted: Vec<Box<str>>,
    /// Is it of all entries?
    pub(super) whole: bool,
    pub(super) gone: bool,
    pub(super) prepared: Option<Prepared>,
}

/// Lengths of the parts of a change.
pub(super) struct End {
    vectors: usize,
    births: usize,
    deaths: usize,
    records: usize,
    updates: usize,
    deleted: usize,
}

/// What becomes of an entry whose id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Refuse,
    Replace,
}

impl ScopeChange {
    /// Adds the change of another write, neither of which is of all entries.
    pub(super) fn append(&mut self, mut other: Self) {
        let Self { batch, ids, deleted, .. } = self;
        ids.append(&mut other.ids);
        deleted.append(&mut other.deleted);
        batch.vectors.append(&mut other.batch.vectors);
        batch.norms.append(&mut other.batch.norms);
        batch.births.append(&mut other.batch.births);
        batch.deaths.append(&mut other.batch.deaths);
        batch.records.append(&mut other.batch.records);
        batch.updates.append(&mut other.batch.updates);
    }

    /// What has been added so far.
    pub(super) fn end(&self) -> End {
        let Self { batch, deleted, .. } = self;
        End {
            vectors: batch.vectors.len(),
            births: batch.births.len(),
            deaths: batch.deaths.len(),
            records: batch.records.len(),
            updates: batch.updates.len(),
            deleted: deleted.len(),
        }
    }

    /// Takes a write back, before which so much had been added.
    pub(super) fn take_back(&mut self, write: usize, end: &End) {
        let Self { batch, ids, deleted, .. } = self;
        ids.retain(|_, of| *of != write);
        deleted.truncate(end.deleted);
        batch.vectors.truncate(end.vectors);
        batch.norms.truncate(end.births);
        batch.births.truncate(end.births);
        batch.deaths.truncate(end.deaths);
        batch.records.truncate(end.records);
        batch.updates.truncate(end.updates);
    }

    /// Does it put entries into the scope that were not there, and nothing else?
    pub(super) fn is_all_new(&self) -> bool {
        let is_same = self.batch.deaths.is_empty() && self.batch.updates.is_empty();
        is_same && self.deleted.is_empty() && !self.gone
    }

    /// What it does to its scope, where entries go before others come.
    pub(super) fn changes<'a>(
        &'a self,
        scope: &'a Scope,
        dimensions: usize,
    ) -> impl Iterator<Item = Change<'a>> {
        let gone = self.gone.then_some(Change::DeleteScope { scope });
        let deleted = self.deleted.iter().map(|id| Change::Delete { scope, id });
        let vectors = self.batch.vectors.chunks_exact(dimensions).map(Some);
        let vectors = vectors.chain(std::iter::repeat(None));
        let put = self.batch.all_records().zip(vectors).map(move |(record, vector)| Change::Put {
            scope,
            id: record.id(),
            record: record.bytes(),
            vector,
        });
        gone.into_iter().chain(deleted).chain(put)
    }
}

/// The births of entries in a partition; each comes with its place in the call, where its norm is
/// too.
pub(super) fn births(
    partition: &PartitionWriter,
    entries: impl Iterator<Item = (usize, VectorEntry)>,
    norms: &[f64],
    now: i64,
    taken: Taken,
) -> Result<Batch, Error> {
    let now = partition.now(now);
    // The index keeps vectors of length one under the cosine, and others as they are.
    let scaled = partition.index.config().distance_metric == DistanceMetric::Cosine;
    let mut batch = Batch::default();
    for (i, entry) in entries {
        let known = partition.find(&entry.id);
        let live = known.filter(|(_, record)| !record.is_expired(now));
        if live.is_some() && taken == Taken::Refuse {
            return Err(duplicate(&entry).at(i));
        }
        let created = live.map(|(_, record)| Record::created_at(record));
        let norm = scaled.then_some(norms[i]);
        write(&entry, created, norm, now, &mut batch.records).map_err(|error| error.at(i))?;
        let bytes = size_of_val(&*entry.vector);
        batch.vectors.try_reserve(entry.vector.len()).map_err(|_| Error::OutOfMemory { bytes })?;
        batch.vectors.extend(entry.vector);
        batch.norms.push(norms[i]);
        batch.deaths.extend(known.map(|(slot, _)| slot));
        batch.births.push(entry.metadata);
    }
    Ok(batch)
}

pub(super) fn duplicate(entry: &VectorEntry) -> Error {
    Error::DuplicateId { scope: entry.scope.clone(), id: beginning(&entry.id, 64) }
}
