//! Handles of a storage that name one scope and no other: the way to write code that cannot leak.

use vicino_core::{
    EntryKey, Error, Explain, Filter, IdOrKey, Object, Page, Scope, ScopeReader, ScopeStats, Value,
    VectorEntry, VectorQuery, VectorResult,
};

use super::{BlockingVectorStorage, HnswVectorStorage, VectorStorage};
use crate::error::StoreError;

/// One scope of a [`HnswVectorStorage`].
///
/// Ids are those of its entries. Entries and queries that name no scope are its own, and what names
/// another is refused with [`Error::ScopeMismatch`].
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, Scope, VectorEntry, VectorQuery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let storage = HnswVectorStorage::new(2, HnswConfig::balanced());
/// let acme = storage.scope(&Scope::Tenant("acme".to_owned()))?;
/// let keys = acme.insert(vec![VectorEntry::new("intro", vec![1.0, 0.0])]).await?;
/// assert_eq!(acme.search(&VectorQuery::new(vec![1.0, 0.1], 3)).await?[0].key, keys[0]);
///
/// let other = storage.scope(&Scope::Tenant("other".to_owned()))?;
/// assert_eq!(other.get("intro").await?, None);
/// assert_eq!(other.get(&keys[0]).await.unwrap_err().code(), "scope_mismatch");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ScopedVectorStorage {
    storage: HnswVectorStorage,
    blocking: BlockingScopedVectorStorage,
}

/// The calls of a [`ScopedVectorStorage`] for programs that wait.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, Scope, VectorEntry};
///
/// let storage = HnswVectorStorage::new(2, HnswConfig::balanced());
/// let ada = storage.blocking().scope(&Scope::User("ada".to_owned()))?;
/// ada.insert(vec![VectorEntry::new("a", vec![1.0, 0.0])])?;
/// assert_eq!(ada.delete(["a", "b"])?, 1);
/// # Ok::<(), vicino::StoreError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BlockingScopedVectorStorage {
    storage: BlockingVectorStorage,
    /// Tells what is of the scope.
    own: ScopeReader,
}

/// What the calls do is told by [`VectorStorage`].
#[expect(clippy::missing_errors_doc, reason = "those of VectorStorage, and ScopeMismatch")]
impl ScopedVectorStorage {
    pub(super) fn new(storage: HnswVectorStorage, scope: &Scope) -> Result<Self, StoreError> {
        let blocking = storage.blocking().scope(scope)?;
        Ok(Self { storage, blocking })
    }

    /// The scope.
    #[must_use]
    pub fn name(&self) -> &Scope {
        self.blocking.name()
    }

    /// The calls for programs that wait.
    #[must_use]
    pub fn blocking(&self) -> &BlockingScopedVectorStorage {
        &self.blocking
    }

    /// [`VectorStorage::insert`], also of entries that name no scope.
    pub async fn insert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.storage.insert(self.own().entries(entries)?).await
    }

    /// [`VectorStorage::upsert`], also of entries that name no scope.
    pub async fn upsert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.storage.upsert(self.own().entries(entries)?).await
    }

    /// [`VectorStorage::search`].
    pub async fn search(&self, query: &VectorQuery) -> Result<Vec<VectorResult>, StoreError> {
        self.storage.search(&self.own().query(query)?).await
    }

    /// [`VectorStorage::search_many`].
    pub async fn search_many(
        &self,
        queries: &[VectorQuery],
    ) -> Result<Vec<Vec<VectorResult>>, StoreError> {
        self.storage.search_many(&self.blocking.queries(queries)?).await
    }

    /// [`VectorStorage::explain`].
    pub async fn explain(
        &self,
        query: &VectorQuery,
    ) -> Result<(Vec<VectorResult>, Explain), StoreError> {
        self.storage.explain(&self.own().query(query)?).await
    }

    /// [`VectorStorage::get`].
    pub async fn get(&self, entry: impl Into<IdOrKey>) -> Result<Option<VectorEntry>, StoreError> {
        self.storage.get(&self.own().key(entry)?).await
    }

    /// [`HnswVectorStorage::update_metadata`].
    pub async fn update_metadata<V: Into<Value>>(
        &self,
        entry: impl Into<IdOrKey>,
        metadata: impl IntoIterator<Item = (String, V)>,
    ) -> Result<(), StoreError> {
        self.storage.update_metadata(&self.own().key(entry)?, metadata).await
    }

    /// [`VectorStorage::patch_metadata`].
    pub async fn patch_metadata(
        &self,
        entry: impl Into<IdOrKey>,
        patch: Object,
    ) -> Result<(), StoreError> {
        self.storage.patch_metadata(&self.own().key(entry)?, patch).await
    }

    /// [`VectorStorage::delete`].
    pub async fn delete(
        &self,
        entries: impl IntoIterator<Item = impl Into<IdOrKey>>,
    ) -> Result<usize, StoreError> {
        let keys = self.blocking.keys(entries)?;
        self.storage.delete(&keys).await
    }

    /// [`VectorStorage::delete_where`].
    pub async fn delete_where(&self, filter: &Filter) -> Result<usize, StoreError> {
        self.storage.delete_where(self.name(), filter).await
    }

    /// Deletes all of the scope; how many entries that were.
    pub async fn delete_all(&self) -> Result<usize, StoreError> {
        self.storage.delete_scope(self.name()).await
    }

    /// [`VectorStorage::list`].
    pub async fn list(
        &self,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.storage.list(self.name(), filter, after, limit).await
    }

    /// [`VectorStorage::count`].
    pub async fn count(&self, filter: Option<&Filter>) -> Result<usize, StoreError> {
        self.storage.count(self.name(), filter).await
    }

    /// [`VectorStorage::stats_for_scope`].
    pub async fn stats(&self) -> Result<ScopeStats, StoreError> {
        self.storage.stats_for_scope(self.name()).await
    }

    fn own(&self) -> &ScopeReader {
        &self.blocking.own
    }
}

/// What the calls do is told by [`VectorStorage`].
#[expect(clippy::missing_errors_doc, reason = "those of VectorStorage, and ScopeMismatch")]
impl BlockingScopedVectorStorage {
    pub(super) fn new(storage: BlockingVectorStorage, scope: &Scope) -> Result<Self, StoreError> {
        let own = storage.reader()?.scope(scope)?;
        Ok(Self { storage, own })
    }

    /// The scope.
    #[must_use]
    pub fn name(&self) -> &Scope {
        self.own.name()
    }

    /// [`VectorStorage::insert`], also of entries that name no scope.
    pub fn insert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.storage.insert(self.own.entries(entries)?)
    }

    /// [`VectorStorage::upsert`], also of entries that name no scope.
    pub fn upsert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.storage.upsert(self.own.entries(entries)?)
    }

    /// [`VectorStorage::search`].
    pub fn search(&self, query: &VectorQuery) -> Result<Vec<VectorResult>, StoreError> {
        self.storage.search(&self.own.query(query)?)
    }

    /// [`VectorStorage::search_many`].
    pub fn search_many(
        &self,
        queries: &[VectorQuery],
    ) -> Result<Vec<Vec<VectorResult>>, StoreError> {
        self.storage.search_many(&self.queries(queries)?)
    }

    /// [`VectorStorage::explain`].
    pub fn explain(&self, query: &VectorQuery) -> Result<(Vec<VectorResult>, Explain), StoreError> {
        self.storage.explain(&self.own.query(query)?)
    }

    /// [`VectorStorage::get`].
    pub fn get(&self, entry: impl Into<IdOrKey>) -> Result<Option<VectorEntry>, StoreError> {
        self.storage.get(&self.own.key(entry)?)
    }

    /// [`VectorStorage::update_metadata`].
    pub fn update_metadata(
        &self,
        entry: impl Into<IdOrKey>,
        metadata: Object,
    ) -> Result<(), StoreError> {
        self.storage.update_metadata(&self.own.key(entry)?, metadata)
    }

    /// [`VectorStorage::patch_metadata`].
    pub fn patch_metadata(
        &self,
        entry: impl Into<IdOrKey>,
        patch: Object,
    ) -> Result<(), StoreError> {
        self.storage.patch_metadata(&self.own.key(entry)?, patch)
    }

    /// [`VectorStorage::delete`].
    pub fn delete(
        &self,
        entries: impl IntoIterator<Item = impl Into<IdOrKey>>,
    ) -> Result<usize, StoreError> {
        self.storage.delete(&self.keys(entries)?)
    }

    /// [`VectorStorage::delete_where`].
    pub fn delete_where(&self, filter: &Filter) -> Result<usize, StoreError> {
        self.storage.delete_where(self.name(), filter)
    }

    /// Deletes all of the scope; how many entries that were.
    pub fn delete_all(&self) -> Result<usize, StoreError> {
        self.storage.delete_scope(self.name())
    }

    /// [`VectorStorage::list`].
    pub fn list(
        &self,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.storage.list(self.name(), filter, after, limit)
    }

    /// [`VectorStorage::count`].
    pub fn count(&self, filter: Option<&Filter>) -> Result<usize, StoreError> {
        self.storage.count(self.name(), filter)
    }

    /// [`VectorStorage::stats_for_scope`].
    pub fn stats(&self) -> Result<ScopeStats, StoreError> {
        self.storage.stats_for_scope(self.name())
    }

    fn keys(
        &self,
        entries: impl IntoIterator<Item = impl Into<IdOrKey>>,
    ) -> Result<Vec<EntryKey>, Error> {
        entries.into_iter().map(|entry| self.own.key(entry)).collect()
    }

    fn queries(&self, queries: &[VectorQuery]) -> Result<Vec<VectorQuery>, Error> {
        let own = |(position, query)| {
            let own = self.own.query(query);
            own.map_err(|error| Error::InBatch { position, error: Box::new(error) })
        };
        queries.iter().enumerate().map(own).collect()
    }
}
