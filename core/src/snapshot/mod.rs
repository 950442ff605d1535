//! Snapshots: a collection, or some of its scopes, as bytes that open everywhere.
//!
//! `core/docs/format.md` says what each byte means. A file is a header, a part for each scope, a
//! directory of the parts and a footer; a part is arrays of rows of one length, each under a tag,
//! and a table of them. What an array means is known to who wrote it: `index` has vectors and
//! links, `collection` has records. Here is what all have in common: where arrays lie, their
//! checksums, and the order in which bytes go out and come in.
//!
//! Nothing of a file is believed: each length and place is checked before it is used, arrays do not
//! overlap, and what they hold is checked by those who read it.

mod header;
mod index;
mod read;
mod source;
mod write;

use crate::error::Error;
use crate::memory::Memory;

pub(crate) use index::Place;
pub use index::SnapshotIndex;
pub(crate) use read::{Part, corrupt};
pub use source::{SnapshotFile, Source};
pub(crate) use write::{PartWriter, Save, SnapshotWriter};

#[cfg(target_endian = "big")]
compile_error!("snapshots are little-endian, and are read where they lie");

/// Where a snapshot goes: what core needs of a file, a socket or a buffer.
///
/// ```
/// use vicino_core::Sink;
///
/// let mut bytes = Vec::new();
/// Sink::write(&mut bytes, b"abc")?;
/// assert_eq!(bytes, b"abc");
/// # Ok::<(), vicino_core::Error>(())
/// ```
pub trait Sink {
    /// Why it takes no more.
    type Error;

    /// Takes bytes, which come behind those before. It takes all of them or fails.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from taking them. Nothing more is then written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl Sink for Vec<u8> {
    /// [`Error::OutOfMemory`].
    type Error = Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let all = self.len().saturating_add(bytes.len());
        self.try_reserve(bytes.len()).map_err(|_| Error::OutOfMemory { bytes: all })?;
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// How much of a snapshot is looked at before it is opened.
///
/// ```
/// use vicino_core::Verify;
///
/// assert_eq!(Verify::default(), Verify::Structure);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Where everything lies. The default: what else is damaged gives errors or other answers when
    /// it is read, and does no harm beyond.
    #[default]
    Structure,
    /// The checksum of every byte too.
    Full,
    /// The checksum of every byte of parts that have no more bytes than this, which is no more than
    /// reading them; of larger ones where everything lies.
    UpTo(u64),
}

/// How a snapshot is opened.
///
/// ```
/// use vicino_core::{Open, Verify};
///
/// let open = Open::default().with_verify(Verify::Full).with_preload(true);
/// assert!(open.preload && open.verify == Verify::Full);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Open {
    /// What is looked at first. Default: the structure.
    pub verify: Verify,
    /// Are codes and links copied into chunks of memory, instead of being read where they lie? It
    /// takes as long as reading them, and where chunks are in huge pages, searches are then as fast
    /// as of an index that was built. Default: no.
    pub preload: bool,
    /// How chunks of memory are made. Default: as they come.
    pub memory: Memory,
}

impl Open {
    /// Sets what is looked at first.
    #[must_use]
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// Sets whether codes and links are copied.
    #[must_use]
    pub fn with_preload(mut self, preload: bool) -> Self {
        self.preload = preload;
        self
    }

    /// Sets how chunks of memory are made.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }
}

/// What an array is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) bytes: [u8; 4],
    /// What errors call it.
    pub(crate) name: &'static str,
}

impl Tag {
    pub(crate) const fn new(bytes: [u8; 4], name: &'static str) -> Self {
        Self { bytes, name }
    }
}

/// The first bytes: no text begins with the first, and the line ends show whether something took
/// the file for text.
const MAGIC: [u8; 8] = *b"\x89VCN\r\n\x1a\n";

/// The last bytes.
const END: [u8; 8] = *b"VCN end\n";

const HEADER: usize = 128;
const FOOTER: usize = 64;

/// The bytes of an array in the table of its part.
const ENTRY: usize = 40;

/// A later one is refused.
const MAJOR: u16 = 1;
const MINOR: u16 = 0;

/// A reader that does not know this array cannot open the part.
const CRITICAL: u32 = 1;
