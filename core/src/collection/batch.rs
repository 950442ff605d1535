//! Writes that are made together: first all that can fail, then the change.
//!
//! Each write is checked against the collection as it is, and so no two of a batch are of the same
//! entry. What a write would take is known when it is added, so that the one is refused that is too
//! much, and not its neighbors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::Collection;
use super::change::{ScopeChange, Taken, births, duplicate};
use super::partition::{Batch, PartitionWriter, Update};
use super::record::Record;
use super::writes::{Write, Written, merged};
use crate::entry::{EntryKey, VectorEntry, check_metadata, check_time};
use crate::error::{Error, beginning};
use crate::index::check_vector;
use crate::memory::SlotSet;
use crate::metadata::Object;
use crate::scope::Scope;

/// Writes that become visible together in each scope, all checked before the first is made: what a
/// durable store needs, which has to keep them before anybody sees them.
///
/// ```
/// use vicino_core::{Change, Collection, HnswConfig, Simd, VectorEntry, Write};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let mut batch = collection.batch(0)?;
/// batch.add(Write::Insert(vec![VectorEntry::new("a", vec![1.0])]))?;
/// let twice = Write::Insert(vec![VectorEntry::new("a", vec![2.0])]);
/// assert!(batch.conflicts_with(&twice), "its turn comes when the first is there");
///
/// let prepared = batch.prepare()?;
/// for change in prepared.changes() {
///     let Change::Put { id, .. } = change else { continue };
///     assert_eq!(id, "a"); // and now to the disk
/// }
/// prepared.commit();
/// assert!(collection.contains(&"a".into())?);
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub struct WriteBatch<'c> {
    collection: &'c mut Collection,
    now: i64,
    /// In boxes, since a tree has room for eleven in each of its leaves.
    scopes: BTreeMap<Scope, Box<ScopeChange>>,
    /// How many were added.
    writes: usize,
    /// Is there one write, whose entries nobody has to know?
    alone: bool,
}

/// Writes that were checked, have their memory and cannot fail any more.
pub struct PreparedBatch<'c> {
    pub(super) collection: &'c mut Collection,
    pub(super) now: i64,
    pub(super) scopes: BTreeMap<Scope, Box<ScopeChange>>,
}

/// What a batch does to an entry, or to a scope.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Change<'a> {
    /// An entry is there, maybe in the place of another.
    Put {
        /// Whose it is.
        scope: &'a Scope,
        /// Its id.
        id: &'a str,
        /// All of it but scope and vector, see [`VectorEntry::of_record`].
        record: &'a [u8],
        /// The vector as it was given; none where it stays as it was.
        vector: Option<&'a [f32]>,
    },
    /// An entry is gone.
    Delete {
        /// Whose it was.
        scope: &'a Scope,
        /// Its id.
        id: &'a str,
    },
    /// All entries of a scope are gone. No other change of the batch is in it.
    DeleteScope {
        /// The scope.
        scope: &'a Scope,
    },
}

impl Collection {
    /// Begins a batch of writes that come at a time.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTime`].
    pub fn batch(&mut self, now: i64) -> Result<WriteBatch<'_>, Error> {
        check_time(now)?;
        let scopes = BTreeMap::new();
        Ok(WriteBatch { collection: self, now, scopes, writes: 0, alone: false })
    }

    /// Makes a write.
    ///
    /// # Errors
    ///
    /// Those of the call that the write is of. Nothing of it is then there.
    pub fn write(&mut self, write: Write, now: i64) -> Result<Written, Error> {
        let mut batch = self.batch(now)?;
        batch.alone = true;
        let written = batch.add(write)?;
        batch.prepare()?.commit();
        Ok(written)
    }
}

impl<'c> WriteBatch<'c> {
    /// Is a write of entries that the batch has a write of already?
    #[must_use]
    pub fn conflicts_with(&self, write: &Write) -> bool {
        let of_entry = |scope: &Scope, id: &str| {
            let change = self.scopes.get(scope);
            change.is_some_and(|change| change.whole || change.ids.contains_key(id))
        };
        match write {
            Write::Insert(entries) | Write::Upsert(entries) => {
                entries.iter().any(|entry| of_entry(&entry.scope, &entry.id))
            }
            Write::UpdateMetadata(key, _) | Write::PatchMetadata(key, _) => {
                of_entry(key.scope(), key.id())
            }
            Write::Delete(keys) | Write::Erase(keys) => {
                keys.iter().any(|key| of_entry(key.scope(), key.id()))
            }
            Write::DeleteWhere(scope, _) | Write::DeleteScope(scope) | Write::Purge(scope) => {
                self.scopes.contains_key(scope)
            }
        }
    }

    /// Adds a write and says what it will have done.
    ///
    /// # Errors
    ///
    /// [`Error::WriteConflict`] where it [conflicts](Self::conflicts_with) with one that was added,
    /// and those of the call of [`Collection`] that makes such a write. The batch is then what it
    /// was.
    pub fn add(&mut self, write: Write) -> Result<Written, Error> {
        if self.conflicts_with(&write) {
            return Err(Error::WriteConflict);
        }
        if !matches!(write, Write::DeleteScope(_)) {
            write.scopes().try_for_each(|scope| self.collection.own(scope))?;
        }
        self.writes += 1;
        match write {
            Write::Insert(entries) => self.put(entries, Taken::Refuse),
            Write::Upsert(entries) => self.put(entries, Taken::Replace),
            Write::UpdateMetadata(key, metadata) => self.update(&key, metadata, |_, new| new),
            Write::PatchMetadata(key, patch) => {
                // Before it is merged: merging walks as deep as it goes.
                check_metadata(&patch)?;
                self.update(&key, patch, merged)
            }
            Write::Delete(keys) => self.delete(&keys, PartitionWriter::find_live),
            Write::Erase(keys) => self.delete(&keys, |partition, id, _| partition.find(id)),
            Write::DeleteWhere(scope, filter) => {
                filter.validate()?;
                let reader = self.collection.reader.at(self.now);
                let deaths = reader.read(&scope, |at| at.select(Some(&filter)))?;
                self.delete_slots(scope, &deaths.unwrap_or_default())
            }
            Write::Purge(scope) => {
                let reader = self.collection.reader.at(self.now);
                let deaths = reader.read(&scope, |at| at.expired())?;
                self.delete_slots(scope, &deaths.unwrap_or_default())
            }
            Write::DeleteScope(scope) => {
                let count =
                    self.collection.reader.at(self.now).stats_for_scope(&scope).vector_count;
                let change = ScopeChange { whole: true, gone: true, ..ScopeChange::default() };
                self.scopes.insert(scope, Box::new(change));
                Ok(Written { keys: Vec::new(), count })
            }
        }
    }

    /// Takes all the memory that the batch needs. Nobody sees anything of it yet.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. The collection is then what it was.
    pub fn prepare(self) -> Result<PreparedBatch<'c>, Error> {
        let Self { collection, now, mut scopes, .. } = self;
        for (scope, change) in &mut scopes {
            let partition = match &mut change.new {
                Some(new) => Some(new),
                None => collection.partitions.get_mut(scope),
            };
            if let (Some(partition), false) = (partition, change.gone) {
                change.prepared = Some(partition.prepare(&mut change.batch)?);
            }
        }
        Ok(PreparedBatch { collection, now, scopes })
    }

    fn put(&mut self, entries: Vec<VectorEntry>, taken: Taken) -> Result<Written, Error> {
        let collection = &*self.collection;
        let mut norms = Vec::with_capacity(entries.len());
        let mut scopes: BTreeMap<&Scope, BTreeMap<&str, usize>> = BTreeMap::new();
        for (i, entry) in entries.iter().enumerate() {
            let checked = entry.validate();
            let (config, dimensions) = (collection.config(), collection.dimensions());
            let check = |()| check_vector(config, dimensions, &entry.vector);
            norms.push(checked.and_then(check).map_err(|error| error.at(i))?);
            let twice = scopes.entry(&entry.scope).or_default().insert(&entry.id, i).is_some();
            if twice && taken == Taken::Refuse {
                return Err(duplicate(entry).at(i));
            }
        }
        let (write, alone) = (self.writes, self.alone);
        // In the order of the call, so that slots are too.
        let sorted = |ids: BTreeMap<&str, usize>| {
            let mut names = BTreeMap::new();
            names.extend(ids.keys().filter(|_| !alone).map(|id| (Box::from(*id), write)));
            let mut last: Vec<usize> = ids.into_values().collect();
            last.sort_unstable();
            (names, last)
        };
        let scopes: Vec<(Scope, _)> =
            scopes.into_iter().map(|(scope, ids)| (scope.clone(), sorted(ids))).collect();
        let keys: Vec<EntryKey> = entries.iter().map(VectorEntry::key).collect();
        let mut entries: Vec<Option<VectorEntry>> = entries.into_iter().map(Some).collect();
        let mut changes = Vec::new();
        for (scope, (ids, last)) in scopes {
            let new = match self.partition(&scope) {
                Some(_) => None,
                None => Some(Box::new(collection.new_partition(&scope, self.now)?)),
            };
            let partition = new.as_deref().or_else(|| self.partition(&scope));
            let partition = partition.expect("it is new or there");
            let entries = last.into_iter().filter_map(|i| Some((i, entries[i].take()?)));
            let batch = births(partition, entries, &norms, self.now, taken)?;
            changes.push((scope, ScopeChange { new, batch, ids, ..ScopeChange::default() }));
        }
        self.append(changes)?;
        Ok(Written { count: keys.len(), keys })
    }

    /// Gives an entry metadata that is made of the old and of what is given.
    fn update(
        &mut self,
        key: &EntryKey,
        given: Object,
        make: fn(Object, Object) -> Object,
    ) -> Result<Written, Error> {
        let unknown = || unknown(key);
        let partition = self.collection.partitions.get(key.scope()).ok_or_else(unknown)?;
        let now = partition.now(self.now);
        let (slot, record) = partition.find_live(key.id(), now).ok_or_else(unknown)?;
        let metadata = make(record.metadata()?, given);
        check_metadata(&metadata)?;
        let mut written = Vec::new();
        record.write_with(&metadata, now, &mut written)?;
        let updates = vec![Update { slot, metadata, record: written }];
        let batch = Batch { updates, ..Batch::default() };
        let mut ids = BTreeMap::new();
        ids.insert(key.id().into(), self.writes);
        let change = ScopeChange { batch, ids, ..ScopeChange::default() };
        self.append(vec![(key.scope().clone(), change)])?;
        Ok(Written { keys: Vec::new(), count: 1 })
    }

    fn delete(
        &mut self,
        keys: &[EntryKey],
        find: for<'p> fn(&'p PartitionWriter, &str, i64) -> Option<(u32, Record<'p>)>,
    ) -> Result<Written, Error> {
        let mut scopes: BTreeMap<Scope, Box<ScopeChange>> = BTreeMap::new();
        for key in keys {
            let Some(partition) = self.collection.partitions.get(key.scope()) else { continue };
            if let Some((slot, _)) = find(partition, key.id(), partition.now(self.now)) {
                let change = scopes.entry(key.scope().clone()).or_default();
                if change.ids.insert(key.id().into(), self.writes).is_none() {
                    change.batch.deaths.push(slot);
                    change.deleted.push(key.id().into());
                }
            }
        }
        let count = scopes.values().map(|change| change.deleted.len()).sum();
        self.append(scopes.into_iter().map(|(scope, change)| (scope, *change)).collect())?;
        Ok(Written { keys: Vec::new(), count })
    }

    /// Deletes entries by what is known of all of their scope.
    fn delete_slots(&mut self, scope: Scope, deaths: &SlotSet) -> Result<Written, Error> {
        let deaths: Vec<u32> = deaths.iter().collect();
        let count = deaths.len();
        if let (Some(partition), 1..) = (self.collection.partitions.get(&scope), count) {
            let id = |slot: &u32| partition.catalog.records.get(*slot).map(Record::id);
            let deleted = deaths.iter().filter_map(id).map(Box::from).collect();
            let batch = Batch { deaths, ..Batch::default() };
            let change = ScopeChange { batch, deleted, whole: true, ..ScopeChange::default() };
            self.append(vec![(scope, change)])?;
        }
        Ok(Written { keys: Vec::new(), count })
    }

    fn partition(&self, scope: &Scope) -> Option<&PartitionWriter> {
        let new = self.scopes.get(scope).and_then(|change| change.new.as_deref());
        new.or_else(|| self.collection.partitions.get(scope).map(|there| &**there))
    }

    /// Adds the changes of a write, if there is room for what they take with all others.
    fn append(&mut self, changes: Vec<(Scope, ScopeChange)>) -> Result<(), Error> {
        let mut ends = Vec::new();
        for (scope, change) in changes {
            let end = match self.scopes.entry(scope.clone()) {
                Entry::Vacant(place) => {
                    place.insert(Box::new(change));
                    None
                }
                Entry::Occupied(mut before) => {
                    let end = before.get().end();
                    before.get_mut().append(change);
                    Some(end)
                }
            };
            ends.push((scope, end));
        }
        let all = self.scopes.iter().filter(|(_, change)| !change.gone);
        let all = all.filter_map(|(scope, change)| Some((self.partition(scope)?, &change.batch)));
        let checked = self.collection.check_limits(all);
        if checked.is_err() {
            for (scope, end) in ends {
                match (self.scopes.get_mut(&scope), end) {
                    (Some(change), Some(end)) => change.take_back(self.writes, &end),
                    _ => drop(self.scopes.remove(&scope)),
                }
            }
        }
        checked
    }
}

impl PreparedBatch<'_> {
    /// What is going to change. In each scope entries go before others come.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let dimensions = self.collection.dimensions();
        self.scopes.iter().flat_map(move |(scope, change)| change.changes(scope, dimensions))
    }
}

fn unknown(key: &EntryKey) -> Error {
    Error::UnknownId { scope: key.scope().clone(), id: beginning(key.id(), 64) }
}

impl fmt::Debug for WriteBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBatch").field("scopes", &self.scopes.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PreparedBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedBatch").field("scopes", &self.scopes.len()).finish_non_exhaustive()
    }
}
