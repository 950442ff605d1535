//! The entries of one scope: their index, their records and what finds them by id or metadata.
//!
//! A search reads a `Catalog`, one version of the records with the commit number of the index that
//! belongs to it, and so sees a batch whole or not at all. It takes no lock; only what asks for
//! ids, metadata or times reads the `Lookup`, under one that it gives back before it walks. The
//! writer publishes a catalog while it holds that lock, so that the two always agree.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::lookup::{INDEXED_MIN, Lookup};
use super::radix::Radix;
use super::record::{Draft, Record};
use crate::config::HnswConfig;
use crate::error::Error;
use crate::graph::Executor;
use crate::index::{HnswIndex, HnswReader, Maintenance, Prepared};
use crate::memory::{Guard, Memory, Published, domain};
use crate::metadata::Object;
use crate::metric::DistanceMetric;
use crate::scope::Scope;
use crate::simd::Simd;

/// What searches of a scope read.
#[derive(Debug)]
pub(super) struct Partition {
    scope: Scope,
    pub(super) index: HnswReader,
    catalog: Published<Catalog>,
    lookup: RwLock<Lookup>,
    queries: AtomicU64,
}

/// The records of a scope after one batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// The index's commit number.
    pub(super) number: u64,
    pub(super) records: Radix<Record>,
    /// Entries, those included that have expired and were not purged.
    pub(super) len: usize,
    /// Up to here no entry expires.
    pub(super) next_expiry: Option<i64>,
    /// The latest time that a write came with.
    pub(super) now: i64,
    pub(super) created_at: i64,
    pub(super) record_bytes: usize,
    /// Slots of deleted entries that cannot be used yet.
    pub(super) tombstones: usize,
    /// What the scope was tuned for.
    pub(super) tuned: Vec<Tuned>,
}

/// The candidates that a recall takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tuned {
    pub(super) recall: f64,
    pub(super) k: usize,
    pub(super) ef: usize,
}

/// The one hand that writes a partition.
#[derive(Debug)]
pub(super) struct PartitionWriter {
    pub(super) partition: Arc<Partition>,
    pub(super) index: HnswIndex,
    /// The one that was published last.
    pub(super) catalog: Catalog,
    /// The bytes that were last counted for it.
    pub(super) counted: usize,
}

/// A change of a partition.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// One after the other, as many as there are births.
    pub(super) vectors: Vec<f32>,
    pub(super) births: Vec<(Draft, Object)>,
    pub(super) deaths: Vec<u32>,
    pub(super) updates: Vec<(u32, Record)>,
}

impl Partition {
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The records of this moment, for as long as the search goes on.
    pub(super) fn catalog<'g>(&'g self, guard: &'g Guard<'_>) -> &'g Catalog {
        self.catalog.read(guard)
    }

    /// What finds entries by id and metadata; the catalog that is read under this lock belongs
    /// to it.
    pub(super) fn lookup(&self) -> RwLockReadGuard<'_, Lookup> {
        self.lookup.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vector of a slot that the catalog shows, as it was given.
    pub(super) fn vector(&self, slot: u32, record: &Record, guard: &Guard<'_>) -> Vec<f32> {
        let mut vector = Vec::new();
        self.index.stored(slot, guard, &mut vector);
        if let Some(norm) = record.norm() {
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
            let given = |value: &mut f32| *value = (f64::from(*value) * norm) as f32;
            vector.iter_mut().for_each(given);
        }
        vector
    }

    pub(super) fn count_query(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }
}

impl PartitionWriter {
    pub(super) fn new(
        scope: Scope,
        config: &HnswConfig,
        dimensions: usize,
        simd: Simd,
        memory: Memory,
        now: i64,
    ) -> Result<Self, Error> {
        let index = HnswIndex::with_memory(config.clone(), dimensions, simd, memory)?;
        let catalog = Catalog { now, created_at: now, ..Catalog::default() };
        let partition = Partition {
            scope,
            index: index.reader(),
            catalog: Published::new(domain(), index.reading(), catalog.clone()),
            lookup: RwLock::default(),
            queries: AtomicU64::new(0),
        };
        Ok(Self { partition: Arc::new(partition), index, catalog, counted: 0 })
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.partition.scope
    }

    /// The time here: the latest that was heard of.
    pub(super) fn now(&self, now: i64) -> i64 {
        now.max(self.catalog.now)
    }

    /// The slot and the record of an id, expired or not.
    pub(super) fn find(&self, id: &str) -> Option<(u32, &Record)> {
        self.catalog.find(&self.partition.lookup(), id)
    }

    /// The same of an entry that has not expired.
    pub(super) fn find_live(&self, id: &str, now: i64) -> Option<(u32, &Record)> {
        self.find(id).filter(|(_, record)| !record.is_expired(now))
    }

    /// What a partition takes that holds nothing.
    pub(super) const FIXED_BYTES: usize =
        size_of::<Self>() + size_of::<Partition>() + size_of::<Catalog>() + 512;

    /// The bytes of everything.
    pub(super) fn bytes(&self) -> usize {
        let lookup = self.partition.lookup().bytes();
        Self::FIXED_BYTES + self.index.memory_bytes() + self.catalog.record_bytes + lookup
    }

    /// The most that entries take beside their vectors, whose ids, metadata and texts have so many
    /// bytes together.
    pub(super) fn record_bytes_max(entries: usize, bytes: usize, indexed: bool) -> usize {
        // Times, counts of owners, a place among all and one among the ids.
        let kept = bytes + 112 * entries;
        kept + if indexed { Self::column_bytes_max(entries, bytes) } else { 0 }
    }

    /// The most that columns take: each value with its slot, and the times.
    fn column_bytes_max(entries: usize, bytes: usize) -> usize {
        2 * bytes + 128 * entries
    }

    /// The most bytes that everything takes after a batch.
    pub(super) fn bytes_with(&self, batch: &Batch) -> usize {
        let records = batch.births.iter().map(|(draft, _)| draft.len());
        let records = records.chain(batch.updates.iter().map(|(_, record)| record.bytes()));
        let entries = batch.births.len() + batch.updates.len();
        let (len, births) = (self.catalog.len, batch.births.len());
        let is_indexed = len + births > INDEXED_MIN;
        let columns = match is_indexed && !self.partition.lookup().is_indexed() {
            true => Self::column_bytes_max(len, self.catalog.record_bytes),
            false => 0,
        };
        let growth = self.index.growth_bytes(births, batch.deaths.len());
        self.bytes() + growth + columns + Self::record_bytes_max(entries, records.sum(), is_indexed)
    }

    /// Has [`maintain`](super::Collection::maintain) something to do here?
    pub(super) fn is_due(&self, now: i64) -> bool {
        let now = self.now(now);
        let expired = self.catalog.next_expiry.is_some_and(|next| next <= now);
        expired || self.catalog.tombstones > 0 || self.catalog.len == 0
    }

    /// Checks a batch and makes room for it.
    pub(super) fn prepare(&mut self, batch: &Batch) -> Result<Prepared, Error> {
        self.index.prepare(&batch.vectors, &batch.deaths)
    }

    /// Makes a change that was prepared, and then lets it be seen.
    pub(super) fn commit(
        &mut self,
        batch: Batch,
        prepared: Prepared,
        now: i64,
        executor: &dyn Executor,
    ) {
        let Batch { vectors, births, deaths, updates } = batch;
        // The index keeps vectors of length one under the cosine, and others as they are.
        let scaled = self.index.config().distance_metric == DistanceMetric::Cosine;
        let norms = prepared.norms.clone();
        let born = self.index.apply_prepared(&vectors, &deaths, prepared, executor);

        let mut lookup = self.partition.lookup.write().unwrap_or_else(PoisonError::into_inner);
        let catalog = &mut self.catalog;
        for slot in deaths {
            let record = catalog.take(slot);
            lookup.forget(slot, &record);
        }
        for ((slot, norm), (draft, metadata)) in born.into_iter().zip(norms).zip(births) {
            let record = draft.finish(scaled.then_some(norm));
            lookup.learn(slot, &record, &metadata);
            catalog.put(slot, record);
        }
        for (slot, record) in updates {
            let old = catalog.take(slot);
            lookup.relearn(slot, &old, &record);
            catalog.put(slot, record);
        }
        lookup.settle();
        catalog.number = self.index.numbers().number();
        catalog.tombstones = self.index.tombstones();
        catalog.next_expiry = lookup.next_expiry();
        catalog.now = catalog.now.max(now);
        // Before the lock is given back.
        self.publish();
    }

    /// Clears up behind deletes.
    pub(super) fn sweep(&mut self, budget: u64, executor: &dyn Executor) -> Maintenance {
        let swept = self.index.maintain(budget, executor);
        if self.catalog.tombstones != self.index.tombstones() {
            self.catalog.tombstones = self.index.tombstones();
            self.publish();
        }
        swept
    }

    /// Lets the catalog be seen.
    pub(super) fn publish(&self) {
        self.partition.catalog.update(self.catalog.clone());
    }
}

impl Catalog {
    /// The slot and the record of an id, expired or not, by the lookup that belongs to it.
    pub(super) fn find(&self, lookup: &Lookup, id: &str) -> Option<(u32, &Record)> {
        let slot = lookup.slot(id)?;
        Some((slot, self.records.get(slot).expect("an id leads to a record")))
    }

    fn take(&mut self, slot: u32) -> Record {
        let record = self.records.set(slot, None).expect("a live slot has a record");
        self.record_bytes -= record.bytes();
        self.len -= 1;
        record
    }

    fn put(&mut self, slot: u32, record: Record) {
        self.record_bytes += record.bytes();
        self.len += 1;
        let before = self.records.set(slot, Some(record));
        debug_assert!(before.is_none(), "a slot that is born has no record");
    }
}
