//! The calls of a storage for programs that wait.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tracing::trace_span;
use uuid::Uuid;
use vicino_core::{
    Collection, CollectionReader, EntryKey, Error, Explain, Filter, GraphReport, Maintenance,
    Object, Open, Page, Scope, ScopeStats, Searcher, Snapshot, StorageStats, VectorEntry,
    VectorQuery, VectorResult, Verify, Write, Written,
};

use super::BlockingScopedVectorStorage;
use super::store::same_vectors;
use crate::activity::{Metered, StorageReport};
use crate::error::{StoreError, is_damage};
use crate::files::{read_file, write_file};
use crate::hosted::Hosted;
use crate::inbox::{Done, Task};
use crate::isa::simd;
use crate::journal::Journal;

/// The calls of a [`HnswVectorStorage`](super::HnswVectorStorage) for programs that wait.
///
/// Any number of threads use it at once. Searches run on the threads that ask and wait for nobody;
/// what is written goes through one thread, and is durable and seen when a call returns.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, VectorEntry, VectorQuery};
///
/// let folder = tempfile::tempdir()?;
/// let storage = HnswVectorStorage::open_blocking(folder.path(), 2, HnswConfig::balanced())?;
/// let storage = storage.blocking();
/// storage.insert(vec![VectorEntry::new("a", vec![1.0, 0.0])])?;
/// assert_eq!(storage.search(&VectorQuery::new(vec![1.0, 0.1], 3))?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BlockingVectorStorage {
    /// Or why there is none.
    hosted: Result<Arc<Hosted>, StoreError>,
    journal: Journal,
}

/// Entries of a file that are added together.
const PAGE: usize = 1024;

thread_local! {
    /// What a search needs beside the index; as large as the largest graph that was searched.
    static SEARCHER: RefCell<Searcher> = RefCell::default();
}

/// What the calls do is told by [`VectorStorage`](super::VectorStorage).
#[expect(clippy::missing_errors_doc, reason = "those of the calls of VectorStorage")]
impl BlockingVectorStorage {
    pub(super) fn new(hosted: Result<Arc<Hosted>, StoreError>, journal: Journal) -> Self {
        Self { hosted, journal }
    }

    /// [`VectorStorage::insert`](super::VectorStorage::insert).
    pub fn insert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.write(Write::Insert(named(entries))).map(|written| written.keys)
    }

    /// [`VectorStorage::upsert`](super::VectorStorage::upsert).
    pub fn upsert(&self, entries: Vec<VectorEntry>) -> Result<Vec<EntryKey>, StoreError> {
        self.write(Write::Upsert(named(entries))).map(|written| written.keys)
    }

    /// [`VectorStorage::search`](super::VectorStorage::search).
    pub fn search(&self, query: &VectorQuery) -> Result<Vec<VectorResult>, StoreError> {
        self.search_with(query, CollectionReader::search)
    }

    /// [`VectorStorage::search_many`](super::VectorStorage::search_many).
    pub fn search_many(
        &self,
        queries: &[VectorQuery],
    ) -> Result<Vec<Vec<VectorResult>>, StoreError> {
        let scopes: BTreeSet<&Scope> = queries.iter().flat_map(|query| &query.scopes).collect();
        let _span =
            trace_span!(target: "vicino::search", "search_many", queries = queries.len()).entered();
        let threads = Metered(&self.hosted()?.activity().searches);
        self.ask(scopes, |reader| reader.search_many(queries, &threads))
    }

    /// [`VectorStorage::search_scoped`](super::VectorStorage::search_scoped).
    pub fn search_scoped(
        &self,
        query: &VectorQuery,
        scope: &Scope,
    ) -> Result<Vec<VectorResult>, StoreError> {
        self.search(&query.clone().with_scope(scope.clone()))
    }

    /// [`VectorStorage::explain`](super::VectorStorage::explain).
    pub fn explain(&self, query: &VectorQuery) -> Result<(Vec<VectorResult>, Explain), StoreError> {
        self.search_with(query, CollectionReader::explain)
    }

    /// [`VectorStorage::get`](super::VectorStorage::get).
    pub fn get(&self, key: &EntryKey) -> Result<Option<VectorEntry>, StoreError> {
        self.ask([key.scope()], |reader| reader.get(key))
    }

    /// [`VectorStorage::update_metadata`](super::VectorStorage::update_metadata).
    pub fn update_metadata(&self, key: &EntryKey, metadata: Object) -> Result<(), StoreError> {
        self.write(Write::UpdateMetadata(key.clone(), metadata)).map(|_| ())
    }

    /// [`VectorStorage::patch_metadata`](super::VectorStorage::patch_metadata).
    pub fn patch_metadata(&self, key: &EntryKey, patch: Object) -> Result<(), StoreError> {
        self.write(Write::PatchMetadata(key.clone(), patch)).map(|_| ())
    }

    /// [`VectorStorage::delete`](super::VectorStorage::delete).
    pub fn delete(&self, keys: &[EntryKey]) -> Result<usize, StoreError> {
        self.write(Write::Delete(keys.to_vec())).map(|written| written.count)
    }

    /// [`VectorStorage::delete_where`](super::VectorStorage::delete_where).
    pub fn delete_where(&self, scope: &Scope, filter: &Filter) -> Result<usize, StoreError> {
        self.write(Write::DeleteWhere(scope.clone(), filter.clone())).map(|written| written.count)
    }

    /// [`VectorStorage::delete_scope`](super::VectorStorage::delete_scope).
    pub fn delete_scope(&self, scope: &Scope) -> Result<usize, StoreError> {
        self.write(Write::DeleteScope(scope.clone())).map(|written| written.count)
    }

    /// [`VectorStorage::list`](super::VectorStorage::list).
    pub fn list(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.ask([scope], |reader| reader.list(scope, filter, after, limit))
    }

    /// [`VectorStorage::count`](super::VectorStorage::count).
    pub fn count(&self, scope: &Scope, filter: Option<&Filter>) -> Result<usize, StoreError> {
        self.ask([scope], |reader| reader.count(scope, filter))
    }

    /// [`VectorStorage::scopes`](super::VectorStorage::scopes).
    pub fn scopes(&self) -> Result<Vec<Scope>, StoreError> {
        Ok(self.reader()?.scopes())
    }

    /// [`VectorStorage::stats`](super::VectorStorage::stats).
    pub fn stats(&self) -> Result<StorageStats, StoreError> {
        Ok(self.reader()?.stats())
    }

    /// [`VectorStorage::stats_for_scope`](super::VectorStorage::stats_for_scope).
    pub fn stats_for_scope(&self, scope: &Scope) -> Result<ScopeStats, StoreError> {
        Ok(self.reader()?.stats_for_scope(scope))
    }

    /// [`HnswVectorStorage::report`](super::HnswVectorStorage::report).
    pub fn report(&self) -> Result<StorageReport, StoreError> {
        Ok(self.hosted()?.activity().report(self.journal.activity()))
    }

    /// [`VectorStorage::check`](super::VectorStorage::check).
    pub fn check(&self, scope: &Scope) -> Result<GraphReport, StoreError> {
        let task = Task::Check(Arc::clone(self.hosted()?), scope.clone());
        self.journal.run(task).map(Done::checked)
    }

    /// [`VectorStorage::maintain`](super::VectorStorage::maintain).
    pub fn maintain(&self, budget: u64) -> Result<Maintenance, StoreError> {
        self.journal.run(Task::Maintain(Arc::clone(self.hosted()?), budget)).map(Done::maintained)
    }

    /// [`VectorStorage::export`](super::VectorStorage::export).
    pub fn export(&self, path: &Path) -> Result<(), StoreError> {
        write_file(self.snapshot()?, path).map_err(StoreError::io(path))
    }

    /// [`VectorStorage::import`](super::VectorStorage::import).
    pub fn import(&self, path: &Path) -> Result<usize, StoreError> {
        let (bytes, own) = (read_file(path).map_err(StoreError::io(path))?, self.reader()?);
        let file = Collection::open(bytes, simd()?, &Open::default().with_verify(Verify::Full))?;
        same_vectors((own.dimensions(), own.config()), (file.dimensions(), file.config()))?;
        let mut imported = 0;
        for scope in file.scopes() {
            let mut after = None;
            loop {
                let page = file.list(&scope, None, after.as_deref(), PAGE)?;
                imported += self.upsert(page.entries)?.len();
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(imported)
    }

    /// A handle that names no other scope.
    pub fn scope(&self, scope: &Scope) -> Result<BlockingScopedVectorStorage, StoreError> {
        BlockingScopedVectorStorage::new(self.clone(), scope)
    }

    /// All of this moment, to be written to a file while everybody goes on.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let hosted = self.hosted()?;
        let take = || self.journal.run(Task::Snapshot(Arc::clone(hosted))).map(Done::snapshot);
        self.mended(take, || hosted.reader().known_scopes())
    }

    /// The length of its vectors, and how they are compared and found.
    pub fn reader(&self) -> Result<CollectionReader, StoreError> {
        Ok(self.hosted()?.reader())
    }

    pub(super) async fn write_async(&self, write: Write) -> Result<Written, StoreError> {
        let task = Task::Entries(Arc::clone(self.hosted()?), write);
        self.journal.run_async(task).await.map(Done::written)
    }

    pub(super) async fn check_async(&self, scope: &Scope) -> Result<GraphReport, StoreError> {
        let task = Task::Check(Arc::clone(self.hosted()?), scope.clone());
        self.journal.run_async(task).await.map(Done::checked)
    }

    pub(super) async fn maintain_async(&self, budget: u64) -> Result<Maintenance, StoreError> {
        let task = Task::Maintain(Arc::clone(self.hosted()?), budget);
        self.journal.run_async(task).await.map(Done::maintained)
    }

    /// Searches, and counts how long it takes.
    fn search_with<T>(
        &self,
        query: &VectorQuery,
        search: impl Fn(&CollectionReader, &VectorQuery, &mut Searcher) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let _span = trace_span!(
            target: "vicino::search", "search",
            k = query.k, scopes = ?query.scopes, filtered = query.filter.is_some()
        )
        .entered();
        let began = Instant::now();
        let found = self.ask(&query.scopes, |reader| {
            SEARCHER.with_borrow_mut(|searcher| search(reader, query, searcher))
        })?;
        self.hosted()?.activity().searches.record(began.elapsed());
        Ok(found)
    }

    /// Asks who reads. Where that fails since a checkpoint of one of these scopes is damaged, it
    /// asks again when they are made of the database.
    fn ask<'s, T>(
        &self,
        scopes: impl IntoIterator<Item = &'s Scope>,
        ask: impl Fn(&CollectionReader) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let hosted = self.hosted()?;
        let ask = || Ok(ask(&hosted.reader())?);
        self.mended(ask, || scopes.into_iter().cloned().collect())
    }

    /// Does something, and once more where a checkpoint of some scopes is damaged, when they are
    /// made of the database.
    fn mended<T>(
        &self,
        call: impl Fn() -> Result<T, StoreError>,
        scopes: impl FnOnce() -> Vec<Scope>,
    ) -> Result<T, StoreError> {
        match call() {
            Err(error) if is_damage(error.code()) => {
                self.journal.run(Task::Mend(Arc::clone(self.hosted()?), scopes()))?;
                call()
            }
            done => done,
        }
    }

    /// Is a scope to be read from a file before it can be searched?
    pub(super) fn is_closed(&self, scope: &Scope) -> bool {
        let hosted = self.hosted.as_ref().map(|hosted| hosted.reader());
        SEARCHER.with_borrow_mut(|searcher| {
            hosted.is_ok_and(|reader| reader.is_closed(scope, searcher))
        })
    }

    /// Writes all that has changed into a checkpoint; nothing where all is in memory only.
    ///
    /// [`VectorStorage::checkpoint`](super::VectorStorage::checkpoint).
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.journal.run(Task::Checkpoint).map(drop)
    }

    /// [`HnswVectorStorage::close`](super::HnswVectorStorage::close).
    pub fn close(&self) -> Result<(), StoreError> {
        self.journal.close()
    }

    pub(super) async fn checkpoint_async(&self) -> Result<(), StoreError> {
        self.journal.run_async(Task::Checkpoint).await.map(drop)
    }

    fn write(&self, write: Write) -> Result<Written, StoreError> {
        self.journal.run(Task::Entries(Arc::clone(self.hosted()?), write)).map(Done::written)
    }

    /// Lent: threads that search would wait for one another to count who has it.
    fn hosted(&self) -> Result<&Arc<Hosted>, StoreError> {
        let hosted = self.hosted.as_ref().map_err(Clone::clone)?;
        hosted.check()?;
        Ok(hosted)
    }
}

/// Gives entries without an id one that no other has, later ones behind earlier ones.
pub(super) fn named(mut entries: Vec<VectorEntry>) -> Vec<VectorEntry> {
    for entry in entries.iter_mut().filter(|entry| entry.id.is_empty()) {
        entry.id = Uuid::now_v7().to_string();
    }
    entries
}
