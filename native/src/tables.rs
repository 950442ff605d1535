//! What lies in the database, the truth of a store.
//!
//! | table | key | value |
//! |---|---|---|
//! | `collections` | name | number, dimensions, and the configuration as JSON |
//! | `numbers` | | the number of the next collection, which none had before |
//! | `entries` | collection, scope, id | a record, see `core/docs/format.md` |
//! | `vectors` | the same | the vector as it was given, `f32` |
//! | `changes` | number | collection, scope, ids or none for all: what no checkpoint has |
//! | `pending` | number | the same, of entries that are there before all of their write are |
//! | `checkpoint` | | checksum (XXH3), and which files are current, as JSON |
//! | `format` | | the version of all this |
//! | `values` | key | value |
//! | `commits` | | how many there were |

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use redb::{
    Error, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, TableError, WriteTransaction,
};
use twox_hash::XxHash3_64;
use vicino_core::{Change, Scope, VectorEntry};

use crate::kv::BackendStats;

/// A key of an entry: whose collection, which scope, which id.
type EntryKey = (u32, &'static str, &'static str);

pub(crate) const COLLECTIONS: TableDefinition<'_, &str, (u32, u32, &str)> =
    TableDefinition::new("collections");
pub(crate) const NUMBERS: TableDefinition<'_, (), u32> = TableDefinition::new("numbers");
pub(crate) const ENTRIES: TableDefinition<'_, EntryKey, &[u8]> = TableDefinition::new("entries");
pub(crate) const VECTORS: TableDefinition<'_, EntryKey, &[u8]> = TableDefinition::new("vectors");
pub(crate) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");

/// What changed: of which collection, in which scope, and which ids; none for all of the scope.
pub(crate) type Changed = (u32, &'static str, Option<Vec<&'static str>>);

pub(crate) const CHANGES: TableDefinition<'_, u64, Changed> = TableDefinition::new("changes");
const CHECKPOINT: TableDefinition<'_, (), (u64, &[u8])> = TableDefinition::new("checkpoint");
const FORMAT: TableDefinition<'_, (), u32> = TableDefinition::new("format");

/// The version of the tables; a later one is refused.
pub(crate) const VERSION: u32 = 1;

/// Writes what a batch changes in a collection.
pub(crate) fn write_entries<'c>(
    to: &WriteTransaction,
    collection: u32,
    changes: impl Iterator<Item = Change<'c>>,
) -> Result<(), Error> {
    let changed = write_rows(to, collection, changes)?;
    let mut log = to.open_table(CHANGES)?;
    let next = last_of(&log)? + 1;
    note(&mut log, next, collection, &changed)
}

/// Notes what has changed, from a number on.
pub(crate) fn note(
    table: &mut Table<'_, u64, Changed>,
    from: u64,
    collection: u32,
    changed: &[Ids<'_>],
) -> Result<(), Error> {
    for (number, (scope, ids)) in (from..).zip(changed) {
        table.insert(number, (collection, &**scope, ids.clone()))?;
    }
    Ok(())
}

/// The number of the last change; 0 where there is none.
pub(crate) fn last_of(log: &impl ReadableTable<u64, Changed>) -> Result<u64, Error> {
    Ok(log.last()?.map_or(0, |(number, _)| number.value()))
}

/// Ids of a scope; none for all.
pub(crate) type Ids<'c> = (String, Option<Vec<&'c str>>);

pub(crate) fn write_rows<'c>(
    to: &WriteTransaction,
    collection: u32,
    changes: impl Iterator<Item = Change<'c>>,
) -> Result<Vec<Ids<'c>>, Error> {
    let mut entries = to.open_table(ENTRIES)?;
    let mut vectors = to.open_table(VECTORS)?;
    let mut changed: Vec<Ids<'c>> = Vec::new();
    for change in changes {
        let (scope, id) = match change {
            Change::Put { scope, id, .. } | Change::Delete { scope, id } => (scope, Some(id)),
            Change::DeleteScope { scope } => (scope, None),
            other => return Err(Error::Corrupted(format!("{other:?} cannot be kept"))),
        };
        let scope = scope.to_string();
        let key = (collection, &*scope, id.unwrap_or_default());
        match change {
            Change::Put { record, vector, .. } => {
                entries.insert(key, record)?;
                if let Some(vector) = vector {
                    vectors.insert(key, bytemuck::cast_slice(vector))?;
                }
            }
            Change::Delete { .. } => {
                entries.remove(key)?;
                vectors.remove(key)?;
            }
            _ => {
                let end = end_of(&scope);
                let range = key..(collection, &*end, "");
                entries.retain_in(range.clone(), |_, _| false)?;
                vectors.retain_in(range, |_, _| false)?;
            }
        }
        match (changed.last_mut(), id) {
            (Some((last, Some(ids))), Some(id)) if *last == scope => ids.push(id),
            _ => changed.push((scope, id.map(|id| vec![id]))),
        }
    }
    Ok(changed)
}

/// The collections that there are: names, dimensions and configurations.
pub(crate) fn read_collections(
    from: &ReadTransaction,
) -> Result<Vec<(String, u32, String)>, Error> {
    let collections = match from.open_table(COLLECTIONS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        collections => collections?,
    };
    let mut rows = Vec::new();
    for row in collections.iter()? {
        let (name, known) = row?;
        let (_, dimensions, config) = known.value();
        rows.push((name.value().to_owned(), dimensions, config.to_owned()));
    }
    Ok(rows)
}

/// The number of the collection of a name, if there is one.
pub(crate) fn read_number(from: &ReadTransaction, name: &str) -> Result<Option<u32>, Error> {
    match from.open_table(COLLECTIONS) {
        Ok(collections) => Ok(collections.get(name)?.map(|known| known.value().0)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes a collection away with all that it holds.
pub(crate) fn drop_collection(to: &WriteTransaction, name: &str, number: u32) -> Result<(), Error> {
    to.open_table(COLLECTIONS)?.remove(name)?;
    let range = (number, "", "")..(number + 1, "", "");
    to.open_table(ENTRIES)?.retain_in(range.clone(), |_, _| false)?;
    to.open_table(VECTORS)?.retain_in(range, |_, _| false)?;
    Ok(())
}

/// The least text behind all keys of a scope.
fn end_of(scope: &str) -> String {
    format!("{scope}\0")
}

/// What no checkpoint has of a collection: all of some scopes, and some ids of others.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) whole: BTreeSet<Scope>,
    pub(crate) ids: BTreeMap<Scope, BTreeSet<String>>,
}

/// Reads the log of a collection.
pub(crate) fn read_log(from: &ReadTransaction, collection: u32) -> Result<Log, Error> {
    let mut log = Log::default();
    let changes = match from.open_table(CHANGES) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(log),
        changes => changes?,
    };
    for change in changes.iter()? {
        let change = change?.1;
        let (of, scope, ids) = change.value();
        if of != collection {
            continue;
        }
        let scope = scope_of(scope)?;
        match ids {
            Some(ids) => {
                log.ids.entry(scope).or_default().extend(ids.into_iter().map(str::to_owned));
            }
            None => drop(log.whole.insert(scope)),
        }
    }
    Ok(log)
}

/// How many changes the log has, and the number of the last.
pub(crate) fn log_end(from: &ReadTransaction) -> Result<(u64, u64), Error> {
    let changes = match from.open_table(CHANGES) {
        Err(TableError::TableDoesNotExist(_)) => return Ok((0, 0)),
        changes => changes?,
    };
    Ok((changes.len()?, last_of(&changes)?))
}

/// Says which files are current, which have all changes of these collections up to a number.
pub(crate) fn write_checkpoint(
    to: &WriteTransaction,
    manifest: &[u8],
    last: u64,
    of: impl Fn(u32) -> bool,
) -> Result<(), Error> {
    let checksum = XxHash3_64::oneshot(manifest);
    to.open_table(CHECKPOINT)?.insert((), (checksum, manifest))?;
    to.open_table(CHANGES)?.retain_in(..=last, |_, (collection, ..)| !of(collection))?;
    Ok(())
}

/// Which files are current, if there ever were some.
pub(crate) fn read_checkpoint(from: &ReadTransaction) -> Result<Option<Vec<u8>>, Error> {
    match from.open_table(CHECKPOINT) {
        Ok(table) => Ok(table.get(())?.map(|row| {
            let (checksum, manifest) = row.value();
            // A damaged one is none.
            let is_whole = XxHash3_64::oneshot(manifest) == checksum;
            if is_whole { manifest.to_vec() } else { Vec::new() }
        })),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The version of the tables, if there are some.
pub(crate) fn read_version(from: &ReadTransaction) -> Result<Option<u32>, Error> {
    match from.open_table(FORMAT) {
        Ok(table) => Ok(table.get(())?.map(|version| version.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn write_version(to: &WriteTransaction) -> Result<(), Error> {
    to.open_table(FORMAT)?.insert((), VERSION)?;
    Ok(())
}

/// The entries of one moment.
pub(crate) struct Entries {
    collection: u32,
    tables: Option<[ReadOnlyTable<EntryKey, &'static [u8]>; 2]>,
}

impl Entries {
    pub(crate) fn of(from: &ReadTransaction, collection: u32) -> Result<Self, Error> {
        let tables = match from.open_table(ENTRIES) {
            Err(TableError::TableDoesNotExist(_)) => None,
            entries => Some([entries?, from.open_table(VECTORS)?]),
        };
        Ok(Self { collection, tables })
    }

    pub(crate) fn get(&self, scope: &Scope, id: &str) -> Result<Option<VectorEntry>, Error> {
        let Some([entries, vectors]) = &self.tables else { return Ok(None) };
        let text = scope.to_string();
        let key = (self.collection, &*text, id);
        let Some(record) = entries.get(key)? else { return Ok(None) };
        let vector = vectors.get(key)?.ok_or_else(|| damaged("an entry has no vector"))?;
        entry(scope, id, record.value(), vector.value()).map(Some)
    }

    /// Calls `each` with the entries of one scope, or of all, as long as it says so.
    pub(crate) fn for_each(
        &self,
        scope: Option<&Scope>,
        mut each: impl FnMut(VectorEntry) -> bool,
    ) -> Result<(), Error> {
        let Some([entries, vectors]) = &self.tables else { return Ok(()) };
        let text = scope.map(Scope::to_string).unwrap_or_default();
        let end = scope.map(|_| end_of(&text)).unwrap_or_default();
        let end = (self.collection + u32::from(scope.is_none()), &*end, "");
        let range: Range<(u32, &str, &str)> = (self.collection, &*text, "")..end;
        let mut vectors = vectors.range(range.clone())?;
        for row in entries.range(range)? {
            let (key, record) = row?;
            let (_, scope, id) = key.value();
            let vector = vectors.next().transpose()?;
            let vector = vector.filter(|(same, _)| same.value() == key.value());
            let (_, vector) = vector.ok_or_else(|| damaged("an entry has no vector"))?;
            if !each(entry(&scope_of(scope)?, id, record.value(), vector.value())?) {
                break;
            }
        }
        Ok(())
    }
}

fn entry(scope: &Scope, id: &str, record: &[u8], vector: &[u8]) -> Result<VectorEntry, Error> {
    let (values, rest) = vector.as_chunks::<4>();
    let values = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
    let entry = VectorEntry::of_record(scope, record, values);
    let entry = entry.ok().filter(|entry| entry.id == id && rest.is_empty());
    entry.ok_or_else(|| damaged("an entry is none"))
}

fn scope_of(text: &str) -> Result<Scope, Error> {
    Scope::from_str(text).map_err(|_| damaged("a scope is none"))
}

fn damaged(what: &str) -> Error {
    Error::Corrupted(what.to_owned())
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
