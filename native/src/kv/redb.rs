//! Values in a redb database, durable once a call has returned.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::{BackendStats, StorageBackend};
use crate::database::Database;
use crate::error::StoreError;
use crate::inbox::{Done, Task};
use crate::journal::{Journal, Place};
use crate::tables::Values;
use crate::threads::apart;

/// A backend in a file. Many writers at once share the commits that make what they write durable.
///
/// ```
/// use vicino::{RedbBackend, StorageBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let backend = RedbBackend::open(folder.path().join("values.redb")).await?;
/// backend.set("user:1", b"Alice".to_vec()).await?;
/// drop(backend);
///
/// let again = RedbBackend::open(folder.path().join("values.redb")).await?;
/// assert_eq!(again.get("user:1").await?.as_deref(), Some(&b"Alice"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RedbBackend(BlockingRedbBackend);

/// The calls of a [`RedbBackend`] for programs that wait.
///
/// ```
/// use vicino::RedbBackend;
///
/// let folder = tempfile::tempdir()?;
/// let backend = RedbBackend::open_blocking(folder.path().join("values.redb"))?;
/// backend.blocking().set("user:1", b"Alice".to_vec())?;
/// assert_eq!(backend.blocking().list_keys("user:")?, ["user:1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BlockingRedbBackend {
    database: Arc<Database>,
    journal: Journal,
}

/// Enough for a million small values to be found without the disk.
const CACHE_BYTES: usize = 64 << 20;

impl RedbBackend {
    /// Opens a file, which is made where it is not there, with a cache of 64 MB.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where it is open already, and what the database fails with.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_cache(path, CACHE_BYTES).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_cache_blocking(path, CACHE_BYTES)
    }

    /// Opens a file with a cache of so many bytes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_with_cache(path: impl AsRef<Path>, bytes: usize) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        apart(move || Self::open_with_cache_blocking(path, bytes)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with_cache_blocking(
        path: impl AsRef<Path>,
        bytes: usize,
    ) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(path.as_ref(), bytes)?);
        let journal = Journal::new(Some(Place::of(Arc::clone(&database))));
        Ok(Self::of(database, journal))
    }

    pub(crate) fn of(database: Arc<Database>, journal: Journal) -> Self {
        Self(BlockingRedbBackend { database, journal })
    }

    /// The same for programs that wait.
    #[must_use]
    pub fn blocking(&self) -> &BlockingRedbBackend {
        &self.0
    }

    async fn run(&self, task: Task) -> Result<usize, StoreError> {
        self.0.journal.run_async(task).await.map(count)
    }
}

fn count(done: Done) -> usize {
    match done {
        Done::Keys(count) => count,
        _ => 0,
    }
}

fn pairs(items: HashMap<String, Vec<u8>>) -> Task {
    let mut pairs: Vec<_> = items.into_iter().collect();
    // The tree is filled from one end to the other.
    pairs.sort_unstable();
    Task::Set(pairs)
}

/// What the calls do is told by [`StorageBackend`].
#[expect(clippy::missing_errors_doc, reason = "those of the calls of StorageBackend")]
impl BlockingRedbBackend {
    /// [`StorageBackend::get`].
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.read(|from| Values::of(from)?.get(key))
    }

    /// [`StorageBackend::set`].
    pub fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.run(Task::Set(vec![(key.to_owned(), value)])).map(|_| ())
    }

    /// [`StorageBackend::delete`].
    pub fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.run(Task::Delete(vec![key.to_owned()])).map(|count| count > 0)
    }

    /// [`StorageBackend::exists`].
    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.database.read(|from| Values::of(from)?.contains(key))
    }

    /// [`StorageBackend::list_keys`].
    pub fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.database.read(|from| Values::of(from)?.keys(prefix))
    }

    /// [`StorageBackend::get_batch`].
    pub fn get_batch(&self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, StoreError> {
        self.database.read(|from| {
            let values = Values::of(from)?;
            let mut found = HashMap::new();
            for key in keys {
                found.extend(values.get(key)?.map(|value| (key.clone(), value)));
            }
            Ok(found)
        })
    }

    /// [`StorageBackend::set_batch`].
    pub fn set_batch(&self, items: HashMap<String, Vec<u8>>) -> Result<(), StoreError> {
        self.run(pairs(items)).map(|_| ())
    }

    /// [`StorageBackend::delete_batch`].
    pub fn delete_batch(&self, keys: &[String]) -> Result<usize, StoreError> {
        self.run(Task::Delete(keys.to_vec()))
    }

    /// [`StorageBackend::clear`].
    pub fn clear(&self) -> Result<(), StoreError> {
        self.run(Task::Clear).map(|_| ())
    }

    /// [`StorageBackend::stats`].
    pub fn stats(&self) -> Result<BackendStats, StoreError> {
        self.database.read(|from| Values::of(from)?.stats())
    }

    fn run(&self, task: Task) -> Result<usize, StoreError> {
        self.journal.run(task).map(count)
    }
}

#[async_trait]
impl StorageBackend for RedbBackend {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.run(Task::Set(vec![(key.to_owned(), value)])).await.map(|_| ())
    }

    async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.run(Task::Delete(vec![key.to_owned()])).await.map(|count| count > 0)
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.0.exists(key)
    }

    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (backend, prefix) = (self.0.clone(), prefix.to_owned());
        apart(move || backend.list_keys(&prefix)).await
    }

    async fn get_batch(&self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, StoreError> {
        let (backend, keys) = (self.0.clone(), keys.to_vec());
        apart(move || backend.get_batch(&keys)).await
    }

    async fn set_batch(&self, items: HashMap<String, Vec<u8>>) -> Result<(), StoreError> {
        self.run(pairs(items)).await.map(|_| ())
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<usize, StoreError> {
        self.run(Task::Delete(keys.to_vec())).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.run(Task::Clear).await.map(|_| ())
    }

    async fn stats(&self) -> Result<BackendStats, StoreError> {
        let backend = self.0.clone();
        apart(move || backend.stats()).await
    }
}
