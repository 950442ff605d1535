//! A redb database that comes back: after a failure of the disk redb refuses all further calls, and
//! so the file is opened again, which brings it to its last commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{
    Builder, DatabaseError, Error, ReadTransaction, ReadableDatabase, TableDefinition,
    WriteTransaction,
};

use crate::error::StoreError;

#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    cache_bytes: usize,
    /// None after a failure, until it can be opened again.
    open: RwLock<Option<redb::Database>>,
}

/// How many commits there were, so that after a failure it can be told whether the last one was
/// made.
const COMMITS: TableDefinition<'_, (), u64> = TableDefinition::new("commits");

impl Database {
    /// Opens the database in a file, which is made where it is not there.
    pub(crate) fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = Self { path: path.to_owned(), cache_bytes, open: RwLock::new(None) };
        database.reopen()?;
        Ok(database)
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

    /// Writes all or nothing, which is durable when this returns.
    pub(crate) fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        // A call that reads comes first: it opens what a failure has closed.
        let before = self.commits()?;
        let written = self.with(|open| {
            let transaction = open.begin_write()?;
            let result = write(&transaction)?;
            transaction.open_table(COMMITS)?.insert((), before + 1)?;
            Ok((result, transaction.commit()))
        });
        match written {
            Ok((result, Ok(()))) => Ok(result),
            // It may have come to the disk all the same.
            Ok((result, Err(error))) => {
                self.close();
                match self.commits() {
                    Ok(commits) if commits > before => Ok(result),
                    _ => Err(self.failed(error.into())),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn commits(&self) -> Result<u64, StoreError> {
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
        let result = call(open.as_ref().ok_or(StoreError::Closed)?);
        drop(open);
        result.map_err(|error| {
            if is_final(&error) {
                self.close();
            }
            self.failed(error)
        })
    }

    fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Opens it where it is not open.
    fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_none() {
            let opened = Builder::new().set_cache_size(self.cache_bytes).create(&self.path);
            *open = Some(opened.map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => {
                    StoreError::Locked { path: self.path.clone() }
                }
                error => self.failed(error.into()),
            })?);
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
