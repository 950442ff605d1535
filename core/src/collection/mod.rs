//! Entries under keys of scope and id: everything around the graph that makes it a vector store.
//!
//! A scope has a partition of its own, with an index of its own, so that no other scope is seen
//! by its searches, counts in them or slows them. `Collection` writes, and there is one;
//! `CollectionReader` reads, and there may be any number, on any thread, while it writes.
//!
//! `batch` turns writes into changes that cannot fail, `partition` makes them and lets them be
//! seen at once, `search` answers. Time is an argument, in milliseconds, and never goes back in a
//! scope.

mod apart;
mod batch;
mod change;
mod check;
mod closed;
mod directory;
mod limits;
mod lookup;
mod maintain;
mod mmr;
mod order;
mod partition;
mod radix;
mod reader;
mod recall;
mod record;
mod records;
mod saved;
mod scoped;
mod search;
mod snapshot;
mod stats;
mod watch;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::config::HnswConfig;
use crate::error::Error;
use crate::graph::{Executor, Searcher, Serial};
use crate::index::HnswIndex;
use crate::memory::Memory;
use crate::scope::Scope;
use crate::simd::Simd;
pub use apart::ScopeCommit;
pub use batch::{Change, PreparedBatch, WriteBatch};
pub use closed::Stamps;
pub use limits::ScopeLimits;
use partition::PartitionWriter;
pub use reader::{CollectionReader, Page};
pub use recall::RecallProbe;
pub use scoped::{IdOrKey, ScopeReader, ScopeWriter};
pub use snapshot::Snapshot;
pub use stats::{MemoryStats, ScopeStats, StorageStats};
pub use watch::Watcher;
pub use writes::{Write, Written};

/// Entries of one dimension and metric, in any number of scopes.
///
/// This is the one hand that writes; it reads like a [`CollectionReader`], of which
/// [`reader`](Self::reader) gives any number.
///
/// ```
/// use vicino_core::{
///     Collection, HnswConfig, Scope, Searcher, Simd, VectorEntry, VectorQuery, field,
/// };
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 2, Simd::detect())?;
/// let acme = Scope::Tenant("acme".to_owned());
/// collection.insert(
///     vec![
///         VectorEntry::new("a", vec![1.0, 0.0]).with_metadata([("type".to_owned(), "guide")]),
///         VectorEntry::new("a", vec![1.0, 0.1]).with_scope(acme.clone()),
///         VectorEntry::new("b", vec![0.0, 1.0]).with_scope(acme.clone()),
///     ],
///     0,
/// )?;
///
/// let mut searcher = Searcher::default();
/// let query = VectorQuery::new(vec![1.0, 0.0], 10).with_scope(acme);
/// let ids: Vec<_> = collection.search(&query, &mut searcher)?;
/// assert_eq!([ids[0].key.id(), ids[1].key.id()], ["a", "b"], "nothing of the global scope");
///
/// let guides = VectorQuery::new(vec![0.0, 1.0], 10).with_filter(field("type").eq("guide"));
/// assert_eq!(collection.search(&guides, &mut searcher)?.len(), 1);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Collection {
    reader: CollectionReader,
    simd: Simd,
    memory: Memory,
    executor: Threads,
    /// Those that have changed since a file had them. In boxes, since a tree moves what it holds
    /// and leaves room for more.
    partitions: BTreeMap<Scope, Box<PartitionWriter>>,
    /// The scopes whose changes are made apart.
    away: BTreeSet<Scope>,
    /// Another with each change of a partition.
    stamp: u64,
    limits: limits::Limits,
    /// The scope that was swept last.
    swept: Option<Scope>,
}

impl Collection {
    /// An empty collection for vectors of `dimensions` values.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] and [`Error::ConflictingConfig`] for settings out of their
    /// limits, the first also for `dimensions`.
    pub fn new(config: HnswConfig, dimensions: usize, simd: Simd) -> Result<Self, Error> {
        // What an index refuses, a collection of them refuses at once.
        HnswIndex::new(config.clone(), dimensions, simd)?;
        Ok(Self {
            reader: CollectionReader::new(config, dimensions, simd),
            simd,
            memory: Memory::default(),
            executor: Threads(Arc::new(Serial)),
            partitions: BTreeMap::new(),
            away: BTreeSet::new(),
            stamp: 0,
            limits: limits::Limits::default(),
            swept: None,
        })
    }

    /// Sets who builds graphs. The default builds them on the thread that writes.
    #[must_use]
    pub fn with_executor(mut self, executor: impl Executor + Send + 'static) -> Self {
        self.executor = Threads(Arc::new(executor));
        self
    }

    /// Sets how large chunks of memory are made, for scopes that are yet to come.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// A hand that reads, for another thread.
    #[must_use]
    pub fn reader(&self) -> CollectionReader {
        self.reader.clone()
    }

    /// A handle that names no other scope.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`].
    pub fn scope(&mut self, scope: &Scope) -> Result<ScopeWriter<'_>, Error> {
        ScopeWriter::new(self, scope)
    }

    /// Measures how many candidates searches of a scope need for a recall with `k` results, and
    /// remembers it for queries that aim at it; none where 65,536 are not enough. It costs some
    /// 200 exact scans; measure again when the scope has changed much.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRecall`], and those of [`get`](CollectionReader::get).
    pub fn tune(&mut self, scope: &Scope, recall: f64, k: usize) -> Result<Option<usize>, Error> {
        if !(recall > 0.0 && recall <= 1.0) {
            return Err(Error::InvalidRecall { found: recall });
        }
        self.own(scope)?;
        let Some(partition) = self.partitions.get_mut(scope) else { return Ok(Some(k)) };
        let ef = partition.index.ef_for(recall, k, &mut Searcher::default())?;
        if let Some(ef) = ef {
            let tuned = &mut partition.catalog.tuned;
            tuned.retain(|known| known.recall != recall || known.k != k);
            tuned.push(partition::Tuned { recall, k, ef });
            partition.publish();
            self.stamp += 1;
            (partition.stamp, partition.home) = (self.stamp, None);
        }
        Ok(ef)
    }
}

/// Who builds graphs.
#[derive(Clone)]
struct Threads(Arc<dyn Executor + Send>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

impl Deref for Collection {
    type Target = CollectionReader;

    fn deref(&self) -> &CollectionReader {
        &self.reader
    }
}
