//! Entries that are in the database before all of their write are: each row of the table names
//! some, as the log of changes does, to which the rows move at the end. Where that never comes,
//! they say what has to go again.

use redb::{
    Error, ReadTransaction, ReadableTableMetadata, TableDefinition, TableError, WriteTransaction,
};
use vicino_core::Change;

use crate::tables::{CHANGES, Changed, ENTRIES, VECTORS, last_of, note, write_rows};

const PENDING: TableDefinition<'_, u64, Changed> = TableDefinition::new("pending");

/// Writes entries that were not there, before the rest of their write, behind so many rows that
/// have become pending of it before. Not where these are gone: then it returns none, and else how
/// many there are now.
pub(crate) fn write<'c>(
    to: &WriteTransaction,
    collection: u32,
    before: u64,
    changes: impl Iterator<Item = Change<'c>>,
) -> Result<Option<u64>, Error> {
    if before == 0 {
        undo(to)?;
    }
    let mut pending = to.open_table(PENDING)?;
    if pending.len()? != before {
        return Ok(None);
    }
    let changed = write_rows(to, collection, changes)?;
    note(&mut pending, before, collection, &changed)?;
    Ok(Some(before + changed.len() as u64))
}

/// Has all be there whose entries are pending, if that are so many rows.
pub(crate) fn end(to: &WriteTransaction, rows: u64) -> Result<bool, Error> {
    let mut pending = to.open_table(PENDING)?;
    if pending.len()? != rows {
        return Ok(false);
    }
    let mut log = to.open_table(CHANGES)?;
    let next = last_of(&log)? + 1;
    for number in 0..rows {
        if let Some(changed) = pending.remove(number)? {
            log.insert(next + number, changed.value())?;
        }
    }
    Ok(true)
}

/// Takes entries away of which the rest was never written.
pub(crate) fn undo(to: &WriteTransaction) -> Result<(), Error> {
    let mut pending = to.open_table(PENDING)?;
    let (mut entries, mut vectors) = (to.open_table(ENTRIES)?, to.open_table(VECTORS)?);
    while let Some((_, changed)) = pending.pop_last()? {
        let (collection, scope, ids) = changed.value();
        for id in ids.into_iter().flatten() {
            entries.remove((collection, scope, id))?;
            vectors.remove((collection, scope, id))?;
        }
    }
    Ok(())
}

/// Are there entries of which the rest was never written?
pub(crate) fn is_any(from: &ReadTransaction) -> Result<bool, Error> {
    match from.open_table(PENDING) {
        Ok(pending) => Ok(!pending.is_empty()?),
        Err(TableError::TableDoesNotExist(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vicino_core::{Collection, HnswConfig, Scope, ScopeCommit, VectorEntry, Write};

    use super::*;
    use crate::database::Database;
    use crate::tables::{Entries, log_end, read_log};

    fn commits(collection: &mut Collection, ids: &[&str]) -> Vec<ScopeCommit> {
        let entry = |id: &&str| VectorEntry::new(*id, vec![1.0]);
        let mut batch = collection.batch(0).unwrap();
        batch.add(Write::Insert(ids.iter().map(entry).collect())).unwrap();
        batch.prepare().unwrap().detach().unwrap_or_else(|_| panic!("all are new"))
    }

    fn count(database: &Database) -> usize {
        let mut count = 0;
        let each = |from: &ReadTransaction| {
            Entries::of(from, 7)?.for_each(None, |_| {
                count += 1;
                true
            })
        };
        database.read_once(each).unwrap();
        count
    }

    /// The power goes between two pieces, after others have made the first durable.
    #[test]
    fn what_is_not_ended_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, later) = (folder.path().join("a.redb"), folder.path().join("b.redb"));
        let database = Database::open(&path, 1 << 20).unwrap();
        let config = HnswConfig::fast();
        let mut collection = Collection::new(config, 1, vicino_core::Simd::detect()).unwrap();
        let commits = commits(&mut collection, &["a", "b", "c"]);
        let piece = |database: &Database, before, from, count| {
            let changes = commits[0].changes().skip(from).take(count);
            database.write_loosely(|to| write(to, 7, before, changes)).unwrap()
        };
        assert_eq!(piece(&database, 0, 0, 2), Some(1));
        database.write(|_| Ok(())).unwrap();
        fs::copy(&path, &later).unwrap();
        assert_eq!(piece(&database, 1, 2, 1), Some(2));
        assert!(database.write(|to| end(to, 2)).unwrap());
        assert!(!database.read(is_any).unwrap());
        assert_eq!((count(&database), database.read(log_end).unwrap().0), (3, 2));
        let log = database.read(|from| read_log(from, 7)).unwrap();
        assert_eq!(log.ids[&Scope::Global].len(), 3);

        let again = Database::open(&later, 1 << 20).unwrap();
        assert!(again.read(is_any).unwrap());
        assert_eq!((count(&again), again.read(log_end).unwrap().0), (2, 0));
        // Who goes on as if nothing had happened is told.
        assert_eq!(piece(&again, 2, 2, 1), None);
        assert!(!again.write(|to| end(to, 2)).unwrap());
        again.write(undo).unwrap();
        assert_eq!((count(&again), again.read(is_any).unwrap()), (0, false));
        // And begins anew, whatever is there.
        assert_eq!(piece(&again, 0, 0, 1), Some(1));
        assert_eq!(piece(&again, 0, 0, 2), Some(1));
        assert_eq!(count(&again), 2);
    }
}
