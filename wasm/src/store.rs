//! A store: a collection of core, and the scratch of its searches.
//!
//! Each method takes the scope of the handle that it is called by, `undefined` for the store
//! itself, and reads all of its arguments before it touches the collection. All take `&self`, and
//! nothing of a caller's runs while the collection is borrowed.

use std::cell::{RefCell, RefMut};

use js_sys::Array;
use vicino_core::{
    Bytes, Collection, Error as CoreError, HnswConfig, Open, Page, Scope, ScopeLimits, Searcher,
    Simd, Snapshot, Target, VectorEntry,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, Of as _, Result};
use crate::object::object;
use crate::options::{LimitOptions, Settings, StoreOptions};
use crate::queries::Selection;
use crate::snapshots::room;
use crate::{entries, headroom, now, options, queries, read, stats, write};

/// What the package's classes are made of.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Store {
    inner: RefCell<Inner>,
    dimensions: usize,
}

#[derive(Debug)]
struct Inner {
    collection: Collection,
    searcher: Searcher,
}

/// What a write may take beyond what core asks for before it begins.
const WRITE: usize = 2 << 20;

/// What a search may take.
const SEARCH: usize = 256 << 10;

/// The entries of a page where no number is named, and the most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 100_000;

/// The distances of a call that clears up, where no number is named: some tens of milliseconds.
const BUDGET: u64 = 1_000_000;

#[wasm_bindgen]
impl Store {
    /// An empty store.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue, memory_limit: f64) -> Result<Self> {
        headroom(WRITE)?;
        let options = StoreOptions::read(options, memory_limit, false).of("options")?;
        let dimensions = options.dimensions().of("options")?;
        let collection = Collection::new(options.config, dimensions, Simd::detect())?;
        Ok(Self::of(collection, &options.limits))
    }

    /// The store of a snapshot.
    pub fn open(bytes: &JsValue, options: &JsValue, memory_limit: f64) -> Result<Self> {
        let bytes = read::bytes(bytes).of("bytes")?;
        let (open, limits) = options::open_options(options, memory_limit)?;
        let mut copy = room(bytes.length() as usize, &limits)?;
        bytes.copy_to(copy.fill_in());
        Self::of_snapshot(copy, &open, &limits)
    }

    /// Adds entries. Errors count them from the number of the first.
    pub fn insert(&self, handle: &JsValue, entries: &JsValue, first: u32) -> Result<Array> {
        let entries = self.entries(handle, entries, first)?;
        let keys = self.write(|collection| collection.insert(entries, now()));
        keys.map(|keys| write::keys(&keys)).map_err(|error| error.after(first))
    }

    /// Adds entries, or puts them in the place of others.
    pub fn upsert(&self, handle: &JsValue, entries: &JsValue, first: u32) -> Result<Array> {
        let entries = self.entries(handle, entries, first)?;
        let keys = self.write(|collection| collection.upsert(entries, now()));
        keys.map(|keys| write::keys(&keys)).map_err(|error| error.after(first))
    }

    /// Adds entries whose vectors lie one after the other.
    #[wasm_bindgen(js_name = insertMany)]
    pub fn insert_many(&self, handle: &JsValue, batch: &JsValue) -> Result<usize> {
        let entries = self.many(handle, batch)?;
        self.write(|collection| collection.insert(entries, now())).map(|keys| keys.len())
    }

    /// The same for entries that may be there.
    #[wasm_bindgen(js_name = upsertMany)]
    pub fn upsert_many(&self, handle: &JsValue, batch: &JsValue) -> Result<usize> {
        let entries = self.many(handle, batch)?;
        self.write(|collection| collection.upsert(entries, now())).map(|keys| keys.len())
    }

    /// The entry of a key.
    pub fn get(&self, handle: &JsValue, key: &JsValue) -> Result<JsValue> {
        let key = entries::key(key, read::handle(handle)?.as_ref()).of("key")?;
        let found = self.read(|inner| inner.collection.at(now()).get(&key))?;
        let found = found.as_ref().map(|entry| write::entry(entry, &mut write::Scopes::default()));
        Ok(found.unwrap_or_default())
    }

    /// Is there an entry with this key?
    pub fn has(&self, handle: &JsValue, key: &JsValue) -> Result<bool> {
        let key = entries::key(key, read::handle(handle)?.as_ref()).of("key")?;
        self.read(|inner| inner.collection.at(now()).contains(&key))
    }

    /// Deletes entries; how many there were.
    pub fn delete(&self, handle: &JsValue, keys: &JsValue) -> Result<usize> {
        let keys = entries::keys(keys, read::handle(handle)?.as_ref()).of("keys")?;
        self.change(|collection| collection.delete(&keys, now()))
    }

    /// Deletes the entries of a scope that match.
    #[wasm_bindgen(js_name = deleteWhere)]
    pub fn delete_where(
        &self,
        handle: &JsValue,
        filter: &JsValue,
        options: &JsValue,
    ) -> Result<usize> {
        let filter = read::filter(filter).of("filter")?;
        let handle = read::handle(handle)?;
        let Selection { scope, .. } =
            Selection::read(options, handle.as_ref(), &["scope"]).of("options")?;
        self.change(|collection| collection.delete_where(&scope, &filter, now()))
    }

    /// Deletes all of a scope.
    #[wasm_bindgen(js_name = deleteScope)]
    pub fn delete_scope(&self, scope: &JsValue) -> Result<usize> {
        let scope = read::scope(scope).of("scope")?;
        self.change(|collection| Ok(collection.delete_scope(&scope)))
    }

    /// Puts other metadata in the place of an entry's.
    #[wasm_bindgen(js_name = updateMetadata)]
    pub fn update_metadata(
        &self,
        handle: &JsValue,
        key: &JsValue,
        metadata: &JsValue,
    ) -> Result<()> {
        let key = entries::key(key, read::handle(handle)?.as_ref()).of("key")?;
        let metadata = read::metadata(metadata).of("metadata")?;
        self.write(|collection| collection.update_metadata(&key, metadata, now()))
    }

    /// Merges metadata into an entry's.
    #[wasm_bindgen(js_name = patchMetadata)]
    pub fn patch_metadata(&self, handle: &JsValue, key: &JsValue, patch: &JsValue) -> Result<()> {
        let key = entries::key(key, read::handle(handle)?.as_ref()).of("key")?;
        let patch = read::metadata(patch).of("metadata")?;
        self.write(|collection| collection.patch_metadata(&key, patch, now()))
    }

    /// The entries nearest to what a query names.
    pub fn search(&self, handle: &JsValue, query: &JsValue) -> Result<Array> {
        let query = queries::query(query, read::handle(handle)?.as_ref(), now()).of("query")?;
        let results =
            self.read(|Inner { collection, searcher }| collection.search(&query, searcher))?;
        Ok(write::results(&results))
    }

    /// The entries nearest to each of several vectors.
    #[wasm_bindgen(js_name = searchMany)]
    pub fn search_many(&self, handle: &JsValue, queries: &JsValue) -> Result<JsValue> {
        let (vectors, mut query) =
            queries::many(queries, read::handle(handle)?.as_ref(), now()).of("queries")?;
        query.validate()?;
        let count = u32::try_from(vectors.length() as usize / self.dimensions).unwrap_or(u32::MAX);
        entries::rows(&vectors, self.dimensions, count)?;
        let mut found = write::Many::new(query.k, count as usize)?;
        for at in 0..count {
            let vector = entries::row(&vectors, self.dimensions, at);
            query.target = Target::Vector(vector);
            let results =
                self.read(|Inner { collection, searcher }| collection.search(&query, searcher));
            found.push(&results.map_err(|error| error.at(at))?);
        }
        Ok(found.into_js())
    }

    /// The same as a search, and how it came about.
    pub fn explain(&self, handle: &JsValue, query: &JsValue) -> Result<Array> {
        let query = queries::query(query, read::handle(handle)?.as_ref(), now()).of("query")?;
        let (results, explain) =
            self.read(|Inner { collection, searcher }| collection.explain(&query, searcher))?;
        Ok(Array::of2(&write::results(&results), &object(&stats::explain(&explain))))
    }

    /// A page of entries, and where the next one begins.
    pub fn list(&self, handle: &JsValue, options: &JsValue) -> Result<Array> {
        const TAKES: &[&str] = &["scope", "filter", "after", "limit"];
        let selection =
            Selection::read(options, read::handle(handle)?.as_ref(), TAKES).of("options")?;
        let Selection { scope, filter, after, limit } = selection;
        let limit = limit.unwrap_or(PAGE).min(PAGE_MAX);
        let Page { entries, next, .. } = self.read(|inner| {
            inner.collection.at(now()).list(&scope, filter.as_ref(), after.as_deref(), limit)
        })?;
        let mut scopes = write::Scopes::default();
        let entries: Array = entries.iter().map(|it| write::entry(it, &mut scopes)).collect();
        Ok(Array::of2(&entries, &next.map_or(JsValue::UNDEFINED, JsValue::from)))
    }

    /// How many entries match.
    pub fn count(&self, handle: &JsValue, options: &JsValue) -> Result<usize> {
        let handle = read::handle(handle)?;
        let Selection { scope, filter, .. } =
            Selection::read(options, handle.as_ref(), &["scope", "filter"]).of("options")?;
        self.read(|inner| inner.collection.at(now()).count(&scope, filter.as_ref()))
    }

    /// The scopes that hold entries.
    pub fn scopes(&self) -> Result<Vec<String>> {
        let scopes = self.read(|inner| Ok(inner.collection.at(now()).scopes()))?;
        Ok(scopes.iter().map(Scope::to_string).collect())
    }

    /// What is known of the store.
    pub fn stats(&self) -> Result<JsValue> {
        let stats = self.read(|inner| Ok(inner.collection.at(now()).stats()))?;
        Ok(object(&stats::store(&stats)))
    }

    /// What is known of a scope.
    #[wasm_bindgen(js_name = statsForScope)]
    pub fn stats_for_scope(&self, scope: &JsValue) -> Result<JsValue> {
        let scope = read::scope(scope).of("scope")?;
        let stats = self.read(|inner| Ok(inner.collection.at(now()).stats_for_scope(&scope)))?;
        Ok(object(&stats::scope(&stats)))
    }

    /// The settings of the store.
    pub fn config(&self) -> Result<JsValue> {
        let config: HnswConfig = self.read(|inner| Ok(inner.collection.config().clone()))?;
        Ok(object(&Settings::of(&config, self.dimensions)))
    }

    /// Purges what has expired and clears up after deletes.
    pub fn maintain(&self, budget: &JsValue) -> Result<JsValue> {
        let budget = match budget.is_undefined() {
            true => BUDGET,
            false => read::count(budget).of("budget")? as u64,
        };
        // It gives memory back, and runs where none is left for writes.
        let done = self.read(|inner| inner.collection.maintain(budget, now()))?;
        Ok(object(&stats::maintenance(&done)))
    }

    /// The share of the nearest entries that searches find.
    #[wasm_bindgen(js_name = measureRecall)]
    pub fn measure_recall(&self, handle: &JsValue, options: &JsValue) -> Result<f64> {
        let probe = queries::probe(options, read::handle(handle)?.as_ref()).of("options")?;
        self.read(|Inner { collection, searcher }| collection.measure_recall(&probe, searcher))
    }

    /// The candidates that searches need for a recall.
    pub fn tune(
        &self,
        handle: &JsValue,
        recall: &JsValue,
        options: &JsValue,
    ) -> Result<Option<usize>> {
        let recall = read::number(recall).of("recall")?;
        let (scope, k) = queries::tuning(options, read::handle(handle)?.as_ref()).of("options")?;
        self.write(|collection| collection.tune(&scope, recall, k))
    }

    /// Sets how much a scope may hold.
    #[wasm_bindgen(js_name = setScopeLimits)]
    pub fn set_scope_limits(&self, scope: &JsValue, limits: &JsValue) -> Result<()> {
        let scope = read::scope(scope).of("scope")?;
        let limits: ScopeLimits = options::scope_limits(limits).of("limits")?;
        self.change(|collection| {
            collection.set_scope_limits(scope, limits);
            Ok(())
        })
    }
}

impl Store {
    /// The store of a snapshot whose bytes are here.
    pub(crate) fn of_snapshot(bytes: Bytes, open: &Open, limits: &LimitOptions) -> Result<Self> {
        headroom(WRITE)?;
        let collection = Collection::open(bytes, Simd::detect(), open)?;
        let (max, needed) = (limits.memory, collection.stats().memory.total());
        if needed > max {
            return Err(CoreError::MemoryLimit { max, needed }.into());
        }
        Ok(Self::of(collection, limits))
    }

    fn of(collection: Collection, limits: &LimitOptions) -> Self {
        let LimitOptions { memory, scopes } = *limits;
        let collection = collection.with_memory_limit(memory).with_scope_limits(scopes);
        let dimensions = collection.dimensions();
        let inner = Inner { collection, searcher: Searcher::default() };
        Self { inner: RefCell::new(inner), dimensions }
    }

    /// All scopes of this moment, or some.
    pub(crate) fn snapshot(&self, scopes: Option<&[Scope]>) -> Result<Snapshot> {
        self.read(|inner| match scopes {
            Some(scopes) => inner.collection.snapshot_scopes(scopes),
            None => inner.collection.snapshot(),
        })
    }

    fn entries(&self, handle: &JsValue, entries: &JsValue, first: u32) -> Result<Vec<VectorEntry>> {
        let handle = read::handle(handle)?;
        let entries = entries::entries(entries, handle.as_ref(), self.dimensions, first);
        entries.of("entries")
    }

    fn many(&self, handle: &JsValue, batch: &JsValue) -> Result<Vec<VectorEntry>> {
        entries::many(batch, read::handle(handle)?.as_ref(), self.dimensions).of("batch")
    }

    fn write<T>(
        &self,
        write: impl FnOnce(&mut Collection) -> std::result::Result<T, CoreError>,
    ) -> Result<T> {
        headroom(WRITE)?;
        self.change(write)
    }

    /// A write that takes next to no memory: deletes go on where there is none.
    fn change<T>(
        &self,
        write: impl FnOnce(&mut Collection) -> std::result::Result<T, CoreError>,
    ) -> Result<T> {
        Ok(write(&mut self.inner()?.collection)?)
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&mut Inner) -> std::result::Result<T, CoreError>,
    ) -> Result<T> {
        headroom(SEARCH)?;
        Ok(read(&mut *self.inner()?)?)
    }

    fn inner(&self) -> Result<RefMut<'_, Inner>> {
        self.inner.try_borrow_mut().map_err(|_| Error::Broken)
    }
}
