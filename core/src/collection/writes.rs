//! Writes, each made by itself.

use super::Collection;
use super::partition::PartitionWriter;
use crate::entry::{EntryKey, VectorEntry};
use crate::error::Error;
use crate::filter::Filter;
use crate::metadata::{Object, Value};
use crate::scope::Scope;

/// A write of a collection, as a value: one for each of the calls that write.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Simd, VectorEntry, Write};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let insert = Write::Insert(vec![VectorEntry::new("a", vec![1.0])]);
/// assert_eq!(collection.write(insert, 0)?.keys[0].id(), "a");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Write {
    /// [`Collection::insert`].
    Insert(Vec<VectorEntry>),
    /// [`Collection::upsert`].
    Upsert(Vec<VectorEntry>),
    /// [`Collection::update_metadata`].
    UpdateMetadata(EntryKey, Object),
    /// [`Collection::patch_metadata`].
    PatchMetadata(EntryKey, Object),
    /// [`Collection::delete`].
    Delete(Vec<EntryKey>),
    /// The same for entries that may have expired.
    Erase(Vec<EntryKey>),
    /// [`Collection::delete_where`].
    DeleteWhere(Scope, Filter),
    /// [`Collection::delete_scope`].
    DeleteScope(Scope),
    /// Deletes the entries of a scope that have expired, as [`Collection::maintain`] does in all.
    Purge(Scope),
}

impl Write {
    /// The scopes that it is of, some of them several times.
    #[must_use]
    pub fn scopes(&self) -> Box<dyn Iterator<Item = &Scope> + '_> {
        match self {
            Self::Insert(entries) | Self::Upsert(entries) => {
                Box::new(entries.iter().map(|entry| &entry.scope))
            }
            Self::UpdateMetadata(key, _) | Self::PatchMetadata(key, _) => {
                Box::new(std::iter::once(key.scope()))
            }
            Self::Delete(keys) | Self::Erase(keys) => Box::new(keys.iter().map(EntryKey::scope)),
            Self::DeleteWhere(scope, _) | Self::DeleteScope(scope) | Self::Purge(scope) => {
                Box::new(std::iter::once(scope))
            }
        }
    }
}

/// What a write did.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Simd, VectorEntry, Write};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![1.0])], 0)?;
/// let written = collection.write(Write::Delete(vec!["a".into(), "b".into()]), 0)?;
/// assert_eq!(written.count, 1);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The keys of entries that came, in the order of the call.
    pub keys: Vec<EntryKey>,
    /// How many entries came, changed or went.
    pub count: usize,
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
        self.write(Write::Insert(entries), now).map(|written| written.keys)
    }

    /// Adds entries, in the place of those that have the same keys: of several with one key the
    /// last stays. A search sees the old entry or the new one, never both or none. The time that
    /// an entry was created at stays.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), but for [`Error::DuplicateId`].
    pub fn upsert(&mut self, entries: Vec<VectorEntry>, now: i64) -> Result<Vec<EntryKey>, Error> {
        self.write(Write::Upsert(entries), now).map(|written| written.keys)
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
        self.write(Write::UpdateMetadata(key.clone(), metadata), now).map(|_| ())
    }

    /// Merges metadata into an entry's: objects key by key, a null removes its key, anything else
    /// takes the place of what was there (RFC 7396).
    ///
    /// # Errors
    ///
    /// As [`update_metadata`](Self::update_metadata).
    pub fn patch_metadata(&mut self, key: &EntryKey, patch: Object, now: i64) -> Result<(), Error> {
        self.write(Write::PatchMetadata(key.clone(), patch), now).map(|_| ())
    }

    /// Deletes entries; how many there were. Keys of none are left out. They are gone at once,
    /// and their memory can be used again after [`maintain`](Self::maintain).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]. Nothing is then deleted.
    pub fn delete(&mut self, keys: &[EntryKey], now: i64) -> Result<usize, Error> {
        self.write(Write::Delete(keys.to_vec()), now).map(|written| written.count)
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
        self.write(Write::DeleteWhere(scope.clone(), filter.clone()), now).map(|it| it.count)
    }

    /// Deletes all of a scope, in O(1) for searches, and gives its memory back; how many entries
    /// that were. One that is changed [apart](super::PreparedBatch::commit_apart) stays.
    pub fn delete_scope(&mut self, scope: &Scope) -> usize {
        if self.away.contains(scope) {
            return 0;
        }
        let deleted = self.reader.stats_for_scope(scope).vector_count;
        self.give_up(std::slice::from_ref(scope));
        deleted
    }

    pub(super) fn new_partition(&self, scope: &Scope, now: i64) -> Result<PartitionWriter, Error> {
        let (config, dimensions) = (self.config(), self.dimensions());
        PartitionWriter::new(scope.clone(), config, dimensions, self.simd, self.memory, now)
    }
}

/// An object with a patch merged into it. What stays moves to another: nothing else takes keys out
/// of an object, which is a kilobyte of code.
pub(super) fn merged(object: Object, patch: Object) -> Object {
    let (mut merged, mut named) = (Object::new(), Object::new());
    for (key, value) in object {
        let into = if patch.contains_key(&key) { &mut named } else { &mut merged };
        into.insert(key, value);
    }
    for (key, value) in patch {
        let value = match (value, named.get_mut(&key)) {
            (Value::Null, _) => continue,
            (Value::Object(patch), Some(Value::Object(inner))) => {
                self::merged(std::mem::take(inner), patch).into()
            }
            (Value::Object(patch), _) => self::merged(Object::new(), patch).into(),
            (other, _) => other,
        };
        merged.insert(key, value);
    }
    merged
}
