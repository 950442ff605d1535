//! The entries of one scope: their index, their records and what finds them by id or metadata.
//!
//! A search reads a `Catalog`, one version of the records with the commit number of the index that
//! belongs to it, and so sees a batch whole or not at all. It takes no lock; only what asks for
//! ids, metadata or times reads the `Lookup`, under one that it gives back before it walks. The
//! writer publishes a catalog while it holds that lock, so that the two always agree.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::closed::Closed;
use super::lookup::{INDEXED_MIN, Lookup};
use super::record::{BESIDE_MAX, Record, all};
use super::records::{Records, RecordsWriter};
use crate::config::HnswConfig;
use crate::error::Error;
use crate::graph::Executor;
use crate::index::{HnswIndex, HnswReader, Maintenance, Prepared};
use crate::memory::{Guard, Memory, Published, domain};
use crate::metadata::Object;
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
    /// Was it read since who wants memory looked last?
    used: AtomicBool,
}

/// The records of a scope after one batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// The index's commit number.
    pub(super) number: u64,
    pub(super) records: Records,
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
    pub(super) records: RecordsWriter,
    /// The one that was published last.
    pub(super) catalog: Catalog,
    /// The bytes that were last counted for it.
    pub(super) counted: usize,
    /// What it holds, of which no two states of the collection have the same.
    pub(super) stamp: u64,
    /// The file that has it as it is, if there is one.
    pub(super) home: Option<Arc<Closed>>,
}

/// A change of a partition.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// One after the other, as many as there are births, and their norms.
    pub(super) vectors: Vec<f32>,
    pub(super) norms: Vec<f64>,
    /// The metadata of entries that come.
    pub(super) births: Vec<Object>,
    pub(super) deaths: Vec<u32>,
    /// The records of entries that come, one after the other.
    pub(super) records: Vec<u8>,
    pub(super) updates: Vec<Update>,
}

/// Other metadata of an entry that stays, and its record.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) slot: u32,
    pub(super) metadata: Object,
    pub(super) record: Vec<u8>,
}

impl Batch {
    /// All records that are written.
    pub(super) fn all_records(&self) -> impl Iterator<Item = Record<'_>> + Clone {
        all(&self.records).chain(self.updates.iter().map(|update| Record::at(&update.record)))
    }
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

    fn lookup_mut(&self) -> RwLockWriteGuard<'_, Lookup> {
        self.lookup.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vector of a slot that the catalog shows, as it was given.
    pub(super) fn vector(&self, slot: u32, record: Record<'_>, guard: &Guard<'_>) -> Vec<f32> {
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
        self.mark();
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that somebody reads it.
    pub(super) fn mark(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Was it read since the last time?
    pub(super) fn take_mark(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
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
        let records = RecordsWriter::new(memory);
        Ok(Self::of(scope, index, records, catalog, Lookup::default()))
    }

    pub(super) fn of(
        scope: Scope,
        index: HnswIndex,
        records: RecordsWriter,
        catalog: Catalog,
        lookup: Lookup,
    ) -> Self {
        let partition = Partition {
            scope,
            index: index.reader(),
            catalog: Published::new(domain(), index.reading(), catalog.clone()),
            lookup: RwLock::new(lookup),
            queries: AtomicU64::new(0),
            used: AtomicBool::new(true),
        };
        let partition = Arc::new(partition);
        Self { partition, index, records, catalog, counted: 0, stamp: 0, home: None }
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.partition.scope
    }

    /// The time here: the latest that was heard of.
    pub(super) fn now(&self, now: i64) -> i64 {
        now.max(self.catalog.now)
    }

    /// The slot and the record of an id, expired or not.
    pub(super) fn find(&self, id: &str) -> Option<(u32, Record<'_>)> {
        self.catalog.find(&self.partition.lookup(), id)
    }

    /// The same of an entry that has not expired.
    pub(super) fn find_live(&self, id: &str, now: i64) -> Option<(u32, Record<'_>)> {
        self.find(id).filter(|(_, record)| !record.is_expired(now))
    }

    /// What a partition takes that holds nothing.
    pub(super) const FIXED_BYTES: usize =
        size_of::<Self>() + size_of::<Partition>() + size_of::<Catalog>() + 1024;

    /// The bytes of everything.
    pub(super) fn bytes(&self) -> usize {
        self.bytes_without_lookup() + self.partition.lookup().bytes()
    }

    fn bytes_without_lookup(&self) -> usize {
        Self::FIXED_BYTES + self.index.memory_bytes() + self.records.bytes()
    }

    /// The most that so many entries take beside their vectors, whose ids, metadata and texts have
    /// `bytes` each.
    pub(super) fn record_bytes_max(entries: usize, bytes: usize) -> usize {
        let records = RecordsWriter::bytes_of(entries, bytes.saturating_add(BESIDE_MAX));
        let all = entries.saturating_mul(bytes);
        let lookup = Self::lookup_bytes_max(entries, all, entries > INDEXED_MIN);
        records.saturating_add(lookup)
    }

    /// The most that what finds entries takes, whose records have so many bytes together: for each
    /// its place among the ids, the values of columns with their slots, and the times.
    fn lookup_bytes_max(entries: usize, bytes: usize, indexed: bool) -> usize {
        let columns = if indexed { 2 * bytes + 128 * entries } else { 0 };
        6 * entries + columns
    }

    /// The most bytes that everything takes after a batch.
    pub(super) fn bytes_with(&self, batch: &Batch) -> usize {
        let (len, births) = (self.catalog.len, batch.births.len());
        let lookup = self.partition.lookup();
        let indexed = lookup.is_indexed() || len + births > INDEXED_MIN;
        // It is made of all entries where it is not there, or not loaded.
        let is_there = lookup.is_loaded() && lookup.is_indexed() == indexed;
        let there = if is_there { lookup.bytes() } else { 0 };
        drop(lookup);
        let (before, bytes) = if is_there { (0, 0) } else { (len, self.records.bytes()) };
        let entries = before + births + batch.updates.len();
        let updated: usize = batch.updates.iter().map(|update| update.record.len()).sum();
        let bytes = bytes + batch.records.len() + updated;
        self.bytes_without_lookup()
            + there
            + self.index.growth_bytes(births, batch.deaths.len())
            + self.records.growth_bytes(batch.all_records())
            + Self::lookup_bytes_max(entries, bytes, indexed)
    }

    /// Are there places that can be made usable, or all of it given up?
    pub(super) fn has_waste(&self) -> bool {
        self.catalog.tombstones > 0 || self.catalog.len == 0 || self.needs_sweep()
    }

    /// Would [`sweep`](Self::sweep) do something?
    pub(super) fn needs_sweep(&self) -> bool {
        self.index.needs_maintenance()
    }

    /// Is there an entry that has expired?
    pub(super) fn has_expired(&self, now: i64) -> bool {
        self.catalog.next_expiry.is_some_and(|next| next <= self.now(now))
    }

    /// How many vectors a batch has linked.
    pub(super) fn links(&self, batch: &Batch) -> usize {
        self.index.links(batch.births.len(), batch.deaths.len())
    }

    /// Makes room for a batch.
    pub(super) fn prepare(&mut self, batch: &mut Batch) -> Result<Prepared, Error> {
        let lookup = self.partition.lookup();
        if !lookup.is_loaded() {
            // What takes long has others read on.
            lookup.read_columns(self.records.records());
            drop(lookup);
            self.partition.lookup_mut().load();
        }
        self.records.reserve(batch.all_records())?;
        self.index.prepare(std::mem::take(&mut batch.norms), &batch.deaths)
    }

    /// Makes a change that was prepared, and then lets it be seen.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        prepared: Prepared,
        now: i64,
        executor: &dyn Executor,
    ) {
        let Batch { vectors, births, deaths, updates, records: born_records, .. } = batch;
        let born = self.index.apply_prepared(vectors, deaths, prepared, executor);

        let mut lookup = self.partition.lookup_mut();
        let records = &mut self.records;
        for &slot in deaths {
            lookup.forget(slot, records.records());
            records.remove(slot);
        }
        for ((slot, metadata), record) in born.into_iter().zip(births).zip(all(born_records)) {
            records.put(slot, record);
            lookup.learn(slot, metadata, records.records());
        }
        for Update { slot, metadata, record } in updates {
            lookup.relearn(*slot, metadata, records.records());
            records.put(*slot, Record::at(record));
        }
        lookup.settle(records.records());
        let catalog = &mut self.catalog;
        catalog.len = catalog.len + births.len() - deaths.len();
        catalog.records = records.records().clone();
        catalog.record_bytes = records.bytes();
        catalog.number = self.index.numbers().number();
        catalog.tombstones = self.index.tombstones();
        catalog.next_expiry = lookup.next_expiry();
        catalog.now = catalog.now.max(now);
        // Before the lock is given back.
        self.publish();
        drop(lookup);
        if self.records.tidy() {
            self.catalog.records = self.records.records().clone();
            self.catalog.record_bytes = self.records.bytes();
            self.publish();
        }
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
    pub(super) fn find(&self, lookup: &Lookup, id: &str) -> Option<(u32, Record<'_>)> {
        let slot = lookup.slot(id, &self.records)?;
        Some((slot, self.records.get(slot)?))
    }
}
