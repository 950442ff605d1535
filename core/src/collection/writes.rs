//! Writes: first all that can fail, then the change.

use std::collections::{BTreeMap, BTreeSet};

use super::Collection;
use super::partition::{Batch, PartitionWriter};
use super::record::{Record, write};
use crate::entry::{EntryKey, VectorEntry, check_metadata, check_time};
use crate::error::{Error, beginning};
use crate::filter::Filter;
use crate::index::{Prepared, check_vector};
use crate::metadata::{Object, Value};
use crate::metric::DistanceMetric;
use crate::scope::Scope;

/// What becomes of an entry whose id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Refuse,
    Replace,
}

/// The change of one scope.
struct Change {
    scope: Scope,
    /// A partition that is not in the collection yet.
    new: Option<Box<PartitionWriter>>,
    batch: Batch,
    prepared: Option<Prepared>,
}

impl Collection {
    /// Adds entries at a time and returns their keys in the same order. A search of a scope sees
    /// all of its entries of a call or none. One entry costs a search of `ef_construction`
    /// candidates; many at once are linked by all threads of the executor.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateId`] where a scope has an id already, or the call names it twice; what
    /// [`VectorEntry::validate`] and [`HnswIndex::insert`](crate::index::HnswIndex::insert) refuse;
    /// [`Error::ScopeLimit`] and [`Error::MemoryLimit`]. An error that is one entry's comes in
    /// [`Error::InBatch`]. Nothing of the call is then there.
    pub fn insert(&mut self, entries: Vec<VectorEntry>, now: i64) -> Result<Vec<EntryKey>, Error> {
        self.put(entries, now, Taken::Refuse)
    }

    /// Adds entries, in the place of those that have the same keys: of several with one key the
    /// last stays. A search sees the old entry or the new one, never both or none. The time that
    /// an entry was created at stays.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), but for [`Error::DuplicateId`].
    pub fn upsert(&mut self, entries: Vec<VectorEntry>, now: i64) -> Result<Vec<EntryKey>, Error> {
        self.put(entries, now, Taken::Replace)
    }

    fn put(
        &mut self,
        entries: Vec<VectorEntry>,
        now: i64,
        taken: Taken,
    ) -> Result<Vec<EntryKey>, Error> {
        check_time(now)?;
        let mut norms = Vec::with_capacity(entries.len());
        let mut scopes: BTreeMap<&Scope, BTreeMap<&str, usize>> = BTreeMap::new();
        for (i, entry) in entries.iter().enumerate() {
            let checked = entry.validate();
            let check = |()| check_vector(self.config(), self.dimensions(), &entry.vector);
            norms.push(checked.and_then(check).map_err(|error| error.at(i))?);
            let twice = scopes.entry(&entry.scope).or_default().insert(&entry.id, i).is_some();
            if twice && taken == Taken::Refuse {
                return Err(duplicate(entry).at(i));
            }
        }
        // In the order of the call, so that slots are too.
        let sorted = |ids: BTreeMap<&str, usize>| ids.into_values().collect::<BTreeSet<_>>();
        let scopes: Vec<(Scope, BTreeSet<usize>)> =
            scopes.into_iter().map(|(scope, ids)| (scope.clone(), sorted(ids))).collect();
        let keys = entries.iter().map(VectorEntry::key).collect();
        let mut entries: Vec<Option<VectorEntry>> = entries.into_iter().map(Some).collect();
        let mut changes = Vec::new();
        for (scope, last) in scopes {
            let new = match self.partitions.contains_key(&scope) {
                true => None,
                false => Some(Box::new(self.new_partition(&scope, now)?)),
            };
            let partition = new.as_ref().or_else(|| self.partitions.get(&scope));
            let partition = partition.expect("it is new or there");
            let entries = last.into_iter().filter_map(|i| Some((i, entries[i].take()?)));
            let batch = births(partition, entries, &norms, now, taken)?;
            changes.push(Change { scope, new, batch, prepared: None });
        }
        self.make(changes, now)?;
        Ok(keys)
    }

    /// Puts other metadata in the place of an entry's. The graph is not touched.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`]; [`Error::TooLarge`] and [`Error::TooDeep`] for the metadata;
    /// [`Error::ScopeLimit`] and [`Error::MemoryLimit`]. Nothing is then changed.
    pub fn update_metadata(
        &mut self,
        key: &EntryKey,
        metadata: Object,
        now: i64,
    ) -> Result<(), Error> {
        self.change_metadata(key, now, |_| metadata)
    }

    /// Merges metadata into an entry's: objects key by key, a null removes its key, anything else
    /// takes the place of what was there (RFC 7396).
    ///
    /// # Errors
    ///
    /// As [`update_metadata`](Self::update_metadata).
    pub fn patch_metadata(&mut self, key: &EntryKey, patch: Object, now: i64) -> Result<(), Error> {
        // Before it is merged: merging walks as deep as it goes.
        check_metadata(&patch)?;
        self.change_metadata(key, now, |mut metadata| {
            merge(&mut metadata, patch);
            metadata
        })
    }

    fn change_metadata(
        &mut self,
        key: &EntryKey,
        now: i64,
        change: impl FnOnce(Object) -> Object,
    ) -> Result<(), Error> {
        check_time(now)?;
        let unknown = || unknown(key);
        let partition = self.partitions.get(key.scope()).ok_or_else(unknown)?;
        let now = partition.now(now);
        let (slot, record) = partition.find_live(key.id(), now).ok_or_else(unknown)?;
        let metadata = change(record.metadata()?);
        check_metadata(&metadata)?;
        let mut batch = Batch::default();
        record.write_with(&metadata, now, &mut batch.records)?;
        batch.updates.push((slot, metadata));
        let scope = key.scope().clone();
        self.make(vec![Change { scope, new: None, batch, prepared: None }], now)
    }

    /// Deletes entries; how many there were. Keys of none are left out. They are gone at once,
    /// and their memory can be used again after [`maintain`](Self::maintain).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. Nothing is then deleted.
    pub fn delete(&mut self, keys: &[EntryKey], now: i64) -> Result<usize, Error> {
        check_time(now)?;
        let mut scopes: BTreeMap<&Scope, Vec<u32>> = BTreeMap::new();
        for key in keys {
            let Some(partition) = self.partitions.get(key.scope()) else { continue };
            if let Some((slot, _)) = partition.find_live(key.id(), partition.now(now)) {
                scopes.entry(key.scope()).or_default().push(slot);
            }
        }
        let mut deleted = 0;
        let mut changes = Vec::new();
        for (scope, mut deaths) in scopes {
            deaths.sort_unstable();
            deaths.dedup();
            deleted += deaths.len();
            changes.push(Change::deaths(scope, deaths));
        }
        self.make(changes, now).map(|()| deleted)
    }

    /// Deletes the entries of a scope that match; how many there were.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`] and [`Error::OutOfMemory`]. Nothing is then deleted.
    pub fn delete_where(
        &mut self,
        scope: &Scope,
        filter: &Filter,
        now: i64,
    ) -> Result<usize, Error> {
        check_time(now)?;
        filter.validate()?;
        let deaths = self.reader.at(now).read(scope, |at| at.select(Some(filter)));
        let deaths: Vec<u32> = deaths.unwrap_or_default().iter().collect();
        let deleted = deaths.len();
        if deleted > 0 {
            self.make(vec![Change::deaths(scope, deaths)], now)?;
        }
        Ok(deleted)
    }

    /// Deletes the entries of a scope that have expired; how many there were.
    pub(super) fn purge(&mut self, scope: &Scope, now: i64) -> Result<usize, Error> {
        let expired = self.reader.at(now).read(scope, |at| at.expired());
        let deaths: Vec<u32> = expired.unwrap_or_default().iter().collect();
        let purged = deaths.len();
        if purged > 0 {
            self.make(vec![Change::deaths(scope, deaths)], now)?;
        }
        Ok(purged)
    }

    fn new_partition(&self, scope: &Scope, now: i64) -> Result<PartitionWriter, Error> {
        let (config, dimensions) = (self.config(), self.dimensions());
        PartitionWriter::new(scope.clone(), config, dimensions, self.simd, self.memory, now)
    }

    /// Makes changes of different scopes, all or none.
    fn make(&mut self, mut changes: Vec<Change>, now: i64) -> Result<(), Error> {
        self.check_limits(changes.iter().map(|change| {
            let there = change.new.as_ref().or_else(|| self.partitions.get(&change.scope));
            (&**there.expect("it is new or there"), &change.batch)
        }))?;
        for change in &mut changes {
            let there = match &mut change.new {
                Some(new) => new,
                None => self.partitions.get_mut(&change.scope).expect("it is new or there"),
            };
            change.prepared = Some(there.prepare(&mut change.batch)?);
        }
        // From here on nothing fails.
        let mut more = false;
        for Change { scope, new, batch, prepared } in changes {
            let is_new = new.is_some();
            let partition = match new {
                Some(new) => self.partitions.entry(scope).or_insert(new),
                None => self.partitions.get_mut(&scope).expect("it is new or there"),
            };
            partition.commit(&batch, prepared.expect("it was prepared"), now, &*self.executor.0);
            self.limits.used -= partition.counted;
            partition.counted = partition.bytes();
            self.limits.used += partition.counted;
            if is_new {
                self.directory.insert(partition.partition.clone());
                more = true;
            }
        }
        if more {
            self.reader.publish(self.directory.clone(), false);
        }
        Ok(())
    }
}

impl Change {
    fn deaths(scope: &Scope, deaths: Vec<u32>) -> Self {
        let batch = Batch { deaths, ..Batch::default() };
        Self { scope: scope.clone(), new: None, batch, prepared: None }
    }
}

/// The batch that puts entries into a partition; each comes with its place in the call, where its
/// norm is too.
fn births(
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

fn duplicate(entry: &VectorEntry) -> Error {
    Error::DuplicateId { scope: entry.scope.clone(), id: beginning(&entry.id, 64) }
}

fn unknown(key: &EntryKey) -> Error {
    Error::UnknownId { scope: key.scope().clone(), id: beginning(key.id(), 64) }
}

/// Merges a patch into an object.
fn merge(object: &mut Object, patch: Object) {
    for (key, value) in patch {
        match value {
            Value::Null => drop(object.remove(&key)),
            Value::Object(patch) => {
                let inner = object.entry(key).or_default();
                if !matches!(inner, Value::Object(_)) {
                    *inner = Value::Object(Object::new());
                }
                if let Value::Object(inner) = inner {
                    merge(inner, patch);
                }
            }
            other => drop(object.insert(key, other)),
        }
    }
}
