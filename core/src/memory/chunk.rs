//! Bytes in one piece: memory that never moves, which one thread appends to while others read what
//! is there.
//!
//! The writer fills bytes behind those that are there, then publishes their number; nothing below
//! it is written again. A chunk lives as long as anybody holds it.

#![expect(unsafe_code, reason = "bytes that are read while others are written behind them")]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Memory;
use crate::error::Error;

/// A cache line.
pub(super) const LINE: usize = 64;

/// Two lines, which many processors fetch together: a larger chunk begins with them. For a small
/// one that is not worth what the allocator loses between chunks.
const PAIR: usize = 2 * LINE;
pub(super) const LARGE: usize = 4096;

/// A huge page of most machines.
pub(super) const PAGE_HUGE: usize = 2 << 20;

/// How a chunk of so many bytes lies in memory.
pub(super) fn layout(bytes: usize) -> Result<Layout, Error> {
    let align = match bytes {
        // WebAssembly has no pages to be at the beginning of, and would leave as much empty.
        PAGE_HUGE.. if !cfg!(target_family = "wasm") => PAGE_HUGE,
        LARGE.. => PAIR,
        _ => LINE,
    };
    Layout::from_size_align(bytes, align).map_err(|_| Error::OutOfMemory { bytes })
}

impl Memory {
    /// Allocates a chunk of at least one byte, which is not initialised.
    pub(super) fn allocate(self, layout: Layout) -> Result<NonNull<u8>, Error> {
        let bytes = layout.size();
        assert!(bytes > 0, "a chunk holds something");
        // SAFETY: it has at least one byte.
        let chunk = NonNull::new(unsafe { alloc(layout) }).ok_or(Error::OutOfMemory { bytes })?;
        if bytes >= PAGE_HUGE {
            let uninit = chunk.cast::<MaybeUninit<u8>>();
            let slice = NonNull::slice_from_raw_parts(uninit, bytes);
            // SAFETY: the chunk is ours, not reached by anybody yet, and may be uninitialised.
            (self.advise)(unsafe { &mut *slice.as_ptr() });
        }
        Ok(chunk)
    }
}

/// Bytes that are appended to.
pub(crate) struct Chunk {
    start: NonNull<u8>,
    layout: Layout,
    len: AtomicUsize,
}

/// The one hand that appends to a chunk.
#[derive(Debug)]
pub(crate) struct ChunkWriter(Arc<Chunk>);

// SAFETY: bytes below the length are never written again, those above only by the one writer.
unsafe impl Send for Chunk {}

// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// A chunk of so many zeros, which nobody appends to.
    pub(super) fn zeroed(bytes: usize) -> Result<Self, Error> {
        assert!(bytes > 0, "a chunk holds something");
        let layout = layout(bytes)?;
        // SAFETY: it has at least one byte.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        let start = start.ok_or(Error::OutOfMemory { bytes })?;
        Ok(Self { start, layout, len: AtomicUsize::new(bytes) })
    }

    /// The bytes that have been appended.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // Acquire: who sees the length sees the bytes.
        let len = self.len.load(Ordering::Acquire);
        // SAFETY: so many bytes have been written, and nobody writes them again.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), len) }
    }

    /// Where it begins.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.layout.size()
    }
}

impl ChunkWriter {
    /// A chunk with room for so many bytes, at least one.
    pub(crate) fn new(bytes: usize, memory: Memory) -> Result<Self, Error> {
        // A small one may begin anywhere: many are small.
        let layout = match bytes {
            LARGE.. => layout(bytes)?,
            _ => Layout::array::<u8>(bytes).map_err(|_| Error::OutOfMemory { bytes })?,
        };
        let start = memory.allocate(layout)?;
        Ok(Self(Arc::new(Chunk { start, layout, len: AtomicUsize::new(0) })))
    }

    pub(crate) fn chunk(&self) -> &Arc<Chunk> {
        &self.0
    }

    /// How many bytes can still be appended.
    pub(crate) fn room(&self) -> usize {
        self.0.capacity() - self.0.len()
    }

    /// Appends bytes that there is room for.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "room is made before an append");
        let len = self.0.len();
        // SAFETY: the place is inside of the chunk.
        let end = unsafe { self.0.start.as_ptr().add(len) };
        // SAFETY: there is room, and nobody reads or writes what is behind the length.
        unsafe { end.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.0.len.store(len + bytes.len(), Ordering::Release);
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout, and nobody holds it any more.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_while_more_is() {
        let mut writer = ChunkWriter::new(10_000, Memory::default()).unwrap();
        let chunk = Arc::clone(writer.chunk());
        assert_eq!((chunk.bytes(), writer.room()), (&[][..], 10_000));
        let count = if cfg!(miri) { 300 } else { 10_000 };
        let value = |i: usize| u8::try_from(i % 251).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test may start threads")]
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut seen = 0;
                while seen < count {
                    let bytes = chunk.bytes();
                    assert!(bytes.len() >= seen, "it never shrinks");
                    assert!(bytes[seen..].iter().zip(seen..).all(|(byte, i)| *byte == value(i)));
                    seen = bytes.len();
                }
            });
            (0..count).for_each(|i| writer.append(&[value(i)]));
        });
        let room = writer.room();
        writer.append(&[]);
        writer.append(&vec![7; room]);
        assert_eq!((writer.room(), chunk.len()), (0, 10_000));
    }

    #[test]
    fn no_memory_is_an_error() {
        assert_eq!(
            ChunkWriter::new(isize::MAX as usize, Memory::default()).unwrap_err().code(),
            "out_of_memory"
        );
        assert_eq!(
            ChunkWriter::new(usize::MAX, Memory::default()).unwrap_err().code(),
            "out_of_memory"
        );
    }
}
