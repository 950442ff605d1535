//! Memory as the operating system gives it.

#![expect(unsafe_code, reason = "advice is given by address")]

use std::mem::MaybeUninit;

use vicino_core::Memory;

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

#[cfg(target_os = "linux")]
fn advise(chunk: &mut [MaybeUninit<u8>]) {
    // SAFETY: the range is one allocation, and the advice changes no byte of it. Where it is
    // refused, pages stay small.
    unsafe { libc::madvise(chunk.as_mut_ptr().cast(), chunk.len(), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &mut [MaybeUninit<u8>]) {}
