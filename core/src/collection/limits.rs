//! Limits of memory and of scopes: what a write would take is known before it is made.

use std::collections::BTreeMap;

use super::Collection;
use super::partition::{Batch, PartitionWriter};
use crate::config::HnswConfig;
use crate::error::Error;
use crate::index::predict_bytes;
use crate::scope::Scope;

/// How much a scope may hold.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, ScopeLimits, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?
///     .with_scope_limits(ScopeLimits { vectors: Some(1), bytes: None });
/// collection.insert(vec![VectorEntry::new("a", vec![1.0])], 0)?;
/// let error = collection.insert(vec![VectorEntry::new("b", vec![1.0])], 0).unwrap_err();
/// assert_eq!(error.code(), "scope_limit");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeLimits {
    /// The most entries; none for any number.
    pub vectors: Option<usize>,
    /// The most bytes of memory, as [`MemoryStats`](super::MemoryStats) counts them; none for any
    /// number.
    pub bytes: Option<usize>,
}

/// What limits a collection.
#[derive(Debug, Default)]
pub(super) struct Limits {
    memory: Option<usize>,
    every_scope: ScopeLimits,
    /// In boxes, as all that trees have by scope: one kind of tree is compiled.
    scopes: BTreeMap<Scope, Box<ScopeLimits>>,
}

impl Limits {
    /// Is any number of entries and bytes allowed?
    fn are_none(&self) -> bool {
        let every = self.every_scope == ScopeLimits::default();
        every && self.memory.is_none() && self.scopes.is_empty()
    }
}

impl Collection {
    /// Sets the most bytes that the collection may take. A write that would take more is refused
    /// before it begins. Deleting is always possible.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.set_memory_limit(bytes);
        self
    }

    /// The same for one that is there already. Scopes that a file has as they are leave where there
    /// is no room for what comes.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.limits.memory = Some(bytes);
    }

    /// Sets how much each scope may hold that has no limits of its own.
    #[must_use]
    pub fn with_scope_limits(mut self, limits: ScopeLimits) -> Self {
        self.limits.every_scope = limits;
        self
    }

    /// Sets how much a scope may hold. One that holds more keeps it, and takes no more.
    pub fn set_scope_limits(&mut self, scope: Scope, limits: ScopeLimits) {
        self.limits.scopes.insert(scope, Box::new(limits));
    }

    /// About how many bytes `entries` entries in one scope take, whose ids, metadata and texts have
    /// `record_bytes` each: what a memory limit is held to, never less than what they will take.
    ///
    /// ```
    /// use vicino_core::{Collection, HnswConfig};
    ///
    /// let config = HnswConfig::balanced();
    /// let million = Collection::predict_memory(&config, 384, 1_000_000, 200);
    /// assert!((2.0e9..4.0e9).contains(&(million as f64)));
    /// ```
    #[must_use]
    pub fn predict_memory(
        config: &HnswConfig,
        dimensions: usize,
        entries: usize,
        record_bytes: usize,
    ) -> usize {
        let graph = entries > config.flat_max(dimensions);
        PartitionWriter::FIXED_BYTES
            + predict_bytes(config, dimensions, entries, graph)
            + PartitionWriter::record_bytes_max(entries, record_bytes)
    }

    /// Is there room for the changes of some partitions?
    pub(super) fn check_limits<'b>(
        &self,
        changes: impl Iterator<Item = (&'b PartitionWriter, &'b Batch)>,
    ) -> Result<(), Error> {
        if self.limits.are_none() {
            return Ok(());
        }
        let used = self.reader.changed_bytes();
        let (mut needed, mut more) = (used, false);
        for (partition, batch) in changes {
            let bytes = partition.bytes_with(batch);
            needed = needed - partition.counted + bytes.max(partition.counted);
            if batch.births.is_empty() && batch.updates.is_empty() {
                continue;
            }
            more = true;
            let scope = partition.scope();
            let limits = self.limits.scopes.get(scope);
            let limits = limits.map_or(&self.limits.every_scope, |limits| limits);
            let vectors = partition.catalog.len + batch.births.len() - batch.deaths.len();
            let held = [
                ("vectors", limits.vectors, vectors, partition.catalog.len),
                ("bytes", limits.bytes, bytes, partition.counted),
            ];
            for (what, max, needed, before) in held {
                if let Some(max) = max.filter(|&max| needed > max && needed > before) {
                    return Err(Error::ScopeLimit { scope: scope.clone(), what, max, needed });
                }
            }
        }
        let resting = self.reader.resting_bytes();
        if let Some(max) = self.limits.memory
            && needed + resting > max
        {
            // They are there for as long as there is room.
            self.reader.close_unused(needed + resting - max);
        }
        match self.limits.memory {
            Some(max) if more && needed > max && needed > used => {
                Err(Error::MemoryLimit { max, needed })
            }
            _ => Ok(()),
        }
    }
}
