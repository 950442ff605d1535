//! Collections as they come into memory: empty, or made of what the database holds.

use std::str::FromStr;

use redb::{Error, ReadTransaction, TableError};
use vicino_core::{Collection, HnswConfig, Scope, VectorEntry};

use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::now_ms;
use crate::tables::{ENTRIES, VECTORS};
use crate::threads::Builders;
use crate::{huge_pages, simd};

/// Entries that are linked together.
const CHUNK: usize = 4096;

/// A collection without entries.
pub(super) fn empty(dimensions: usize, config: HnswConfig) -> Result<Collection, StoreError> {
    let collection = Collection::new(config, dimensions, simd()?)?;
    Ok(collection.with_memory(huge_pages()).with_executor(Builders))
}

/// Adds all entries that the database holds of a collection, in the order of scopes and ids.
pub(super) fn fill(
    collection: &mut Collection,
    number: u32,
    database: &Database,
) -> Result<(), StoreError> {
    let mut chunk = Vec::new();
    let mut failed = None;
    let walked = database.read_once(|from| {
        for_each(from, number, |entry| {
            chunk.push(entry);
            if chunk.len() == CHUNK {
                failed = collection.upsert(std::mem::take(&mut chunk), now_ms()).err();
            }
            failed.is_none()
        })
    });
    if walked? {
        let reason = "an entry is none";
        return Err(StoreError::Damaged { path: database.path().to_owned(), reason });
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    collection.upsert(chunk, now_ms())?;
    Ok(())
}

/// Calls `each` with all entries of a collection until it has enough; is one damaged?
fn for_each(
    from: &ReadTransaction,
    number: u32,
    mut each: impl FnMut(VectorEntry) -> bool,
) -> Result<bool, Error> {
    let (entries, vectors) = match (from.open_table(ENTRIES), from.open_table(VECTORS)) {
        (Ok(entries), Ok(vectors)) => (entries, vectors),
        (Err(TableError::TableDoesNotExist(_)), _) => return Ok(false),
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    let mut vectors = vectors.range((number, "", "")..)?;
    for entry in entries.range((number, "", "")..)? {
        let (key, record) = entry?;
        let (of, scope, id) = key.value();
        if of != number {
            break;
        }
        let Some(vector) = vectors.next() else { return Ok(true) };
        let (same, vector) = vector?;
        let vector = vector.value();
        let scope = Scope::from_str(scope).ok().filter(|_| same.value() == key.value());
        let (values, rest) = vector.as_chunks::<4>();
        let values = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let entry = scope.map(|scope| VectorEntry::of_record(&scope, record.value(), values));
        match entry {
            Some(Ok(entry)) if entry.id == id && rest.is_empty() => {
                if !each(entry) {
                    return Ok(false);
                }
            }
            _ => return Ok(true),
        }
    }
    Ok(false)
}
