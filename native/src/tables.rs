//! What lies in the database, the truth of a store.
//!
//! | table | key | value |
//! |---|---|---|
//! | `collections` | name | number, dimensions, and the configuration as JSON |
//! | `entries` | collection, scope, id | a record, see `core/docs/format.md` |
//! | `vectors` | the same | the vector as it was given, `f32` |
//! | `values` | key | value |
//! | `commits` | | how many there were |

use std::ops::Range;

use redb::{
    Error, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, TableError,
    WriteTransaction,
};
use vicino_core::Change;

use crate::kv::BackendStats;

/// A key of an entry: whose collection, which scope, which id.
type EntryKey = (u32, &'static str, &'static str);

pub(crate) const COLLECTIONS: TableDefinition<'_, &str, (u32, u32, &str)> =
    TableDefinition::new("collections");
pub(crate) const ENTRIES: TableDefinition<'_, EntryKey, &[u8]> = TableDefinition::new("entries");
pub(crate) const VECTORS: TableDefinition<'_, EntryKey, &[u8]> = TableDefinition::new("vectors");
pub(crate) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");

/// Writes what a batch changes in a collection.
pub(crate) fn write_entries<'c>(
    to: &WriteTransaction,
    collection: u32,
    changes: impl Iterator<Item = Change<'c>>,
) -> Result<(), Error> {
    let mut entries = to.open_table(ENTRIES)?;
    let mut vectors = to.open_table(VECTORS)?;
    for change in changes {
        match change {
            Change::Put { scope, id, record, vector } => {
                let scope = scope.to_string();
                entries.insert((collection, &*scope, id), record)?;
                if let Some(vector) = vector {
                    vectors.insert((collection, &*scope, id), bytemuck::cast_slice(vector))?;
                }
            }
            Change::Delete { scope, id } => {
                let scope = scope.to_string();
                entries.remove((collection, &*scope, id))?;
                vectors.remove((collection, &*scope, id))?;
            }
            Change::DeleteScope { scope } => {
                // The least text behind that of the scope.
                let [scope, end] = [scope.to_string(), format!("{scope}\0")];
                let range: Range<(u32, &str, &str)> =
                    (collection, &*scope, "")..(collection, &*end, "");
                entries.retain_in(range.clone(), |_, _| false)?;
                vectors.retain_in(range, |_, _| false)?;
            }
            other => return Err(Error::Corrupted(format!("{other:?} cannot be kept"))),
        }
    }
    Ok(())
}

/// Gives keys values.
pub(crate) fn set_values(
    to: &WriteTransaction,
    pairs: &[(String, Vec<u8>)],
) -> Result<usize, Error> {
    let mut values = to.open_table(VALUES)?;
    for (key, value) in pairs {
        values.insert(&**key, &**value)?;
    }
    Ok(pairs.len())
}

/// Takes the values of keys away; how many there were.
pub(crate) fn delete_values(to: &WriteTransaction, keys: &[String]) -> Result<usize, Error> {
    let mut values = to.open_table(VALUES)?;
    let mut deleted = 0;
    for key in keys {
        deleted += usize::from(values.remove(&**key)?.is_some());
    }
    Ok(deleted)
}

/// Takes all values away.
pub(crate) fn clear_values(to: &WriteTransaction) -> Result<usize, Error> {
    to.delete_table(VALUES)?;
    Ok(0)
}

/// The values of one moment.
pub(crate) struct Values(Option<ReadOnlyTable<&'static str, &'static [u8]>>);

impl Values {
    pub(crate) fn of(from: &ReadTransaction) -> Result<Self, Error> {
        match from.open_table(VALUES) {
            Ok(table) => Ok(Self(Some(table))),
            Err(TableError::TableDoesNotExist(_)) => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(table) = &self.0 else { return Ok(None) };
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    pub(crate) fn contains(&self, key: &str) -> Result<bool, Error> {
        let Some(table) = &self.0 else { return Ok(false) };
        Ok(table.get(key)?.is_some())
    }

    /// The keys that begin with a prefix.
    pub(crate) fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let Some(table) = &self.0 else { return Ok(keys) };
        for pair in table.range(prefix..)? {
            let (key, _) = pair?;
            if !key.value().starts_with(prefix) {
                break;
            }
            keys.push(key.value().to_owned());
        }
        Ok(keys)
    }

    pub(crate) fn stats(&self) -> Result<BackendStats, Error> {
        let mut stats = BackendStats::default();
        let Some(table) = &self.0 else { return Ok(stats) };
        for pair in table.iter()? {
            let (key, value) = pair?;
            stats.keys += 1;
            stats.bytes += (key.value().len() + value.value().len()) as u64;
        }
        Ok(stats)
    }
}
