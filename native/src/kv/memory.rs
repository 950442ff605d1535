//! Values in memory, which are gone with the program.

use std::collections::HashMap;

use async_trait::async_trait;
use dashmap::DashMap;

use super::{BackendStats, StorageBackend};
use crate::error::StoreError;

/// A backend in memory, which any number of threads use at once. Who reads while a batch is made
/// may find a part of it.
///
/// ```
/// use vicino::{MemoryBackend, StorageBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), vicino::StoreError> {
/// let backend = MemoryBackend::new();
/// backend.set("key", vec![1]).await?;
/// assert!(backend.delete("key").await?);
/// assert!(!backend.exists("key").await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryBackend(DashMap<String, Vec<u8>>);

impl MemoryBackend {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl StorageBackend for MemoryBackend {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).map(|value| value.clone()))
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.0.insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.0.remove(key).is_some())
    }

    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.0.contains_key(key))
    }

    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let begins = self.0.iter().filter(|pair| pair.key().starts_with(prefix));
        let mut keys: Vec<String> = begins.map(|pair| pair.key().clone()).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    async fn get_batch(&self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, StoreError> {
        let pairs = keys.iter().filter_map(|key| Some((key.clone(), self.0.get(key)?.clone())));
        Ok(pairs.collect())
    }

    async fn set_batch(&self, items: HashMap<String, Vec<u8>>) -> Result<(), StoreError> {
        items.into_iter().for_each(|(key, value)| drop(self.0.insert(key, value)));
        Ok(())
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<usize, StoreError> {
        Ok(keys.iter().filter(|key| self.0.remove(*key).is_some()).count())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.0.clear();
        Ok(())
    }

    async fn stats(&self) -> Result<BackendStats, StoreError> {
        let sizes = self.0.iter().map(|pair| pair.key().len() + pair.value().len());
        let (keys, bytes) = sizes.fold((0, 0), |(keys, all), bytes| (keys + 1, all + bytes as u64));
        Ok(BackendStats { keys, bytes })
    }
}
