//! Bytes that come from outside in one piece, and whoever keeps them: what a snapshot is opened on.
//!
//! They belong to what is opened alone: everything is read where it lies, links are changed in
//! place and so are the rows of slots that are used again. Arenas see to that as they do with
//! memory of their own; whoever else looks at bytes looks at parts that never change (records,
//! columns), or before anything is opened on them. Whoever mapped or filled them looks no more.

#![expect(unsafe_code, reason = "bytes of another owner, some of which are changed in place")]

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use super::chunk::{Chunk, LARGE};
use crate::error::Error;

/// Bytes to open a snapshot on: a file in memory, or a private mapping of one.
///
/// There are no two of the same bytes, since what is opened on them changes them in place.
///
/// ```
/// use vicino_core::Bytes;
///
/// let bytes = Bytes::copy_of(b"not a snapshot")?;
/// assert_eq!(bytes.len(), 14);
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub struct Bytes {
    start: NonNull<u8>,
    len: usize,
    owner: Arc<dyn Any + Send + Sync>,
}

/// Where the first byte lies, so that every array of a file lies as it has to in memory.
pub(crate) const ALIGN: usize = 128;

// SAFETY: whoever made it gave up its bytes, which are shared like those of an arena.
unsafe impl Send for Bytes {}

// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The same bytes in memory of their own.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn copy_of(bytes: &[u8]) -> Result<Self, Error> {
        let mut copy = Self::zeroed(bytes.len())?;
        copy.fill_in().copy_from_slice(bytes);
        Ok(copy)
    }

    /// So many zeros, to [`fill_in`](Self::fill_in) what is read from elsewhere.
    ///
    /// ```
    /// use std::io::Read;
    /// use vicino_core::Bytes;
    ///
    /// let mut file = &b"not a snapshot"[..];
    /// let mut bytes = Bytes::zeroed(file.len())?;
    /// file.read_exact(bytes.fill_in()).unwrap();
    /// # Ok::<(), vicino_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub fn zeroed(len: usize) -> Result<Self, Error> {
        // A large chunk begins where it has to.
        let chunk = Chunk::zeroed(len.max(LARGE))?;
        Ok(Self { start: chunk.start(), len, owner: Arc::new(chunk) })
    }

    /// All of them, to be filled in before anything is opened on them.
    pub fn fill_in(&mut self) -> &mut [u8] {
        // SAFETY: they can be written while the owner lives, and whoever is opened on them has
        // taken them.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Bytes that lie elsewhere, for as long as `owner` lives. They are copied if they do not begin
    /// at a multiple of 128, as a mapping does.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where they have to be copied.
    ///
    /// # Safety
    ///
    /// `start` leads to `len` bytes that can be read and written while `owner` lives, and nobody
    /// else reads or writes them from now on: a mapping is private, and its file is not cut.
    pub unsafe fn of(
        start: NonNull<u8>,
        len: usize,
        owner: Arc<dyn Any + Send + Sync>,
    ) -> Result<Self, Error> {
        let bytes = Self { start, len, owner };
        if start.addr().get().is_multiple_of(ALIGN) {
            Ok(bytes)
        } else {
            Self::copy_of(bytes.read())
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them: before an arena is opened on them, or where none ever is.
    pub(crate) fn read(&self) -> &[u8] {
        // SAFETY: they can be read while the owner lives, and nobody changes them yet.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// A part of them by its place in a file, if they have it.
    pub(crate) fn part_at(&self, range: &Range<u64>) -> Option<Self> {
        let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).ok());
        let range = start?..end?;
        (range.start <= range.end && range.end <= self.len).then(|| self.part(range))
    }

    /// A part of them.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "a part lies within");
        // SAFETY: it lies within.
        let start = unsafe { self.start.add(range.start) };
        Self { start, len: range.len(), owner: Arc::clone(&self.owner) }
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The same, where values of a type begin.
    pub(super) fn start_of<T>(&self) -> NonNull<u8> {
        assert!(self.start.cast::<T>().is_aligned(), "rows begin where their elements may");
        self.start
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes").field("len", &self.len).finish_non_exhaustive()
    }
}

impl TryFrom<Vec<u8>> for Bytes {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::copy_of(&bytes)
    }
}
