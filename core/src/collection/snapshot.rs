//! A collection as a snapshot, and back.

use super::Collection;
use super::partition::PartitionWriter;
use crate::error::Error;
use crate::memory::Bytes;
use crate::scope::Scope;
use crate::simd::Simd;
use crate::snapshot::{Open, Sink, SnapshotFile, SnapshotWriter, corrupt};

impl Collection {
    /// Writes all scopes, each with everything that is known of its entries, so that
    /// [`open`](Self::open) goes on from here on any machine. Readers go on meanwhile. The same
    /// calls since the first give the same bytes, on every machine and for any number of threads.
    ///
    /// ```
    /// use vicino_core::{
    ///     Bytes, Collection, HnswConfig, Open, Searcher, Simd, VectorEntry, VectorQuery,
    /// };
    ///
    /// let mut collection = Collection::new(HnswConfig::balanced(), 2, Simd::detect())?;
    /// collection.insert(vec![VectorEntry::new("a", vec![3.0, 4.0])], 0)?;
    /// let mut file = Vec::new();
    /// collection.write_snapshot(&mut file).unwrap();
    ///
    /// let bytes = Bytes::copy_of(&file)?;
    /// let mut again = Collection::open(bytes, Simd::detect(), &Open::default())?;
    /// again.insert(vec![VectorEntry::new("b", vec![4.0, 3.0])], 1)?;
    /// let query = VectorQuery::new(vec![3.0, 4.0], 2);
    /// let found = again.search(&query, &mut Searcher::default())?;
    /// assert_eq!([found[0].key.id(), found[1].key.id()], ["a", "b"]);
    /// # Ok::<(), vicino_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write_snapshot<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        self.write_parts(self.partitions.iter(), sink)
    }

    /// Writes some scopes, as far as they are there, like [`write_snapshot`](Self::write_snapshot).
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write_scopes<S: Sink>(&self, scopes: &[Scope], sink: &mut S) -> Result<(), S::Error> {
        let chosen = self.partitions.iter().filter(|(scope, _)| scopes.contains(scope));
        self.write_parts(chosen, sink)
    }

    fn write_parts<'p, S: Sink>(
        &self,
        partitions: impl Iterator<Item = (&'p Scope, &'p Box<PartitionWriter>)>,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let mut writer = SnapshotWriter::new(sink, self.config(), self.dimensions());
        for (scope, partition) in partitions {
            writer.part(scope, partition.catalog.len as u64, |part| partition.write(part));
        }
        writer.end()
    }

    /// The collection that a snapshot was written of, as it was then. Vectors, codes, links, ids
    /// and metadata are read where they lie in the bytes; what changes later takes memory of its
    /// own, but for links, which are changed where they lie. Limits are not in a snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the bytes are no snapshot, or a damaged one, as far as is looked;
    /// [`Error::UnknownFormat`] for one of a later version; [`Error::OutOfMemory`].
    pub fn open(bytes: Bytes, simd: Simd, open: &Open) -> Result<Self, Error> {
        let file = SnapshotFile::open(bytes)?;
        let collection = Self::new(file.config.clone(), file.dimensions, simd);
        let collection = collection.map_err(|_| corrupt("header")("has no valid settings"))?;
        let mut collection = collection.with_memory(open.memory);
        for place in &file.parts {
            let (scope, part) = (place.scope.clone(), file.part(place, open.verify)?);
            let mut partition = PartitionWriter::open(
                scope.clone(),
                &file.config,
                file.dimensions,
                simd,
                open,
                part,
            )?;
            if partition.catalog.len as u64 != place.entries {
                return Err(corrupt("directory")("has another number of entries than a part"));
            }
            partition.counted = partition.bytes();
            collection.limits.used += partition.counted;
            collection.directory.insert(partition.partition.clone());
            collection.partitions.insert(scope, Box::new(partition));
        }
        collection.reader.publish(collection.directory.clone(), false);
        Ok(collection)
    }
}
