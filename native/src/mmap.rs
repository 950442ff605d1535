//! Memory as the operating system gives it.

#![expect(unsafe_code, reason = "advice is given by address, and files are memory of others")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::MmapOptions;
use vicino_core::{Bytes, Memory};

/// Maps a file, to open a snapshot on: nothing is read before it is needed, and what several
/// processes read is in memory once. Links that are changed are private to this mapping.
///
/// ```
/// use vicino::{Collection, HnswConfig, Open};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("store.vcn");
/// let collection = Collection::new(HnswConfig::balanced(), 2, vicino::simd()?)?;
/// vicino::write_file(collection.snapshot()?, &path)?;
///
/// // SAFETY: nobody changes the file.
/// let bytes = unsafe { vicino::map_file(&path)? };
/// let again = Collection::open(bytes, vicino::simd()?, &Open::default())?;
/// assert_eq!(again.stats().vector_count, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the file system.
///
/// # Safety
///
/// Nobody changes the file or cuts it short while the bytes, or a collection that was opened on
/// them, are there. [`write_file`](crate::write_file) puts another file in its place, which is no
/// change of it.
pub unsafe fn map_file(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Bytes::copy_of(&[]).map_err(io::Error::other);
    }
    // SAFETY: the caller's promise.
    let mut map = unsafe { MmapOptions::new().map_copy(&file)? };
    let start = NonNull::from(&mut *map).cast();
    let len = map.len();
    // SAFETY: the mapping is private, lives as long as its owner, and is looked at by nobody else.
    unsafe { Bytes::of(start, len, Arc::new(map)) }.map_err(io::Error::other)
}

/// Maps a piece of a checkpoint, privately. It lies in the file: what is beyond its end cannot be
/// read.
pub(crate) fn map_checkpoint(file: &File, start: u64, len: usize) -> io::Result<Bytes> {
    // SAFETY: only who has the lock of a store writes its checkpoints, and changes none that has
    // its name; they are removed, which leaves the mapping as it is, also in another process.
    let mut map = unsafe { MmapOptions::new().offset(start).len(len).map_copy(file)? };
    let start = NonNull::from(&mut *map).cast();
    // SAFETY: the mapping is private, lives as long as its owner, and is looked at by nobody else.
    unsafe { Bytes::of(start, len, Arc::new(map)) }.map_err(io::Error::other)
}

/// Memory in huge pages, where the operating system has them for those who ask (Linux, with
/// `/sys/kernel/mm/transparent_hugepage/enabled` at `madvise` or `always`). Elsewhere it is
/// memory as it comes.
///
/// A search is a walk to hundreds of places; with pages of 4 KB it waits for their addresses as
/// long as for their data. Measured on a million vectors, searches are a third to a half faster.
///
/// ```
/// use vicino::{HnswConfig, HnswIndex};
///
/// let config = HnswConfig::balanced();
/// let index = HnswIndex::with_memory(config, 384, vicino::simd()?, vicino::huge_pages())?;
/// assert!(index.is_empty());
/// # Ok::<(), vicino::Error>(())
/// ```
#[must_use]
pub fn huge_pages() -> Memory {
    Memory::new(advise)
}

/// Has the allocator give back what it keeps for later: what was freed in many pieces is else still
/// taken, as others see it.
pub(crate) fn give_back() {
    // SAFETY: it can be called at any time, and changes nothing that is in use.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0)
    };
}

#[cfg(target_os = "linux")]
fn advise(chunk: &mut [MaybeUninit<u8>]) {
    // SAFETY: the range is one allocation, and the advice changes no byte of it. Where it is
    // refused, pages stay small.
    unsafe { libc::madvise(chunk.as_mut_ptr().cast(), chunk.len(), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &mut [MaybeUninit<u8>]) {}
