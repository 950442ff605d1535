//! Collections as they come into memory: empty, or made of what checkpoints and the database hold.

use std::mem;

use vicino_core::{
    Collection, CollectionReader, EntryKey, Error, HnswConfig, Scope, VectorEntry, Write,
};

use crate::checkpoint::Checkpoints;
use crate::database::Database;
use crate::error::StoreError;
use crate::hosted::now_ms;
use crate::tables::{Entries, Log, read_log};
use crate::threads::Builders;
use crate::{huge_pages, simd};

/// Entries that are linked together.
const CHUNK: usize = 4096;

/// A collection without entries.
pub(super) fn empty(dimensions: usize, config: HnswConfig) -> Result<Collection, StoreError> {
    let collection = Collection::new(config, dimensions, simd()?)?;
    Ok(collection.with_memory(huge_pages()).with_executor(Builders))
}

/// Makes all scopes known that there are: those that checkpoints have are opened when they are
/// used, and what these lack is made of the database; how many entries that were.
pub(super) fn fill(
    collection: &mut Collection,
    number: u32,
    database: &Database,
    checkpoints: &Checkpoints,
) -> Result<usize, StoreError> {
    let damaged = checkpoints.attach(collection, number);
    let mut log = database.read(|from| read_log(from, number))?;
    let mut filling = Filling::new(collection);
    let read = database.read_once(|from| {
        let entries = Entries::of(from, number)?;
        let Some(damaged) = damaged else {
            return filling.add_all(&entries, None);
        };
        log.whole.extend(damaged);
        filling.replay(&entries, log)
    });
    let (made, replayed) = (filling.made, filling.replayed);
    read?;
    made?;
    Ok(replayed)
}

/// A scope as the database has it, in a collection of its own.
pub(crate) fn scope_of(
    database: &Database,
    number: u32,
    reader: &CollectionReader,
    scope: &Scope,
) -> Result<Collection, StoreError> {
    let mut collection = empty(reader.dimensions(), reader.config().clone())?;
    let mut filling = Filling::new(&mut collection);
    let read = database.read_once(|from| filling.add_all(&Entries::of(from, number)?, Some(scope)));
    let made = filling.made;
    read?;
    made?;
    Ok(collection)
}

/// A collection into which the database is read.
struct Filling<'c> {
    collection: &'c mut Collection,
    chunk: Vec<VectorEntry>,
    /// Entries that were put into it, or taken from it.
    replayed: usize,
    /// What core had to say.
    made: Result<(), Error>,
}

impl<'c> Filling<'c> {
    fn new(collection: &'c mut Collection) -> Self {
        Self { collection, chunk: Vec::new(), replayed: 0, made: Ok(()) }
    }

    /// Adds all entries, or those of one scope.
    fn add_all(&mut self, entries: &Entries, scope: Option<&Scope>) -> Result<(), redb::Error> {
        entries.for_each(scope, |entry| {
            self.chunk.push(entry);
            if self.chunk.len() == CHUNK {
                self.put();
            }
            self.made.is_ok()
        })?;
        self.put();
        Ok(())
    }

    /// Does what the log says: what has changed is now as the database says.
    fn replay(&mut self, entries: &Entries, log: Log) -> Result<(), redb::Error> {
        for scope in &log.whole {
            self.collection.delete_scope(scope);
            self.add_all(entries, Some(scope))?;
        }
        for (scope, ids) in log.ids.into_iter().filter(|(scope, _)| !log.whole.contains(scope)) {
            let mut gone = Vec::new();
            for id in ids {
                match entries.get(&scope, &id)? {
                    Some(entry) => self.chunk.push(entry),
                    None => gone.push(EntryKey::new(scope.clone(), id)),
                }
            }
            self.replayed += gone.len();
            if self.made.is_ok() {
                // Those included that have expired, which were deleted before they had.
                self.made = self.collection.write(Write::Erase(gone), now_ms()).map(drop);
            }
            self.put();
            if matches!(self.made, Err(Error::Corrupt { .. } | Error::Unreadable { .. })) {
                tracing::warn!(%scope, "a checkpoint is damaged; it is made again of the database");
                self.made = Ok(());
                self.collection.delete_scope(&scope);
                self.add_all(entries, Some(&scope))?;
            }
        }
        Ok(())
    }

    fn put(&mut self) {
        let chunk = mem::take(&mut self.chunk);
        self.replayed += chunk.len();
        if self.made.is_ok() {
            self.made = self.collection.upsert(chunk, now_ms()).map(drop);
        }
    }
}
