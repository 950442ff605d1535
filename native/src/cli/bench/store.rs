//! What is measured: an index, or a collection or durable storage that has the rows as entries of
//! one scope.
//!
//! Modes need not know which it is. Both take the rows in their order and find them by their
//! numbers: slots of the index, ids of the collection. The collection's searches cost what its
//! users pay by default, copies of ids and metadata included.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use vicino::{
    Collection, CollectionReader, Error, Executor, HnswIndex, HnswReader, HnswVectorStorage,
    Object, Rayon, Scope, Searcher, Value, VectorEntry, VectorQuery, VectorResult,
};

use super::Bench;
use super::data::Data;

/// An index, or a collection, and the one hand that writes it, or a durable storage.
pub(super) enum Store {
    Index(HnswIndex, Box<dyn Executor + Send>),
    Collection(Collection),
    Storage(HnswVectorStorage),
}

impl Store {
    /// Inserts some rows; how long the call took.
    pub(super) fn insert(&mut self, rows: Range<usize>, data: &Data) -> Result<Duration> {
        match self {
            Self::Index(index, executor) => {
                let start = Instant::now();
                index.insert(data.rows(rows), &**executor)?;
                Ok(start.elapsed())
            }
            Self::Collection(collection) => insert(collection, entries(data, rows, &scope(), few)),
            Self::Storage(storage) => {
                let entries = entries(data, rows, &scope(), few);
                let start = Instant::now();
                storage.blocking().insert(entries)?;
                Ok(start.elapsed())
            }
        }
    }

    /// Sets who links what is inserted from now on.
    pub(super) fn with_executor(self, executor: impl Executor + Send + 'static) -> Self {
        match self {
            Self::Index(index, _) => Self::Index(index, Box::new(executor)),
            Self::Collection(collection) => Self::Collection(collection.with_executor(executor)),
            // It has threads of its own, and links single ones on the one that writes.
            Self::Storage(_) => self,
        }
    }

    pub(super) fn reader(&self, bench: &Bench) -> Reader {
        match self {
            Self::Index(index, _) => Reader::Index(index.reader()),
            Self::Collection(collection) => Reader::of(collection, !bench.bare),
            Self::Storage(storage) => Reader::Storage(storage.clone(), !bench.bare),
        }
    }

    /// The number of rows.
    pub(super) fn len(&self) -> Result<usize> {
        Ok(match self {
            Self::Index(index, _) => index.len(),
            Self::Collection(collection) => collection.stats().vector_count,
            Self::Storage(storage) => storage.blocking().stats()?.vector_count,
        })
    }

    pub(super) fn memory_bytes(&self) -> Result<usize> {
        Ok(match self {
            Self::Index(index, _) => index.memory_bytes(),
            Self::Collection(collection) => collection.stats().memory.total(),
            Self::Storage(storage) => storage.blocking().stats()?.memory.total(),
        })
    }
}

/// A hand that reads one of them, with or without metadata.
pub(super) enum Reader {
    Index(HnswReader),
    Collection { reader: CollectionReader, metadata: bool },
    Storage(HnswVectorStorage, bool),
}

impl Reader {
    /// Searches a collection, with or without returning metadata.
    pub(super) fn of(collection: &Collection, metadata: bool) -> Self {
        Self::Collection { reader: collection.reader(), metadata }
    }

    /// Puts the nearest rows in the place of what `rows` holds, the nearest first.
    pub(super) fn search(
        &self,
        query: &[f32],
        k: usize,
        ef: usize,
        searcher: &mut Searcher,
        rows: &mut Vec<u32>,
    ) -> Result<()> {
        let of_scope = |metadata| {
            let query = VectorQuery::new(query.to_vec(), k).with_scope(scope()).with_ef(ef);
            query.with_include_metadata(metadata)
        };
        rows.clear();
        match self {
            Self::Index(index) => {
                let found = index.search(query, k, Some(ef), searcher)?;
                rows.extend(found.iter().map(|neighbor| neighbor.slot));
            }
            Self::Collection { reader, metadata } => {
                rows.extend(reader.search(&of_scope(*metadata), searcher)?.iter().map(row_of));
            }
            Self::Storage(storage, metadata) => {
                let found = storage.blocking().search(&of_scope(*metadata))?;
                rows.extend(found.iter().map(row_of));
            }
        }
        Ok(())
    }
}

/// The scope of the rows.
pub(super) fn scope() -> Scope {
    Scope::Tenant("bench".to_owned())
}

/// A collection that holds nothing yet.
pub(super) fn collection(bench: &Bench) -> Result<Collection, Error> {
    let collection = Collection::new(bench.config(), bench.dim, vicino::simd()?)?;
    Ok(collection.with_memory(bench.memory()).with_executor(Rayon))
}

/// Inserts entries at the time that it is, as a program would; how long the call took.
pub(super) fn insert(collection: &mut Collection, entries: Vec<VectorEntry>) -> Result<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let start = Instant::now();
    collection.insert(entries, i64::try_from(now)?)?;
    Ok(start.elapsed())
}

/// Rows as entries of a scope, whose ids are the rows' numbers.
pub(super) fn entries(
    data: &Data,
    rows: Range<usize>,
    scope: &Scope,
    metadata: impl Fn(usize) -> Object,
) -> Vec<VectorEntry> {
    let entry = |row: usize| {
        VectorEntry::new(row.to_string(), data.row(row).to_vec())
            .with_scope(scope.clone())
            .with_metadata(metadata(row))
    };
    rows.map(entry).collect()
}

/// The row that a result is.
pub(super) fn row_of(result: &VectorResult) -> u32 {
    result.key.id().parse().expect("ids are the rows' numbers")
}

/// Metadata as most have it, where what it says does not matter.
pub(super) fn few(row: usize) -> Object {
    let number = |number: usize| Value::from(number as u64);
    Object::from([
        ("cell".to_owned(), number(row % 100)),
        ("group".to_owned(), format!("group {}", row % 20).into()),
        ("year".to_owned(), number(1990 + row % 36)),
    ])
}
