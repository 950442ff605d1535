//! A collection as a snapshot, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::directory::Known;
use super::{Collection, Stamps};
use crate::config::HnswConfig;
use crate::error::Error;
use crate::memory::Bytes;
use crate::scope::Scope;
use crate::simd::Simd;
use crate::snapshot::{Open, Part, Place, Save, Sink, SnapshotIndex, SnapshotWriter, corrupt};

/// All scopes of a collection, or some, as they were at one moment, to be written to a file.
///
/// Readers and the writer of the collection go on while it is written, on another thread perhaps.
/// It has copies of links, ids and columns, which no memory limit counts; vectors, codes and
/// records stay where they are, and the places of entries that are deleted are used again when no
/// snapshot is left. So where new entries lie depends on when that is, which no answer tells.
///
/// ```
/// use vicino_core::{
///     Bytes, Collection, HnswConfig, Open, Searcher, Simd, VectorEntry, VectorQuery,
/// };
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 2, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![3.0, 4.0])], 0)?;
/// let snapshot = collection.snapshot()?;
/// let writing = std::thread::spawn(move || {
///     let mut file = Vec::new();
///     snapshot.write(&mut file).map(|()| file)
/// });
/// collection.insert(vec![VectorEntry::new("later", vec![4.0, 3.0])], 1)?;
///
/// let bytes = Bytes::copy_of(&writing.join().unwrap()?)?;
/// let mut again = Collection::open(bytes, Simd::detect(), &Open::default())?;
/// assert_eq!(again.stats().vector_count, 1);
/// again.insert(vec![VectorEntry::new("b", vec![4.0, 3.0])], 1)?;
/// let query = VectorQuery::new(vec![3.0, 4.0], 2);
/// let found = again.search(&query, &mut Searcher::default())?;
/// assert_eq!([found[0].key.id(), found[1].key.id()], ["a", "b"]);
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub struct Snapshot {
    config: HnswConfig,
    dimensions: usize,
    parts: Vec<SavedPart>,
}

/// The part of a scope.
struct SavedPart {
    scope: Scope,
    entries: usize,
    next_expiry: i64,
    stamp: u64,
    save: Save,
}

impl SavedPart {
    fn write<S: Sink>(&self, writer: &mut SnapshotWriter<'_, S>) {
        if writer.goes_on() {
            writer.part(&self.scope, (self.entries as u64, self.next_expiry), &self.save);
        }
    }
}

impl Snapshot {
    /// Writes it, and gives back the memory of each scope that is written. The same calls since the
    /// collection was made, with snapshots dropped at the same points among them, give the same
    /// bytes, on every machine and for any number of threads.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write<S: Sink>(self, sink: &mut S) -> Result<(), S::Error> {
        let mut writer = SnapshotWriter::new(sink, &self.config, self.dimensions);
        self.parts.into_iter().for_each(|part| part.write(&mut writer));
        writer.end()
    }

    /// Writes the same bytes and keeps everything, to write them again: to count them first, or for
    /// a sink that takes a piece each time.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn copy<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        let mut writer = SnapshotWriter::new(sink, &self.config, self.dimensions);
        self.parts.iter().for_each(|part| part.write(&mut writer));
        writer.end()
    }

    /// What its scopes were when it was taken.
    #[must_use]
    pub fn stamps(&self) -> Stamps {
        Stamps(self.parts.iter().map(|part| (part.scope.clone(), part.stamp)).collect())
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("scopes", &self.parts.len()).finish_non_exhaustive()
    }
}

impl Collection {
    /// All scopes of this moment, each with everything that is known of its entries, so that
    /// [`open`](Self::open) goes on from here on any machine. It takes the memory of the links,
    /// some 130 bytes an entry at the usual settings, 20 more for ids and states, and that of
    /// columns; and as long as copying these, about a tenth of a second for a million entries.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], and [`Error::WriteConflict`] while a scope is changed
    /// [apart](super::PreparedBatch::commit_apart).
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.snapshot_of(&|_| true)
    }

    /// The same of some scopes, as far as they are there.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn snapshot_scopes(&self, scopes: &[Scope]) -> Result<Snapshot, Error> {
        let mut chosen = BTreeSet::new();
        chosen.extend(scopes.iter().cloned());
        self.snapshot_of(&|scope| chosen.contains(scope))
    }

    fn snapshot_of(&self, is_chosen: &dyn Fn(&Scope) -> bool) -> Result<Snapshot, Error> {
        if self.away.iter().any(is_chosen) {
            return Err(Error::WriteConflict);
        }
        let shelf = self.reader.shelf();
        let mut parts = BTreeMap::new();
        let mut add = |scope: &Scope, stamp, entries, next_expiry, save| {
            let scope = scope.clone();
            let part = SavedPart { scope: scope.clone(), entries, next_expiry, stamp, save };
            parts.insert(scope, Box::new(part));
        };
        for (scope, partition) in self.partitions.iter().chain(shelf.resting()) {
            if is_chosen(scope) {
                let (save, catalog) = (partition.save()?, &partition.catalog);
                let next_expiry = catalog.next_expiry.unwrap_or(i64::MAX);
                add(scope, partition.stamp, catalog.len, next_expiry, save);
            }
        }
        let mut closed = Vec::new();
        for known in shelf.directory.iter() {
            match known {
                Known::Closed(known) if is_chosen(known.scope()) => closed.push(Arc::clone(known)),
                _ => {}
            }
        }
        // Others open scopes while these are read.
        drop(shelf);
        for closed in closed {
            let save = closed.save()?;
            add(closed.scope(), closed.stamp, closed.entries, closed.next_expiry, save);
        }
        let parts = parts.into_values().map(|part| *part).collect();
        Ok(Snapshot { config: self.config().clone(), dimensions: self.dimensions(), parts })
    }

    /// The collection that a snapshot was written of, as it was then. Vectors, codes, links, ids
    /// and metadata are read where they lie in the bytes; what comes later takes memory of its own,
    /// but for links and the vectors of slots that are used again, which are written where they
    /// lie. Maintenance begins again with the first scope. Limits are not in a snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the bytes are no snapshot, or a damaged one, as far as is looked;
    /// [`Error::UnknownFormat`] for one of a later version; [`Error::OutOfMemory`].
    pub fn open(bytes: Bytes, simd: Simd, open: &Open) -> Result<Self, Error> {
        let index = SnapshotIndex::of(bytes.read())?;
        let mut collection = Self::of_snapshot(&index, simd, open)?;
        for place in &index.places {
            let part = bytes.part_at(&place.range);
            let part = part.ok_or_else(|| corrupt("directory")("leads out of the file"))?;
            collection.open_part(place, part, open)?;
        }
        collection.reader.publish(&collection.reader.shelf());
        Ok(collection)
    }

    /// A collection with the settings of a snapshot, whose scopes are to be opened one by one.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the settings are none.
    pub fn of_snapshot(index: &SnapshotIndex, simd: Simd, open: &Open) -> Result<Self, Error> {
        let collection = Self::new(index.config.clone(), index.dimensions, simd);
        let collection = collection.map_err(|_| corrupt("header")("has no valid settings"))?;
        Ok(collection.with_memory(open.memory))
    }

    /// Opens a scope of a snapshot on the bytes of its part, see
    /// [`range`](SnapshotIndex::range). The collection has the settings of the snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the snapshot has no such scope, or another dimension or metric than
    /// the collection, or the bytes are not its part; [`Error::ScopeExists`] where the collection
    /// has the scope already; [`Error::OutOfMemory`].
    pub fn open_scope(
        &mut self,
        index: &SnapshotIndex,
        scope: &Scope,
        part: Bytes,
        open: &Open,
    ) -> Result<(), Error> {
        if self.reader.shelf().directory.get(scope).is_some() {
            return Err(Error::ScopeExists { scope: scope.clone() });
        }
        self.check_settings(index)?;
        let place = index.place(scope);
        let place = place.ok_or_else(|| corrupt("directory")("has no such scope"))?;
        self.open_part(place, part, open)?;
        self.reader.publish(&self.reader.shelf());
        Ok(())
    }

    fn open_part(&mut self, place: &Place, part: Bytes, open: &Open) -> Result<(), Error> {
        let part = Part::new(part, place, open.verify)?;
        let mut partition = self.reader.partition(place, part, open)?;
        self.stamp += 1;
        partition.stamp = self.stamp;
        self.reader.gain(partition.counted);
        self.reader.shelf().directory.put(Known::Open(partition.partition.clone()));
        self.partitions.insert(place.scope.clone(), Box::new(partition));
        Ok(())
    }
}
