//! Vectors of one collection, in memory or on the disk: what most programs use.

mod blocking;
mod collections;
mod config;
mod hnsw;
mod load;
mod opened;
mod read_only;
mod scoped;
mod store;

use std::path::Path;

use async_trait::async_trait;
use vicino_core::{
    EntryKey, Explain, Filter, GraphReport, Maintenance, Object, Page, Scope, ScopeStats,
    StorageStats, VectorEntry, VectorQuery, VectorResult,
};

pub use self::blocking::BlockingVectorStorage;
pub use self::collections::CollectionInfo;
pub use self::config::{Durability, StoreConfig};
pub use self::hnsw::HnswVectorStorage;
pub(crate) use self::load::scope_of;
pub use self::read_only::StoreReader;
pub use self::scoped::{BlockingScopedVectorStorage, ScopedVectorStorage};
pub use self::store::{Store, StoreStats};
use crate::error::StoreError;

/// A place for vectors, for programs that do not want to know which: [`HnswVectorStorage`], or one
/// of their own.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, VectorEntry, VectorQuery, VectorStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let storage: Box<dyn VectorStorage> =
///     Box::new(HnswVectorStorage::new(2, HnswConfig::balanced()));
/// let keys = storage.insert(vec![VectorEntry::new("a", vec![1.0, 0.0])]).await?;
/// let found = storage.search(&VectorQuery::new(vec![1.0, 0.1], 3)).await?;
/// assert_eq!(found[0].key, keys[0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What core refuses comes as [`StoreError::Core`], what the disk fails with as the others. Nothing
/// of such a call has happened.
#[async_trait]
pub trait VectorStorage: Send + Sync {
    /// Adds entries and returns their keys in the same order. One without an id gets a UUID.
    async fn insert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError>;

    /// Adds entries, in the place of those that have the same keys.
    async fn upsert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError>;

    /// The nearest entries to a query.
    async fn search(&self, query: &VectorQuery) -> Result<Vec<VectorResult>, StoreError>;

    /// The same for several queries, in their order.
    async fn search_many(
        &self,
        queries: &[VectorQuery],
    ) -> Result<Vec<Vec<VectorResult>>, StoreError>;

    /// The nearest entries of one scope, whichever scopes the query names.
    async fn search_scoped(
        &self,
        query: &VectorQuery,
        scope: &Scope,
    ) -> Result<Vec<VectorResult>, StoreError>;

    /// The results of a query, and how they were found.
    async fn explain(
        &self,
        query: &VectorQuery,
    ) -> Result<(Vec<VectorResult>, Explain), StoreError>;

    /// The entry of a key, if there is one.
    async fn get(&self, key: &EntryKey) -> Result<Option<VectorEntry>, StoreError>;

    /// Puts other metadata in the place of an entry's.
    async fn update_metadata(&self, key: &EntryKey, metadata: Object) -> Result<(), StoreError>;

    /// Merges metadata into an entry's (RFC 7396).
    async fn patch_metadata(&self, key: &EntryKey, patch: Object) -> Result<(), StoreError>;

    /// Deletes entries; how many there were.
    async fn delete(&self, keys: &[EntryKey]) -> Result<usize, StoreError>;

    /// Deletes the entries of a scope that match; how many there were.
    async fn delete_where(&self, scope: &Scope, filter: &Filter) -> Result<usize, StoreError>;

    /// Deletes all of a scope; how many entries that were.
    async fn delete_scope(&self, scope: &Scope) -> Result<usize, StoreError>;

    /// The entries of a scope in the order of their ids: up to `limit` of those behind `after`.
    async fn list(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// How many entries of a scope match.
    async fn count(&self, scope: &Scope, filter: Option<&Filter>) -> Result<usize, StoreError>;

    /// The scopes that hold something.
    async fn scopes(&self) -> Result<Vec<Scope>, StoreError>;

    /// What there is in all scopes.
    async fn stats(&self) -> Result<StorageStats, StoreError>;

    /// What there is in one.
    async fn stats_for_scope(&self, scope: &Scope) -> Result<ScopeStats, StoreError>;

    /// Writes all of this moment to a file, which any machine opens, in the place of the one that
    /// may be there; others go on meanwhile.
    async fn export(&self, path: &Path) -> Result<(), StoreError>;

    /// Adds the entries of such a file, in the place of those that have the same keys; how many
    /// they are. Those before one that fails stay.
    async fn import(&self, path: &Path) -> Result<usize, StoreError>;

    /// Writes all that has changed into a checkpoint, so that the storage is open at once the next
    /// time; nothing where all is in memory only.
    async fn checkpoint(&self) -> Result<(), StoreError>;

    /// Checks the structure of a scope's graph, and every byte of the checkpoint that has it; an
    /// error of a checkpoint says that it is damaged, and the next use of the scope mends it.
    async fn check(&self, scope: &Scope) -> Result<GraphReport, StoreError>;

    /// Deletes what has expired and makes the places of deleted entries usable again, for about
    /// `budget` distances.
    async fn maintain(&self, budget: u64) -> Result<Maintenance, StoreError>;
}
