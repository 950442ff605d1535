//! How a store is opened.

use std::time::Duration;

/// When what is written is on the disk.
///
/// ```
/// use vicino::Durability;
///
/// assert_eq!(Durability::default(), Durability::EveryCommit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Before the call returns that writes it. The default.
    #[default]
    EveryCommit,
    /// So long after at most. What was written since is gone when the process is killed or the
    /// power goes; what is there then is all that was written up to some moment.
    Every(Duration),
}

/// How a store is opened.
///
/// ```
/// use vicino::{Store, StoreConfig};
///
/// let folder = tempfile::tempdir()?;
/// let config = StoreConfig::default().with_memory_limit(256 << 20);
/// let store = Store::open_with_blocking(folder.path(), config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreConfig {
    /// What the database may keep of its pages in memory; no more than an eighth of a memory limit.
    /// Default: 64 MiB, where a million small values are found without the disk.
    pub cache_bytes: usize,
    /// The most bytes that all collections take together with the cache. Scopes that were not used
    /// for long leave memory then, and come back when they are used; what has changed is written
    /// into a checkpoint first. Default: none, and everything stays that was used.
    pub memory_limit: Option<usize>,
    /// When what is written is on the disk. Default: before a call returns.
    pub durability: Durability,
    /// Is there a checkpoint by itself where much has changed, and clearing up while nobody asks
    /// for anything? Default: yes.
    pub maintenance: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            memory_limit: None,
            durability: Durability::EveryCommit,
            maintenance: true,
        }
    }
}

impl StoreConfig {
    /// Sets what the database may keep of its pages in memory.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Sets the most bytes that all collections take together with the cache.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Sets when what is written is on the disk.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets whether the store looks after itself.
    #[must_use]
    pub fn with_maintenance(mut self, maintenance: bool) -> Self {
        self.maintenance = maintenance;
        self
    }

    pub(crate) fn cache(&self) -> usize {
        self.memory_limit.map_or(self.cache_bytes, |limit| self.cache_bytes.min(limit / 8))
    }

    /// What is left for collections, with some for what comes and goes: snapshots on their way,
    /// pages that are being merged, and what an allocator keeps.
    pub(crate) fn room(&self) -> Option<usize> {
        self.memory_limit.map(|limit| limit - limit / 8 - self.cache())
    }
}
