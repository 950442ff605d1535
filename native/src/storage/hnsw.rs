//! A storage for asynchronous programs.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use vicino_core::{
    EntryKey, Explain, Filter, GraphReport, HnswConfig, Maintenance, Object, Page, Scope,
    ScopeStats, StorageStats, Value, VectorEntry, VectorQuery, VectorResult, Write,
};

use super::blocking::named;
use super::load::empty;
use super::{BlockingVectorStorage, ScopedVectorStorage, Store, VectorStorage};
use crate::activity::StorageReport;
use crate::error::StoreError;
use crate::hosted::Hosted;
use crate::journal::Journal;
use crate::threads::{apart, offload};

/// Entries of one dimension and metric in any number of scopes, in memory or in a folder.
///
/// It is cheap to clone. Searches that are short run where they are called, others on rayon's
/// threads; writes of many callers are made together, and are durable and seen when a call returns.
///
/// ```
/// use vicino::{
///     HnswConfig, HnswVectorStorage, Scope, VectorEntry, VectorQuery, VectorStorage, field,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let storage = HnswVectorStorage::open(folder.path(), 2, HnswConfig::balanced()).await?;
/// let acme = Scope::Tenant("acme".to_owned());
/// let entry = VectorEntry::new("doc-1", vec![1.0, 0.0])
///     .with_scope(acme.clone())
///     .with_metadata([("type".to_owned(), "guide")]);
/// storage.insert(vec![entry]).await?;
///
/// let query = VectorQuery::new(vec![1.0, 0.1], 10).with_filter(field("type").eq("guide"));
/// assert!(storage.search(&query).await?.is_empty(), "nothing of another scope");
/// assert_eq!(storage.search_scoped(&query, &acme).await?[0].key.id(), "doc-1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HnswVectorStorage(BlockingVectorStorage);

impl HnswVectorStorage {
    /// One in memory, which is gone with the program. An invalid configuration comes back from
    /// the first call; [`try_new`](Self::try_new) returns it at once.
    #[must_use]
    pub fn new(dimensions: usize, config: HnswConfig) -> Self {
        let hosted = empty(dimensions, config).map(|it| Arc::new(Hosted::new("", 0, it)));
        let journal = Journal::new(None);
        if let Ok(hosted) = &hosted {
            journal.host(hosted);
        }
        Self(BlockingVectorStorage::new(hosted, journal))
    }

    /// One in memory, which is gone with the program.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::new`](vicino_core::Collection::new).
    pub fn try_new(dimensions: usize, config: HnswConfig) -> Result<Self, StoreError> {
        let storage = Self::new(dimensions, config);
        storage.0.reader()?;
        Ok(storage)
    }

    /// One in a folder of its own, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where it is open already, [`StoreError::Mismatch`] where it holds
    /// other vectors, and what the disk and the configuration fail with.
    pub async fn open(
        folder: impl AsRef<Path>,
        dimensions: usize,
        config: HnswConfig,
    ) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        apart(move || Self::open_blocking(folder, dimensions, config)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(
        folder: impl AsRef<Path>,
        dimensions: usize,
        config: HnswConfig,
    ) -> Result<Self, StoreError> {
        Store::open_blocking(folder)?.collection_blocking("default", dimensions, config)
    }

    pub(super) fn of(hosted: Arc<Hosted>, journal: Journal) -> Self {
        Self(BlockingVectorStorage::new(Ok(hosted), journal))
    }

    /// Makes what was asked for before and a checkpoint, and refuses writes that come after, as
    /// [`Store::close`] does: also those of other collections of the store.
    ///
    /// # Errors
    ///
    /// What the disk fails with. The storage has everything all the same, and is closed.
    pub async fn close(&self) -> Result<(), StoreError> {
        let storage = self.0.clone();
        apart(move || storage.close()).await
    }

    /// The calls for programs that wait.
    #[must_use]
    pub fn blocking(&self) -> &BlockingVectorStorage {
        &self.0
    }

    /// A handle that names no other scope.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`](vicino_core::Error::InvalidName), and an invalid configuration.
    pub fn scope(&self, scope: &Scope) -> Result<ScopedVectorStorage, StoreError> {
        ScopedVectorStorage::new(self.clone(), scope)
    }

    /// What it did since it was opened, and how long that took; [`stats`](VectorStorage::stats)
    /// tells what there is.
    ///
    /// # Errors
    ///
    /// An invalid configuration.
    #[doc(alias = "metrics")]
    pub fn report(&self) -> Result<StorageReport, StoreError> {
        self.0.report()
    }

    /// Puts other metadata in the place of an entry's.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::update_metadata`](vicino_core::Collection::update_metadata), and of
    /// the disk.
    pub async fn update_metadata<V: Into<Value>>(
        &self,
        key: &EntryKey,
        metadata: impl IntoIterator<Item = (String, V)>,
    ) -> Result<(), StoreError> {
        let metadata = metadata.into_iter().map(|(name, value)| (name, value.into())).collect();
        self.0.write_async(Write::UpdateMetadata(key.clone(), metadata)).await.map(|_| ())
    }

    /// Is a search too long for a thread that others wait for?
    fn is_long(&self, query: &VectorQuery) -> bool {
        let candidates = query.ef.unwrap_or(0).max(query.k.saturating_add(query.offset));
        if candidates > CANDIDATES {
            return true;
        }
        let reads_all = query.exact || query.filter.is_some() || query.mmr.is_some();
        let Ok(reader) = self.0.reader() else { return false };
        let mut entries =
            query.scopes.iter().map(|scope| reader.count(scope, None).unwrap_or_default());
        query.scopes.len() > SCOPES || reads_all && entries.any(|entries| entries > ENTRIES)
    }
}

/// What takes about a fifth of a millisecond and more: so many candidates of a walk, scopes one
/// after the other, and entries for who reads all that is known of them.
const CANDIDATES: usize = 512;
const SCOPES: usize = 4;
const ENTRIES: usize = 20_000;

#[async_trait]
impl VectorStorage for HnswVectorStorage {
    async fn insert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.0.write_async(Write::Insert(named(entries))).await.map(|written| written.keys)
    }

    async fn upsert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.0.write_async(Write::Upsert(named(entries))).await.map(|written| written.keys)
    }

    async fn search(&self, query: &VectorQuery) -> Result<Vec<VectorResult>, StoreError> {
        let closed = query.scopes.iter().any(|scope| self.0.is_closed(scope));
        if !closed && !self.is_long(query) {
            return self.0.search(query);
        }
        let (storage, query) = (self.0.clone(), query.clone());
        if closed {
            return apart(move || storage.search(&query)).await;
        }
        offload(move || storage.search(&query)).await
    }

    async fn search_many(
        &self,
        queries: &[VectorQuery],
    ) -> Result<Vec<Vec<VectorResult>>, StoreError> {
        let (storage, queries) = (self.0.clone(), queries.to_vec());
        offload(move || storage.search_many(&queries)).await
    }

    async fn search_scoped(
        &self,
        query: &VectorQuery,
        scope: &Scope,
    ) -> Result<Vec<VectorResult>, StoreError> {
        self.search(&query.clone().with_scope(scope.clone())).await
    }

    async fn explain(
        &self,
        query: &VectorQuery,
    ) -> Result<(Vec<VectorResult>, Explain), StoreError> {
        let (storage, query) = (self.0.clone(), query.clone());
        apart(move || storage.explain(&query)).await
    }

    async fn get(&self, key: &EntryKey) -> Result<Option<VectorEntry>, StoreError> {
        if !self.0.is_closed(key.scope()) {
            return self.0.get(key);
        }
        let (storage, key) = (self.0.clone(), key.clone());
        apart(move || storage.get(&key)).await
    }

    async fn update_metadata(&self, key: &EntryKey, metadata: Object) -> Result<(), StoreError> {
        self.0.write_async(Write::UpdateMetadata(key.clone(), metadata)).await.map(|_| ())
    }

    async fn patch_metadata(&self, key: &EntryKey, patch: Object) -> Result<(), StoreError> {
        self.0.write_async(Write::PatchMetadata(key.clone(), patch)).await.map(|_| ())
    }

    async fn delete(&self, keys: &[EntryKey]) -> Result<usize, StoreError> {
        self.0.write_async(Write::Delete(keys.to_vec())).await.map(|written| written.count)
    }

    async fn delete_where(&self, scope: &Scope, filter: &Filter) -> Result<usize, StoreError> {
        let write = Write::DeleteWhere(scope.clone(), filter.clone());
        self.0.write_async(write).await.map(|written| written.count)
    }

    async fn delete_scope(&self, scope: &Scope) -> Result<usize, StoreError> {
        self.0.write_async(Write::DeleteScope(scope.clone())).await.map(|written| written.count)
    }

    async fn list(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (storage, scope, filter) = (self.0.clone(), scope.clone(), filter.cloned());
        let after = after.map(str::to_owned);
        apart(move || storage.list(&scope, filter.as_ref(), after.as_deref(), limit)).await
    }

    async fn count(&self, scope: &Scope, filter: Option<&Filter>) -> Result<usize, StoreError> {
        let (storage, scope, filter) = (self.0.clone(), scope.clone(), filter.cloned());
        apart(move || storage.count(&scope, filter.as_ref())).await
    }

    async fn scopes(&self) -> Result<Vec<Scope>, StoreError> {
        self.0.scopes()
    }

    async fn stats(&self) -> Result<StorageStats, StoreError> {
        self.0.stats()
    }

    async fn stats_for_scope(&self, scope: &Scope) -> Result<ScopeStats, StoreError> {
        self.0.stats_for_scope(scope)
    }

    async fn export(&self, path: &Path) -> Result<(), StoreError> {
        let (storage, path) = (self.0.clone(), path.to_owned());
        apart(move || storage.export(&path)).await
    }

    async fn import(&self, path: &Path) -> Result<usize, StoreError> {
        let (storage, path) = (self.0.clone(), path.to_owned());
        apart(move || storage.import(&path)).await
    }

    async fn checkpoint(&self) -> Result<(), StoreError> {
        self.0.checkpoint_async().await
    }

    async fn check(&self, scope: &Scope) -> Result<GraphReport, StoreError> {
        self.0.check_async(scope).await
    }

    async fn maintain(&self, budget: u64) -> Result<Maintenance, StoreError> {
        self.0.maintain_async(budget).await
    }
}
