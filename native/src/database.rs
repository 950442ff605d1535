//! A redb database that comes back: after a failure of the disk redb refuses all further calls, and
//! so the file is opened again, which brings it to its last commit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{
    DatabaseError, Durability, Error, ReadTransaction, ReadableDatabase, TableDefinition,
    WriteTransaction,
};

use crate::disk::Disk;
use crate::error::StoreError;
use crate::lock::Lock;

pub(crate) struct Database {
    path: PathBuf,
    disk: Disk,
    /// Held by who writes, so that nobody else counts commits meanwhile.
    writing: Mutex<()>,
    /// Is it not known whether the last write was made?
    in_doubt: AtomicBool,
    /// Was something written that is not durable yet?
    unsynced: AtomicBool,
    opened: AtomicU64,
    /// None after a failure, until it can be opened again.
    open: RwLock<Option<redb::Database>>,
    /// Behind it, so that the folder is given back when the database is closed.
    _lock: Option<Lock>,
}

/// A file of less is not compacted.
const LOOSE_MIN: u64 = 16 << 20;

/// What who writes is told.
#[derive(Clone, Copy)]
enum Promise {
    /// All is on the disk.
    Kept,
    /// It will be.
    Given,
    /// Nothing.
    None,
}

/// How many commits there were, so that after a failure it can be told whether the last one was
/// made.
const COMMITS: TableDefinition<'_, (), u64> = TableDefinition::new("commits");

impl Database {
    /// Opens the database in a file, which is made where it is not there.
    pub(crate) fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        Self::open_on(path, Disk::new(path, cache_bytes))
    }

    fn open_on(path: &Path, disk: Disk) -> Result<Self, StoreError> {
        let (path, open) = (path.to_owned(), RwLock::new(None));
        let writing = Mutex::new(());
        let (in_doubt, unsynced) = (AtomicBool::new(false), AtomicBool::new(false));
        let opened = AtomicU64::new(0);
        let database = Self { path, disk, writing, in_doubt, unsynced, opened, open, _lock: None };
        database.reopen()?;
        Ok(database)
    }

    /// Holds the folder that it lies in.
    pub(crate) fn with_lock(self, lock: Lock) -> Self {
        Self { _lock: Some(lock), ..self }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is there at this moment.
    pub(crate) fn read<T>(
        &self,
        read: impl Fn(&ReadTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.try_twice(|open| {
            let transaction = open.begin_read()?;
            read(&transaction)
        })
    }

    /// The same for who cannot read twice.
    pub(crate) fn read_once<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.commits()?;
        self.with(|open| read(&open.begin_read()?))
    }

    /// Writes all or nothing, which is durable when this returns, with all that was written before.
    pub(crate) fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.write_as(Promise::Kept, write)
    }

    /// Writes all or nothing, which is durable with the next [`write`](Self::write).
    pub(crate) fn write_soon<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.write_as(Promise::Given, write)
    }

    /// The same for what nobody relies on, and which is gone if the disk fails before the next
    /// [`write`](Self::write).
    pub(crate) fn write_loosely<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.write_as(Promise::None, write)
    }

    fn write_as<T>(
        &self,
        promise: Promise,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        // A call that reads comes first: it opens what a failure has closed.
        let before = self.commits()?;
        let opened = self.opened();
        let written = self.with(|open| {
            let mut transaction = open.begin_write()?;
            transaction.set_durability(match promise {
                Promise::Kept => Durability::Immediate,
                Promise::Given | Promise::None => Durability::None,
            })?;
            // A database of any size is open at once after a crash, and not walked through.
            transaction.set_quick_repair(true);
            let result = write(&transaction)?;
            transaction.open_table(COMMITS)?.insert((), before + 1)?;
            Ok((result, transaction.commit()))
        });
        match written {
            Ok((result, Ok(()))) => {
                match promise {
                    Promise::Kept => self.unsynced.store(false, Ordering::Relaxed),
                    Promise::Given => self.unsynced.store(true, Ordering::Relaxed),
                    Promise::None => {}
                }
                Ok(result)
            }
            // It may have come to the disk all the same.
            Ok((result, Err(error))) => {
                self.close(opened);
                match self.commits() {
                    Ok(commits) if commits > before => Ok(result),
                    Ok(_) => Err(self.failed(error.into())),
                    Err(_) => {
                        self.in_doubt.store(true, Ordering::Relaxed);
                        Err(StoreError::InDoubt { path: self.path.clone() })
                    }
                }
            }
            Err(error) => Err(error),
        }
    }

    /// [Compacts](Self::compact) where more than half of the file is free; was it so? It looks
    /// closer where the file is much larger than about `live` bytes, which reads all of the tree's
    /// pages.
    pub(crate) fn compact_if_loose(&self, live: u64) -> Result<bool, StoreError> {
        let len = std::fs::metadata(&self.path).map_err(StoreError::io(&self.path))?.len();
        if len <= 4 * live + LOOSE_MIN {
            return Ok(false);
        }
        let taken = self.with(|open| {
            let stats = open.begin_write()?.stats()?;
            Ok(stats.allocated_pages() * stats.page_size() as u64)
        })?;
        if 2 * taken > len {
            return Ok(false);
        }
        self.compact()
    }

    /// Gives back what of the file is free, if something is; others wait meanwhile.
    pub(crate) fn compact(&self) -> Result<bool, StoreError> {
        // A call that reads comes first: it opens what a failure has closed.
        self.commits()?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let compacted = open.as_mut().ok_or(StoreError::Closed)?.compact();
        compacted.map_err(|error| {
            // It is opened again by whoever comes.
            *open = None;
            self.failed(error.into())
        })
    }

    /// Is it known what was written?
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.in_doubt.load(Ordering::Relaxed) {
            true => Err(StoreError::InDoubt { path: self.path.clone() }),
            false => Ok(()),
        }
    }

    /// How many transactions were made durable.
    pub(crate) fn commits(&self) -> Result<u64, StoreError> {
        self.read(|transaction| match transaction.open_table(COMMITS) {
            Ok(table) => Ok(table.get(())?.map_or(0, |commits| commits.value())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(error.into()),
        })
    }

    /// Does something, once more where only an earlier failure was in the way.
    fn try_twice<T>(
        &self,
        call: impl Fn(&redb::Database) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.with(&call).or_else(|_| {
            self.reopen()?;
            self.with(&call)
        })
    }

    fn with<T>(
        &self,
        call: impl FnOnce(&redb::Database) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let opened = self.opened();
        let result = call(open.as_ref().ok_or(StoreError::Closed)?);
        drop(open);
        result.map_err(|error| {
            if is_final(&error) {
                self.close(opened);
            }
            self.failed(error)
        })
    }

    /// Closes what was opened as the so-manieth, if nobody else has since.
    fn close(&self, opened: u64) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if self.opened() == opened {
            // What was written last is gone with it, though it was seen.
            if self.unsynced.load(Ordering::Relaxed) {
                self.in_doubt.store(true, Ordering::Relaxed);
            }
            *open = None;
        }
    }

    /// How often it was opened.
    fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Opens it where it is not open.
    fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            *open = Some(self.disk.open().map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => {
                    StoreError::Locked { path: self.path.clone(), holder: None }
                }
                error => self.failed(error.into()),
            })?);
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn failed(&self, error: Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), source: Arc::new(error) }
    }
}

/// Does redb refuse all that comes after such an error?
fn is_final(error: &Error) -> bool {
    matches!(error, Error::Io(_) | Error::PreviousIo | Error::LockPoisoned(_) | Error::Corrupted(_))
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use redb::{BackendError, StorageBackend};
    use std::collections::BTreeMap;
    use std::io;
    use std::ops::Range;

    use super::*;
    use crate::tables::{Values, set_values};

    /// A disk that fails once, and keeps no more than was synced when the power goes. What it was
    /// to sync when it failed can be read and is never synced, as on Linux.
    #[derive(Debug, Clone, Default)]
    struct Medium(Arc<Mutex<State>>);

    #[derive(Debug, Default)]
    struct State {
        bytes: Vec<u8>,
        synced: Vec<u8>,
        /// What was written since the last sync.
        unsynced: Vec<Range<usize>>,
        /// How many operations are left until one fails, and what then becomes of a write.
        until: Option<usize>,
        tears: bool,
        /// Do all others fail too?
        for_good: bool,
        operations: usize,
    }

    impl Medium {
        fn state(&self) -> std::sync::MutexGuard<'_, State> {
            self.0.lock().unwrap()
        }

        fn open(&self) -> Database {
            let disk = self.clone();
            let disk = Disk::with_opener(Box::new(move || Ok(Box::new(disk.clone()))), 1 << 20);
            Database::open_on("disk".as_ref(), disk).unwrap()
        }
    }

    impl State {
        fn operate(&mut self) -> Result<(), io::Error> {
            self.operations += 1;
            self.until = match self.until {
                Some(0) => {
                    self.until = self.for_good.then_some(0);
                    return Err(io::ErrorKind::StorageFull.into());
                }
                until => until.map(|left| left - 1),
            };
            Ok(())
        }
    }

    impl StorageBackend for Medium {
        fn len(&self) -> Result<u64, io::Error> {
            Ok(self.state().bytes.len() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
            let mut state = self.state();
            state.operate()?;
            let start = usize::try_from(offset).unwrap();
            let bytes = state.bytes.get(start..start + out.len());
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }

        fn set_len(&self, len: u64) -> Result<(), io::Error> {
            let mut state = self.state();
            state.operate()?;
            let (old, new) = (state.bytes.len(), usize::try_from(len).unwrap());
            state.bytes.resize(new, 0);
            state.unsynced.push(old.min(new)..new);
            Ok(())
        }

        fn sync_data(&self) -> Result<(), io::Error> {
            let mut state = self.state();
            let done = state.operate();
            let unsynced = std::mem::take(&mut state.unsynced);
            let some = if state.tears { unsynced.len() / 2 } else { 0 };
            let count = if done.is_ok() { unsynced.len() } else { some };
            let State { bytes, synced, .. } = &mut *state;
            synced.resize(bytes.len(), 0);
            for range in unsynced.into_iter().take(count) {
                // The file may have become shorter since.
                let range = range.start.min(bytes.len())..range.end.min(bytes.len());
                synced[range.clone()].copy_from_slice(&bytes[range]);
            }
            done
        }

        fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
            let mut state = self.state();
            let done = state.operate();
            let len = match &done {
                Ok(()) => data.len(),
                Err(_) if state.tears => data.len() / 2,
                Err(_) => 0,
            };
            let start = usize::try_from(offset).unwrap();
            state.bytes[start..start + len].copy_from_slice(&data[..len]);
            state.unsynced.push(start..start + len);
            done
        }

        fn try_lock_range(
            &self,
            _: std::ops::Bound<u64>,
            _: std::ops::Bound<u64>,
        ) -> Result<bool, BackendError> {
            Err(BackendError::Unsupported)
        }
    }

    /// Some writes, of which those count that were said to be made.
    fn live(database: &Database) -> BTreeMap<String, Vec<u8>> {
        let mut made = BTreeMap::new();
        for i in 0..8_u8 {
            let pairs = vec![(format!("key {}", i % 5), vec![i; 3000 * usize::from(i)])];
            if database.write(|to| set_values(to, &pairs)).is_ok() {
                made.extend(pairs);
            }
        }
        made
    }

    fn late() -> [(String, Vec<u8>); 1] {
        [("late".to_owned(), vec![])]
    }

    fn found(database: &Database) -> BTreeMap<String, Vec<u8>> {
        let read = database.read(|from| {
            let values = Values::of(from)?;
            let pair = |key: String| Ok((key.clone(), values.get(&key)?.unwrap_or_default()));
            values.keys("")?.into_iter().map(pair).collect()
        });
        read.unwrap()
    }

    /// Each operation of the disk fails once, whole or torn: what was said to be made is there,
    /// what was said to have failed is not, then, and after the power was cut; and writes go on.
    #[test]
    fn what_was_made_is_there_whatever_fails() {
        let disk = Medium::default();
        let database = disk.open();
        let begun = disk.state().operations;
        assert_eq!(live(&database).len(), 5);
        let operations = disk.state().operations - begun;
        assert!(operations > 40, "{operations}");
        let mut failures = 0;
        for (until, tears) in (0..operations).flat_map(|until| [(until, false), (until, true)]) {
            let disk = Medium::default();
            let database = disk.open();
            (disk.state().until, disk.state().tears) = (Some(until), tears);
            let mut made = live(&database);
            failures += usize::from(disk.state().until.is_none());
            for what in ["as it was", "after another write"] {
                assert_eq!(found(&database), made, "operation {until}, torn: {tears}, {what}");
                let cut = Medium::default();
                cut.state().bytes = disk.state().synced.clone();
                let found = found(&cut.open());
                assert_eq!(found, made, "operation {until}, torn: {tears}, {what}, power cut");
                made.extend(late());
                database.write(|to| set_values(to, &late())).unwrap();
            }
        }
        assert!(failures > operations, "{failures} of {operations} twice");
    }

    /// A disk that fails at an operation and at all after it: what was said to have failed is not
    /// there once it is back, and what is not known is said so.
    #[test]
    fn what_is_in_doubt_is_said_to_be() {
        let disk = Medium::default();
        let database = disk.open();
        let begun = disk.state().operations;
        live(&database);
        let operations = disk.state().operations - begun;
        let mut doubts = 0;
        for until in 0..operations {
            let disk = Medium::default();
            let database = disk.open();
            disk.state().for_good = true;
            disk.state().until = Some(until);
            let made = live(&database);
            disk.state().until = None;
            let late = database.write(|to| set_values(to, &late()));
            if late.is_err_and(|error| error.code() == "in_doubt") {
                doubts += 1;
            } else {
                let mut found = found(&database);
                found.remove("late");
                assert_eq!(found, made, "operation {until}");
            }
        }
        assert!((1..operations).contains(&doubts), "{doubts} of {operations}");
    }
}
