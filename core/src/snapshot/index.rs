//! Where the parts of a snapshot lie: footer and directory.

use std::ops::Range;

use twox_hash::XxHash3_64;

use super::header::read_header;
use super::read::{Fields, corrupt, within};
use super::{END, ENTRY, FOOTER, HEADER, Source};
use crate::config::HnswConfig;
use crate::error::Error;
use crate::memory::ALIGN;
use crate::scope::Scope;

/// Where everything of a snapshot lies: what has to be read of it to open a scope without the rest.
///
/// Its last [`FOOTER_BYTES`](Self::FOOTER_BYTES) lead to the directory, the directory to the part
/// of each scope. A program that has the file elsewhere fetches these three ranges and no others.
///
/// ```
/// use vicino_core::{
///     Bytes, Collection, HnswConfig, Open, Scope, Simd, SnapshotIndex, VectorEntry,
/// };
///
/// let acme = Scope::Tenant("acme".to_owned());
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let entry = VectorEntry::new("a", vec![1.0]);
/// collection.insert(vec![entry.clone(), entry.with_scope(acme.clone())], 0)?;
/// let mut file = Vec::new();
/// collection.snapshot()?.write(&mut file)?;
///
/// let fetch = |range: std::ops::Range<u64>| &file[range.start as usize..range.end as usize];
/// let (header, footer) = SnapshotIndex::ends(file.len() as u64);
/// let footer = fetch(footer);
/// let directory = fetch(SnapshotIndex::directory(footer)?);
/// let index = SnapshotIndex::new(fetch(header), directory, footer)?;
/// let part = Bytes::copy_of(fetch(index.range(&acme).unwrap()))?;
///
/// let open = Open::default();
/// let mut again = Collection::of_snapshot(&index, Simd::detect(), &open)?;
/// again.open_scope(&index, &acme, part, &open)?;
/// assert_eq!(again.scopes(), [acme]);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SnapshotIndex {
    pub(crate) config: HnswConfig,
    pub(crate) dimensions: usize,
    pub(crate) places: Vec<Place>,
    checksum: u64,
}

/// Where the part of a scope lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    pub(crate) entries: u64,
    /// When the first of them expires; the last time there is where none does.
    pub(crate) next_expiry: i64,
    pub(crate) range: Range<u64>,
    /// Where its table begins, at its end.
    pub(super) table: u64,
    pub(super) checksum: u64,
}

/// No part has so many arrays, also of versions to come.
const ARRAYS_MAX: u32 = 256;

impl SnapshotIndex {
    /// The bytes that a file begins with.
    pub const HEADER_BYTES: usize = HEADER;

    /// The bytes that it ends with.
    pub const FOOTER_BYTES: usize = FOOTER;

    /// Where header and footer lie in a file of so many bytes.
    #[must_use]
    pub fn ends(len: u64) -> (Range<u64>, Range<u64>) {
        (0..len.min(HEADER as u64), len.saturating_sub(FOOTER as u64)..len)
    }

    /// Where the directory lies, by the footer.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where it is none.
    pub fn directory(footer: &[u8]) -> Result<Range<u64>, Error> {
        Footer::read(footer).map(|footer| footer.directory)
    }

    /// The index of a snapshot by its header, its directory and its footer.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where they are none, and [`Error::UnknownFormat`] for a later version.
    pub fn new(header: &[u8], directory: &[u8], footer: &[u8]) -> Result<Self, Error> {
        let (config, dimensions) = read_header(header)?;
        let footer = Footer::read(footer)?;
        if XxHash3_64::oneshot(directory) != footer.checksum {
            return Err(corrupt("directory")("does not have its checksum"));
        }
        let outer = HEADER as u64..footer.directory.start;
        let places = read_directory(directory, footer.parts, outer)?;
        Ok(Self { config, dimensions, places, checksum: footer.checksum })
    }

    /// The index of a file of so many bytes.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and those of the source.
    pub fn read(source: &impl Source, len: u64) -> Result<Self, Error> {
        let (header, footer) = Self::ends(len);
        let (header, footer) = (source.read(header)?, source.read(footer)?);
        let range = Self::directory(footer.read())?;
        if range.end + FOOTER as u64 != len {
            return Err(corrupt("footer")("was written for a file of another length"));
        }
        Self::new(header.read(), source.read(range)?.read(), footer.read())
    }

    /// The index of a whole snapshot.
    pub(crate) fn of(all: &[u8]) -> Result<Self, Error> {
        // First what tells most: a file that is none has no footer either.
        read_header(all)?;
        let end = all.len().checked_sub(FOOTER).filter(|end| *end >= HEADER);
        let end = end.ok_or_else(|| corrupt("header")("is not followed by anything"))?;
        let (footer, len) = (&all[end..], all.len() as u64);
        let directory = Footer::read(footer)?.directory;
        if directory.end + FOOTER as u64 != len {
            return Err(corrupt("footer")("was written for a file of another length"));
        }
        let start = usize::try_from(directory.start).unwrap_or(end);
        Self::new(all, &all[start..end], footer)
    }

    /// The checksum of the directory, which has those of all parts: no two snapshots that differ
    /// have the same.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// The scopes of the snapshot and how many entries each has.
    pub fn scopes(&self) -> impl Iterator<Item = (&Scope, u64)> {
        self.places.iter().map(|place| (&place.scope, place.entries))
    }

    /// Where the part of a scope lies, if the snapshot has the scope.
    #[must_use]
    pub fn range(&self, scope: &Scope) -> Option<Range<u64>> {
        self.place(scope).map(|place| place.range.clone())
    }

    pub(crate) fn place(&self, scope: &Scope) -> Option<&Place> {
        let at = self.places.binary_search_by(|place| place.scope.cmp(scope)).ok()?;
        self.places.get(at)
    }
}

/// What a file ends with.
struct Footer {
    directory: Range<u64>,
    parts: u64,
    checksum: u64,
}

impl Footer {
    fn read(footer: &[u8]) -> Result<Self, Error> {
        let damaged = corrupt("footer");
        let none = || damaged("is not one: the end is missing, or bytes of it have changed");
        let own = footer.get(..FOOTER - 16).filter(|_| footer.len() == FOOTER).ok_or_else(none)?;
        let mut from = Fields(&footer[FOOTER - 16..]);
        if XxHash3_64::oneshot(own) != from.u64()? || from.0 != END {
            return Err(none());
        }
        let mut from = Fields(own);
        let (start, len, parts) = (from.u64()?, from.u64()?, from.u64()?);
        let (checksum, file) = (from.u64()?, from.u64()?);
        let end = file.checked_sub(FOOTER as u64);
        let directory = end.and_then(|end| within(start, len, HEADER as u64..end));
        let directory = directory.filter(|directory| Some(directory.end) == end);
        let directory = directory.ok_or_else(|| damaged("leads out of the file"))?;
        Ok(Self { directory, parts, checksum })
    }
}

fn read_directory(directory: &[u8], parts: u64, outer: Range<u64>) -> Result<Vec<Place>, Error> {
    let damaged = corrupt("directory");
    let mut from = Fields(directory);
    let mut places: Vec<Place> = Vec::new();
    let mut free = outer.start;
    while !from.0.is_empty() {
        let (start, table, checksum) = (from.u64()?, from.u64()?, from.u64()?);
        let (entries, next_expiry) = (from.u64()?, i64::from_le_bytes(from.take()?));
        let (arrays, len) = (from.u32()?, from.u16()?);
        let text = std::str::from_utf8(from.some(len.into())?).ok();
        let scope = text.and_then(|text| text.parse().ok());
        let scope: Scope = scope.ok_or_else(|| damaged("names no scope"))?;
        if arrays > ARRAYS_MAX {
            return Err(damaged("has a part with too many arrays"));
        }
        let table = within(table, ENTRY as u64 * u64::from(arrays), free..outer.end);
        let table = table.ok_or_else(|| damaged("leads out of the file"))?;
        let begins = free <= start && start <= table.start && start % ALIGN as u64 == 0;
        if !begins {
            return Err(damaged("has parts that overlap"));
        }
        if places.last().is_some_and(|last| last.scope >= scope) {
            return Err(damaged("is not in the order of scopes"));
        }
        free = table.end;
        let range = start..table.end;
        places.push(Place { scope, entries, next_expiry, range, table: table.start, checksum });
    }
    match places.len() as u64 == parts {
        true => Ok(places),
        false => Err(damaged("has another number of parts than the footer says")),
    }
}
