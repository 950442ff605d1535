//! Handles that name one scope and no other: the way to write code that cannot leak.

use super::{Collection, CollectionReader, Page, ScopeStats};
use crate::entry::{EntryKey, VectorEntry};
use crate::error::Error;
use crate::explain::Explain;
use crate::filter::Filter;
use crate::graph::Searcher;
use crate::metadata::Object;
use crate::query::{VectorQuery, VectorResult};
use crate::scope::Scope;

/// What a handle takes for a key: an id of its scope, or a key that must be of its scope.
///
/// ```
/// use vicino_core::{EntryKey, IdOrKey, Scope};
///
/// let key = EntryKey::new(Scope::Global, "a");
/// assert_eq!(IdOrKey::from("a"), IdOrKey::Id("a".to_owned()));
/// assert_eq!(IdOrKey::from(&key), IdOrKey::Key(key));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdOrKey {
    /// An id.
    Id(String),
    /// A key.
    Key(EntryKey),
}

impl From<&str> for IdOrKey {
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

impl From<String> for IdOrKey {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

impl From<EntryKey> for IdOrKey {
    fn from(key: EntryKey) -> Self {
        Self::Key(key)
    }
}

impl From<&EntryKey> for IdOrKey {
    fn from(key: &EntryKey) -> Self {
        Self::Key(key.clone())
    }
}

/// A hand that reads one scope.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let keys = collection.insert(vec![VectorEntry::new("a", vec![1.0])], 0)?;
/// let reader = collection.reader().scope(&Scope::User("ada".to_owned()))?;
/// assert_eq!(reader.get("a")?, None, "that one is global");
/// assert_eq!(reader.get(&keys[0]).unwrap_err().code(), "scope_mismatch");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScopeReader {
    reader: CollectionReader,
    scope: Scope,
}

/// A hand that writes one scope, and reads it.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let ada = Scope::User("ada".to_owned());
/// let mut store = collection.scope(&ada)?;
/// store.insert(vec![VectorEntry::new("a", vec![1.0])], 0)?;
/// assert_eq!(store.delete(["a"], 0)?, 1);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ScopeWriter<'c> {
    collection: &'c mut Collection,
    reader: ScopeReader,
}

impl ScopeReader {
    pub(super) fn new(reader: CollectionReader, scope: &Scope) -> Result<Self, Error> {
        scope.validate()?;
        Ok(Self { reader, scope: scope.clone() })
    }

    /// The scope.
    #[must_use]
    pub fn name(&self) -> &Scope {
        &self.scope
    }

    /// [`CollectionReader::search`] in this scope. A query that names none searches it.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] where the query names another, and those of the search.
    pub fn search(
        &self,
        query: &VectorQuery,
        searcher: &mut Searcher,
    ) -> Result<Vec<VectorResult>, Error> {
        self.reader.search(&self.query(query)?, searcher)
    }

    /// [`CollectionReader::explain`] in this scope.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn explain(
        &self,
        query: &VectorQuery,
        searcher: &mut Searcher,
    ) -> Result<(Vec<VectorResult>, Explain), Error> {
        self.reader.explain(&self.query(query)?, searcher)
    }

    /// [`CollectionReader::get`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`], and those of the call.
    pub fn get(&self, entry: impl Into<IdOrKey>) -> Result<Option<VectorEntry>, Error> {
        self.reader.get(&self.key(entry)?)
    }

    /// [`CollectionReader::contains`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`].
    pub fn contains(&self, entry: impl Into<IdOrKey>) -> Result<bool, Error> {
        self.reader.contains(&self.key(entry)?)
    }

    /// [`CollectionReader::count`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`].
    pub fn count(&self, filter: Option<&Filter>) -> Result<usize, Error> {
        self.reader.count(&self.scope, filter)
    }

    /// [`CollectionReader::list`] in this scope.
    ///
    /// # Errors
    ///
    /// As [`CollectionReader::list`].
    pub fn list(
        &self,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        self.reader.list(&self.scope, filter, after, limit)
    }

    /// [`CollectionReader::stats_for_scope`] of this scope.
    #[must_use]
    pub fn stats(&self) -> ScopeStats {
        self.reader.stats_for_scope(&self.scope)
    }

    /// The key of an entry of this scope, for calls that no handle has.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] for a key of another.
    pub fn key(&self, entry: impl Into<IdOrKey>) -> Result<EntryKey, Error> {
        match entry.into() {
            IdOrKey::Id(id) => Ok(EntryKey::new(self.scope.clone(), id)),
            IdOrKey::Key(key) => self.check(key.scope()).map(|()| key),
        }
    }

    /// The query in this scope. The global scope is what a query has that was given none.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] where it names another.
    pub fn query(&self, query: &VectorQuery) -> Result<VectorQuery, Error> {
        for found in query.scopes.iter().filter(|scope| **scope != Scope::Global) {
            self.check(found)?;
        }
        Ok(query.clone().with_scope(self.scope.clone()))
    }

    /// The entries in this scope, also those that name none.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] where one names another.
    pub fn entries(&self, mut entries: Vec<VectorEntry>) -> Result<Vec<VectorEntry>, Error> {
        for entry in &mut entries {
            if entry.scope != Scope::Global {
                self.check(&entry.scope)?;
            }
            entry.scope = self.scope.clone();
        }
        Ok(entries)
    }

    fn check(&self, found: &Scope) -> Result<(), Error> {
        if *found == self.scope {
            return Ok(());
        }
        Err(Error::ScopeMismatch { expected: self.scope.clone(), found: found.clone() })
    }
}

impl<'c> ScopeWriter<'c> {
    pub(super) fn new(collection: &'c mut Collection, scope: &Scope) -> Result<Self, Error> {
        let reader = collection.reader().scope(scope)?;
        Ok(Self { collection, reader })
    }

    /// A hand that reads the scope.
    #[must_use]
    pub fn reader(&self) -> &ScopeReader {
        &self.reader
    }

    /// [`Collection::insert`] into this scope, also of entries that name none.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] for an entry of another scope, and those of the insert.
    pub fn insert(&mut self, entries: Vec<VectorEntry>, now: i64) -> Result<Vec<EntryKey>, Error> {
        let entries = self.reader.entries(entries)?;
        self.collection.insert(entries, now)
    }

    /// [`Collection::upsert`] into this scope, also of entries that name none.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`] for an entry of another scope, and those of the upsert.
    pub fn upsert(&mut self, entries: Vec<VectorEntry>, now: i64) -> Result<Vec<EntryKey>, Error> {
        let entries = self.reader.entries(entries)?;
        self.collection.upsert(entries, now)
    }

    /// [`Collection::update_metadata`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`], and those of the update.
    pub fn update_metadata(
        &mut self,
        entry: impl Into<IdOrKey>,
        metadata: Object,
        now: i64,
    ) -> Result<(), Error> {
        let key = self.reader.key(entry)?;
        self.collection.update_metadata(&key, metadata, now)
    }

    /// [`Collection::patch_metadata`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`], and those of the patch.
    pub fn patch_metadata(
        &mut self,
        entry: impl Into<IdOrKey>,
        patch: Object,
        now: i64,
    ) -> Result<(), Error> {
        let key = self.reader.key(entry)?;
        self.collection.patch_metadata(&key, patch, now)
    }

    /// [`Collection::delete`] in this scope.
    ///
    /// # Errors
    ///
    /// [`Error::ScopeMismatch`], and those of the delete.
    pub fn delete(
        &mut self,
        entries: impl IntoIterator<Item = impl Into<IdOrKey>>,
        now: i64,
    ) -> Result<usize, Error> {
        let keys: Result<Vec<_>, _> =
            entries.into_iter().map(|entry| self.reader.key(entry)).collect();
        self.collection.delete(&keys?, now)
    }

    /// [`Collection::delete_where`] in this scope.
    ///
    /// # Errors
    ///
    /// Those of the delete.
    pub fn delete_where(&mut self, filter: &Filter, now: i64) -> Result<usize, Error> {
        self.collection.delete_where(&self.reader.scope, filter, now)
    }
}
