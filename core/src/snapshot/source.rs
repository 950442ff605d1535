//! Snapshots of which parts are read when they are needed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Open, Part, Place, SnapshotIndex, Verify, corrupt};
use crate::error::Error;
use crate::memory::Bytes;
use crate::scope::Scope;

/// Where the bytes of a snapshot come from: what core needs of a file.
///
/// ```
/// use std::ops::Range;
/// use vicino_core::{Bytes, Error, Source};
///
/// #[derive(Debug)]
/// struct InMemory(Vec<u8>);
///
/// impl Source for InMemory {
///     fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
///         Bytes::copy_of(&self.0[range.start as usize..range.end as usize])
///     }
/// }
/// assert_eq!(InMemory(vec![1, 2, 3]).read(1..3)?.len(), 2);
/// # Ok::<(), Error>(())
/// ```
pub trait Source: fmt::Debug + Send + Sync {
    /// The bytes at a place of the file, which nobody else has.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] for whatever keeps it from reading, and [`Error::OutOfMemory`].
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error>;
}

/// A snapshot whose scopes come into memory when they are used, see `Collection::attach`.
///
/// ```
/// use std::ops::Range;
/// use vicino_core::{
///     Bytes, Collection, Error, HnswConfig, Open, Simd, SnapshotFile, SnapshotIndex, Source,
///     VectorEntry,
/// };
///
/// #[derive(Debug)]
/// struct InMemory(Vec<u8>);
///
/// impl Source for InMemory {
///     fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
///         Bytes::copy_of(&self.0[range.start as usize..range.end as usize])
///     }
/// }
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![1.0])], 0)?;
/// let mut bytes = Vec::new();
/// collection.snapshot()?.write(&mut bytes)?;
///
/// let index = SnapshotIndex::read(&InMemory(bytes.clone()), bytes.len() as u64)?;
/// let mut again = Collection::of_snapshot(&index, Simd::detect(), &Open::default())?;
/// let scopes: Vec<_> = index.scopes().map(|(scope, _)| scope.clone()).collect();
/// let file = SnapshotFile::new(index, InMemory(bytes), Open::default());
/// again.attach(&file, &scopes)?;
/// assert_eq!(again.stats().memory.total(), 0, "it is known, and not there");
/// assert!(again.contains(&"a".into())?, "now it is");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SnapshotFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    index: SnapshotIndex,
    source: Box<dyn Source>,
    open: Open,
}

impl SnapshotFile {
    /// A snapshot by its index, whose parts come from a source and are opened in this way.
    #[must_use]
    pub fn new(index: SnapshotIndex, source: impl Source + 'static, open: Open) -> Self {
        Self(Arc::new(Inner { index, source: Box::new(source), open }))
    }

    /// Where everything lies.
    #[must_use]
    pub fn index(&self) -> &SnapshotIndex {
        &self.0.index
    }

    /// How parts are opened.
    pub(crate) fn open(&self) -> &Open {
        &self.0.open
    }

    /// Where the part of a scope lies.
    pub(crate) fn place(&self, scope: &Scope) -> Result<&Place, Error> {
        self.0.index.place(scope).ok_or_else(|| corrupt("directory")("has no such scope"))
    }

    /// The part of a scope, which nobody else has.
    pub(crate) fn part(&self, scope: &Scope, verify: Verify) -> Result<(&Place, Part), Error> {
        let place = self.place(scope)?;
        let bytes = self.0.source.read(place.range.clone())?;
        Ok((place, Part::new(bytes, place, verify)?))
    }
}
