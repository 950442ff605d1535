//! What a collection tells of itself: how much there is, and the memory that it takes.

use super::directory::Known;
use super::partition::PartitionWriter;
use super::reader::{CollectionReader, Sight};
use crate::memory::domain;
use crate::scope::Scope;

/// What is known of one scope.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 4, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![1.0; 4])], 1_000)?;
/// let stats = collection.stats_for_scope(&Scope::Global);
/// assert_eq!((stats.vector_count, stats.tombstones, stats.query_count), (1, 0, 0));
/// assert_eq!((stats.created_at, stats.last_write_at), (Some(1_000), Some(1_000)));
/// assert!(stats.memory_mb < 0.1);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScopeStats {
    /// The scope.
    pub scope: Scope,
    /// Entries that are there.
    pub vector_count: usize,
    /// Entries that were deleted, and whose place was not yet made usable again.
    pub tombstones: usize,
    /// The bytes that the scope takes.
    pub memory: MemoryStats,
    /// All of them in megabytes, of a million bytes.
    pub memory_mb: f64,
    /// Searches of the scope since it was opened.
    pub query_count: u64,
    /// The time of the first write.
    pub created_at: Option<i64>,
    /// The latest time that a write came with.
    pub last_write_at: Option<i64>,
}

/// What is known of a collection.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Simd};
///
/// let collection = Collection::new(HnswConfig::balanced(), 4, Simd::detect())?;
/// let stats = collection.stats();
/// assert_eq!((stats.scope_count, stats.vector_count, stats.dimensions), (0, 0, 4));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageStats {
    /// Scopes that hold entries.
    pub scope_count: usize,
    /// The values of a vector.
    pub dimensions: usize,
    /// The sum of those of all scopes.
    pub vector_count: usize,
    /// The sum of those of all scopes.
    pub tombstones: usize,
    /// The sums of those of all scopes.
    pub memory: MemoryStats,
    /// The sum of those of all scopes.
    pub query_count: u64,
}

/// Bytes, by what they are for.
///
/// ```
/// use vicino_core::MemoryStats;
///
/// assert_eq!(MemoryStats::default().total(), 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// Vectors as they are kept for exact distances.
    pub vectors: usize,
    /// Codes, links, and what is known of slots.
    pub graph: usize,
    /// Ids, metadata, texts and times.
    pub records: usize,
    /// What finds entries by id, metadata and time.
    pub lookup: usize,
    /// What scopes take before they hold anything.
    pub fixed: usize,
}

impl MemoryStats {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.vectors + self.graph + self.records + self.lookup + self.fixed
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes below 2^53")]
    fn megabytes(&self) -> f64 {
        self.total() as f64 / 1e6
    }

    fn add(&mut self, other: &Self) {
        self.vectors += other.vectors;
        self.graph += other.graph;
        self.records += other.records;
        self.lookup += other.lookup;
        self.fixed += other.fixed;
    }
}

impl ScopeStats {
    fn nothing(scope: Scope) -> Self {
        Self {
            scope,
            vector_count: 0,
            tombstones: 0,
            memory: MemoryStats::default(),
            memory_mb: 0.0,
            query_count: 0,
            created_at: None,
            last_write_at: None,
        }
    }
}

impl CollectionReader {
    /// What is known of a scope; zeros where it holds nothing. Of one that is closed that is no
    /// more than its entries, those included that have expired. O(1) where no entry has expired.
    #[must_use]
    pub fn stats_for_scope(&self, scope: &Scope) -> ScopeStats {
        let mut outer = domain().pin();
        let outer = outer.enter(self.reading());
        match self.directory(&outer).get(scope) {
            None => ScopeStats::nothing(scope.clone()),
            Some(known) => self.stats_of(known),
        }
    }

    fn stats_of(&self, known: &Known) -> ScopeStats {
        match known {
            Known::Open(partition) => Sight::of(partition, self.now, |at| at.stats()),
            Known::Closed(closed) => {
                let nothing = ScopeStats::nothing(closed.scope().clone());
                ScopeStats { vector_count: closed.entries, ..nothing }
            }
        }
    }

    /// What is known of the whole collection. O(scopes).
    #[must_use]
    pub fn stats(&self) -> StorageStats {
        let mut stats = StorageStats {
            scope_count: 0,
            dimensions: self.dimensions(),
            vector_count: 0,
            tombstones: 0,
            memory: MemoryStats::default(),
            query_count: 0,
        };
        self.for_each(&mut |known| {
            let scope = self.stats_of(known);
            stats.scope_count += usize::from(scope.vector_count > 0);
            stats.vector_count += scope.vector_count;
            stats.tombstones += scope.tombstones;
            stats.memory.add(&scope.memory);
            stats.query_count += scope.query_count;
        });
        stats
    }
}

impl Sight<'_> {
    pub(super) fn stats(&self) -> ScopeStats {
        let (partition, catalog) = (self.partition(), self.catalog);
        let (vectors, graph) = partition.index.memory_parts();
        let memory = MemoryStats {
            vectors,
            graph,
            records: catalog.record_bytes,
            lookup: self.lookup.bytes(),
            fixed: PartitionWriter::FIXED_BYTES,
        };
        ScopeStats {
            scope: partition.scope().clone(),
            vector_count: self.len(),
            tombstones: catalog.tombstones,
            memory,
            memory_mb: memory.megabytes(),
            query_count: partition.queries(),
            created_at: Some(catalog.created_at),
            last_write_at: Some(catalog.now),
        }
    }
}
