//! Memory that one thread writes while others read it: the only shared mutable state of core.
//!
//! Rows lie in chunks that never move, so a reader needs no lock; [`arena`] has them. A row is
//! written before anything leads to it, and is written again only when no reader can still stand
//! on it, which [`epoch`] tells: a search pins the epoch, a writer waits for those that did.
//! Whoever writes has the only `RowsWriter`; what readers hold cannot write.
//!
//! `tests/loom` runs `epoch` and the lists under every interleaving; Miri runs all of it.

mod arena;
mod bytes;
mod chunk;
mod epoch;
mod held;
mod hidden;
mod list;
mod shape;
mod shared;
mod shown;
mod slot_set;
mod slots;
mod state;
mod sync;
mod vacant;

use std::fmt;
use std::mem::MaybeUninit;
use std::sync::LazyLock;

pub(crate) use arena::{Rows, RowsWriter, View};
pub(crate) use bytes::ALIGN;
pub use bytes::Bytes;
pub(crate) use chunk::{Chunk, ChunkWriter};
pub(crate) use epoch::{Domain, Guard, Pin, Published, Reading};
pub(crate) use held::Held;
pub(crate) use list::{Change, EMPTY, links, rewrite};
pub(crate) use shape::{arena_bytes, row_bytes, whole_lines};
pub(crate) use shared::Shared;
pub(crate) use shown::Shown;
pub(crate) use slot_set::SlotSet;
pub(crate) use slots::{Slots, SlotsWriter, slots_bytes};
pub(crate) use state::State;
pub(crate) use vacant::Vacant;

use crate::error::Error;

/// The one domain of the process: a search pins it whatever index it reads.
static DOMAIN: LazyLock<Domain> = LazyLock::new(Domain::new);

/// The domain that all searches and indexes of the process share.
pub(crate) fn domain() -> &'static Domain {
    &DOMAIN
}

/// So many values in a vector, if there is memory for it.
pub(crate) fn collected<T>(
    len: usize,
    values: impl IntoIterator<Item = T>,
) -> Result<Vec<T>, Error> {
    let mut vector = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    vector.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    vector.extend(values);
    Ok(vector)
}

/// How an index gets its large chunks: what an adapter knows of its operating system.
///
/// ```
/// use std::mem::MaybeUninit;
/// use vicino_core::{HnswConfig, HnswIndex, Memory, Simd};
///
/// fn advise(chunk: &mut [MaybeUninit<u8>]) {
///     assert_eq!(chunk.as_ptr().addr() % (2 << 20), 0);
/// }
/// let index =
///     HnswIndex::with_memory(HnswConfig::balanced(), 384, Simd::detect(), Memory::new(advise))?;
/// assert!(index.is_empty());
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Memory {
    advise: fn(&mut [MaybeUninit<u8>]),
}

impl Memory {
    /// Memory of the allocator, of which `advise` sees each chunk of 2 MB or more once, before
    /// its first use. Such a chunk begins at a multiple of 2 MB (but in WebAssembly, which has no
    /// pages), so that it can ask the operating system for huge pages: a search is a walk to a
    /// hundred places, and with pages of 4 KB it waits as long for their addresses as for their
    /// data.
    #[must_use]
    pub const fn new(advise: fn(&mut [MaybeUninit<u8>])) -> Self {
        Self { advise }
    }
}

impl Default for Memory {
    /// Memory of the allocator as it comes.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
