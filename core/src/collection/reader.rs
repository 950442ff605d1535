//! The hand that reads a collection, of which there is any number.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};

use super::closed::Shelf;
use super::directory::{Directory, Known, in_order};
use super::lookup::{Lookup, Wanted};
use super::partition::{Catalog, Partition, PartitionWriter};
use super::record::Record;
use super::scoped::ScopeReader;
use crate::config::HnswConfig;
use crate::entry::{EntryKey, VectorEntry};
use crate::error::Error;
use crate::filter::Filter;
use crate::graph::{Executor, Searcher, map};
use crate::memory::{Guard, Published, Reading, SlotSet, domain};
use crate::query::{VectorQuery, VectorResult};
use crate::scope::Scope;
use crate::simd::Simd;
use crate::snapshot::{Open, Part, Place};

/// A hand that reads a collection, on any thread, while another writes it. It is cheap to clone.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Searcher, Simd, VectorEntry, VectorQuery};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let reader = collection.reader();
/// let counting = std::thread::spawn(move || reader.count(&"global".parse()?, None));
/// collection.insert(vec![VectorEntry::new("a", vec![1.0]), VectorEntry::new("b", vec![2.0])], 0)?;
/// let seen = counting.join().unwrap()?;
/// assert!(seen == 0 || seen == 2, "a batch is seen whole or not at all");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CollectionReader {
    pub(super) shared: Arc<Shared>,
    /// The time that it reads at, where the last write to a scope was not later.
    pub(super) now: i64,
}

/// What the writer and all readers share.
#[derive(Debug)]
pub(super) struct Shared {
    config: HnswConfig,
    dimensions: usize,
    simd: Simd,
    reading: Reading,
    directory: Published<Directory>,
    /// Held by who publishes a directory.
    pub(super) shelf: Mutex<Shelf>,
    /// The bytes of partitions in the hand that writes.
    own: AtomicUsize,
}

/// Entries of a scope in the order of their ids, see [`CollectionReader::list`].
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Scope, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("b", vec![1.0]), VectorEntry::new("a", vec![2.0])], 0)?;
/// let page = collection.list(&Scope::Global, None, None, 1)?;
/// assert_eq!((&*page.entries[0].id, page.next.as_deref()), ("a", Some("a")));
/// let page = collection.list(&Scope::Global, None, page.next.as_deref(), 1)?;
/// assert_eq!((&*page.entries[0].id, page.next), ("b", None));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The entries.
    pub entries: Vec<VectorEntry>,
    /// Where the next page begins; none where this was the last.
    pub next: Option<String>,
}

/// A scope at one moment, under the lock of its lookup.
pub(super) struct Sight<'a> {
    partition: &'a Partition,
    pub(super) lookup: RwLockReadGuard<'a, Lookup>,
    pub(super) catalog: &'a Catalog,
    guard: &'a Guard<'a>,
    pub(super) now: i64,
}

impl CollectionReader {
    pub(super) fn new(config: HnswConfig, dimensions: usize, simd: Simd) -> Self {
        let reading = domain().index();
        let directory = Published::new(domain(), reading, Directory::default());
        let (shelf, own) = (Mutex::default(), AtomicUsize::new(0));
        let shared = Shared { config, dimensions, simd, reading, directory, shelf, own };
        Self { shared: Arc::new(shared), now: i64::MIN }
    }

    /// A hand that reads at a time, in milliseconds since 1970: what has expired by then is not
    /// there. One that was told none reads each scope at the time of its last write, which no
    /// hand goes back behind.
    #[must_use]
    pub fn at(&self, now: i64) -> Self {
        Self { now, ..self.clone() }
    }

    /// The results of several queries, each as [`search`](Self::search) gives them, found by as
    /// many threads as the executor has.
    ///
    /// # Errors
    ///
    /// [`Error::InBatch`] with the position of the first query that has none.
    pub fn search_many(
        &self,
        queries: &[VectorQuery],
        executor: &dyn Executor,
    ) -> Result<Vec<Vec<VectorResult>>, Error> {
        let searchers: Mutex<Vec<Searcher>> = Mutex::default();
        let lock = || searchers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = map(executor, queries.len(), |i| {
            let kept = lock().pop();
            let mut searcher = kept.unwrap_or_default();
            let results = self.search(&queries[i], &mut searcher);
            lock().push(searcher);
            results.map_err(|error| error.at(i))
        });
        found.into_iter().collect()
    }

    /// The entry of a key, with its vector as it was given but for rounding; none where there is
    /// none, or it has expired. O(log n).
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where it comes from a damaged snapshot, [`Error::Unreadable`] where its
    /// scope is to be opened and its file cannot be read.
    pub fn get(&self, key: &EntryKey) -> Result<Option<VectorEntry>, Error> {
        let found = self.read(key.scope(), |at| {
            let (slot, record) = at.find_live(key.id())?;
            Some(at.entry(slot, record))
        })?;
        found.flatten().transpose()
    }

    /// The entries of several keys, in their order.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many(&self, keys: &[EntryKey]) -> Result<Vec<Option<VectorEntry>>, Error> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Is there an entry with this key?
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn contains(&self, key: &EntryKey) -> Result<bool, Error> {
        let found = self.read(key.scope(), |at| at.find_live(key.id()).is_some())?;
        Ok(found.unwrap_or(false))
    }

    /// How many entries of a scope match. O(1) without a filter where none has expired.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`], and [`Error::Corrupt`] as [`get`](Self::get).
    pub fn count(&self, scope: &Scope, filter: Option<&Filter>) -> Result<usize, Error> {
        filter.map_or(Ok(()), Filter::validate)?;
        let count = self.read(scope, |at| match filter {
            None => at.len(),
            Some(_) => at.select(filter).len(),
        })?;
        Ok(count.unwrap_or(0))
    }

    /// The entries of a scope in the order of their ids, byte for byte: up to `limit` of those
    /// behind `after`. Each page sees the scope as it is then; an entry that is there all the time
    /// is on exactly one page.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFilter`], and [`Error::Corrupt`] as [`get`](Self::get).
    pub fn list(
        &self,
        scope: &Scope,
        filter: Option<&Filter>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        filter.map_or(Ok(()), Filter::validate)?;
        let page = self.read(scope, |at| {
            let wanted = Wanted { filter, now: Some(at.now), ..Wanted::default() };
            let records = &at.catalog.records;
            let (mut entries, mut last) = (Vec::<VectorEntry>::new(), after);
            for slot in at.lookup.after(after, records) {
                let record = records.get(slot).filter(|record| wanted.matches(*record));
                let Some(record) = record else { continue };
                if entries.len() == limit {
                    return Ok(Page { entries, next: last.map(str::to_owned) });
                }
                entries.push(at.entry(slot, record)?);
                last = Some(record.id());
            }
            Ok(Page { entries, next: None })
        })?;
        page.unwrap_or(Ok(Page { entries: Vec::new(), next: None }))
    }

    /// The scopes that hold entries, in their order; those that are closed may hold nothing that
    /// has not expired.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        let mut held = Vec::new();
        self.for_each(&mut |known| {
            let len = match known {
                Known::Open(partition) => Sight::of(partition, self.now, |at| at.len()),
                Known::Closed(closed) => closed.entries,
            };
            held.extend((len > 0).then(|| known.scope().clone()));
        });
        in_order(held)
    }

    /// The scopes that are known, also those that hold nothing any more, in no order that means
    /// anything.
    #[must_use]
    pub fn known_scopes(&self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        self.for_each(&mut |known| scopes.push(known.scope().clone()));
        scopes
    }

    /// A handle that names no other scope.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`].
    pub fn scope(&self, scope: &Scope) -> Result<ScopeReader, Error> {
        ScopeReader::new(self.clone(), scope)
    }

    /// The configuration that the collection was made with.
    #[must_use]
    pub fn config(&self) -> &HnswConfig {
        &self.shared.config
    }

    /// The number of values of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.shared.dimensions
    }

    /// The bytes of the scopes that have changed since a file had them, which are all where there
    /// is no file.
    #[must_use]
    pub fn changed_bytes(&self) -> usize {
        self.shared.own.load(Ordering::Relaxed)
    }

    pub(super) fn gain(&self, bytes: usize) {
        self.shared.own.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn lose(&self, bytes: usize) {
        self.shared.own.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn reading(&self) -> Reading {
        self.shared.reading
    }

    /// The time that it reads a scope at, and a query that names one.
    pub(super) fn now(&self, catalog: &Catalog, query: &VectorQuery) -> i64 {
        catalog.now.max(self.now).max(query.now.unwrap_or(i64::MIN))
    }

    /// The partitions of this moment, for as long as the search goes on.
    pub(super) fn directory<'g>(&'g self, guard: &'g Guard<'_>) -> &'g Directory {
        self.shared.directory.read(guard)
    }

    /// Has searches read the directory of the shelf. The old one is freed by a later call.
    pub(super) fn publish(&self, shelf: &Shelf) {
        self.shared.directory.update(shelf.directory.clone());
    }

    /// Waits for all who read an older directory, and frees what only that has.
    pub(super) fn wait(&self) {
        domain().wait_for_readers(self.reading());
        self.shared.directory.tidy();
    }

    /// Looks at a scope, if there is one, which is opened if it is closed.
    pub(super) fn read<T>(
        &self,
        scope: &Scope,
        look: impl Fn(&Sight<'_>) -> T,
    ) -> Result<Option<T>, Error> {
        let mut seen = None;
        self.visit(scope, &mut |at| seen = Some(look(at)))?;
        Ok(seen)
    }

    /// The same for who takes along what was seen.
    fn visit(&self, scope: &Scope, look: &mut dyn FnMut(&Sight<'_>)) -> Result<(), Error> {
        let mut outer = domain().pin();
        loop {
            let outer = outer.enter(self.reading());
            let closed = match self.directory(&outer).get(scope) {
                None => return Ok(()),
                Some(Known::Open(partition)) => {
                    partition.mark();
                    Sight::of(partition, self.now, look);
                    return Ok(());
                }
                Some(Known::Closed(closed)) => Arc::clone(closed),
            };
            drop(outer);
            self.open(&closed)?;
        }
    }

    /// Looks at each scope, in no order that means anything.
    pub(super) fn for_each(&self, look: &mut dyn FnMut(&Known)) {
        let mut outer = domain().pin();
        let outer = outer.enter(self.reading());
        self.directory(&outer).iter().for_each(look);
    }

    /// The partition of a part of a snapshot.
    pub(super) fn partition(
        &self,
        place: &Place,
        part: Part,
        open: &Open,
    ) -> Result<PartitionWriter, Error> {
        let Shared { config, dimensions, simd, .. } = &*self.shared;
        PartitionWriter::open(place, config, *dimensions, *simd, open, part)
    }
}

impl<'a> Sight<'a> {
    pub(super) fn of<T>(partition: &Partition, now: i64, look: impl FnOnce(&Sight<'_>) -> T) -> T {
        let mut pin = domain().pin();
        let guard = pin.enter(partition.index.reading());
        let lookup = partition.lookup();
        let catalog = partition.catalog(&guard);
        let now = now.max(catalog.now);
        look(&Sight { partition, lookup, catalog, guard: &guard, now })
    }

    pub(super) fn partition(&self) -> &'a Partition {
        self.partition
    }

    /// How many entries have not expired.
    pub(super) fn len(&self) -> usize {
        match self.catalog.next_expiry {
            Some(next) if next <= self.now => self.select(None).len(),
            _ => self.catalog.len,
        }
    }

    /// The slot and the record of an id, expired or not.
    pub(super) fn find(&self, id: &str) -> Option<(u32, Record<'a>)> {
        self.catalog.find(&self.lookup, id)
    }

    fn find_live(&self, id: &str) -> Option<(u32, Record<'a>)> {
        self.find(id).filter(|(_, record)| !record.is_expired(self.now))
    }

    /// The slots that match and have not expired.
    pub(super) fn select(&self, filter: Option<&Filter>) -> SlotSet {
        let wanted = Wanted { filter, now: Some(self.now), ..Wanted::default() };
        let mut into = SlotSet::default();
        self.lookup.select(&wanted, &self.catalog.records, &mut Vec::new(), &mut into);
        into
    }

    /// The slots whose entries have expired.
    pub(super) fn expired(&self) -> SlotSet {
        let mut all = SlotSet::default();
        if self.catalog.next_expiry.is_some_and(|next| next <= self.now) {
            let records = &self.catalog.records;
            self.lookup.select(&Wanted::default(), records, &mut Vec::new(), &mut all);
            all.subtract(&self.select(None));
        }
        all
    }

    pub(super) fn vector(&self, slot: u32, record: Record<'_>) -> Vec<f32> {
        self.partition.vector(slot, record, self.guard)
    }

    fn entry(&self, slot: u32, record: Record<'_>) -> Result<VectorEntry, Error> {
        record.entry(self.partition.scope(), self.vector(slot, record))
    }
}
