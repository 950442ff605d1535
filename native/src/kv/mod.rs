//! Values under keys: what a program keeps beside its vectors.

mod conformance;
mod memory;
mod redb;

use std::collections::HashMap;

use async_trait::async_trait;

pub use self::conformance::check_backend;
pub use self::memory::MemoryBackend;
pub use self::redb::{BlockingRedbBackend, RedbBackend};
use crate::error::StoreError;

/// A place for values under keys. [`check_backend`] tells whether one does what it should.
///
/// ```
/// use vicino::{MemoryBackend, StorageBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let backend: Box<dyn StorageBackend> = Box::new(MemoryBackend::new());
/// backend.set("user:1", b"Alice".to_vec()).await?;
/// assert_eq!(backend.get("user:1").await?.as_deref(), Some(&b"Alice"[..]));
/// assert_eq!(backend.list_keys("user:").await?, ["user:1"]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A call fails with what its place fails with. Nothing of it has then happened.
#[async_trait]
pub trait StorageBackend: Send + Sync {
    /// The value of a key, if it has one.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Gives a key a value, in the place of the one that it may have.
    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError>;

    /// Takes the value of a key away; had it one?
    async fn delete(&self, key: &str) -> Result<bool, StoreError>;

    /// Has a key a value?
    async fn exists(&self, key: &str) -> Result<bool, StoreError>;

    /// The keys that begin with a prefix and have a value, ascending byte for byte.
    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// The values of several keys, of those that have one.
    async fn get_batch(&self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, StoreError>;

    /// Gives several keys values, all or none.
    async fn set_batch(&self, items: HashMap<String, Vec<u8>>) -> Result<(), StoreError>;

    /// Takes the values of several keys away, all or none; how many there were.
    async fn delete_batch(&self, keys: &[String]) -> Result<usize, StoreError>;

    /// Takes all values away.
    async fn clear(&self) -> Result<(), StoreError>;

    /// What there is.
    async fn stats(&self) -> Result<BackendStats, StoreError>;
}

/// What a backend holds.
///
/// ```
/// use vicino::{MemoryBackend, StorageBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let backend = MemoryBackend::new();
/// backend.set("key", vec![0; 10]).await?;
/// let stats = backend.stats().await?;
/// assert_eq!((stats.keys, stats.bytes), (1, 13));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BackendStats {
    /// How many keys have a value.
    pub keys: u64,
    /// The bytes of keys and values.
    pub bytes: u64,
}
