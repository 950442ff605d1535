//! The file under a database, which knows of syncs that failed.
//!
//! What a kernel could not bring to the disk it may drop, and still show to whoever reads the
//! file; the next sync succeeds without it (Rebello et al., "Can Applications Recover from fsync
//! Failures?", 2020). A commit could be believed that is gone when the power goes, and later ones
//! be built on it. So the file is written once more, as it is read, before it is opened again.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, DatabaseError, StorageBackend};

/// Where a database lies, whose file is opened the first time and after failures.
pub(crate) struct Disk {
    opener: Opener,
    cache_bytes: usize,
    /// May the file hold something that is not on the disk and that no sync brings there?
    lost: Arc<AtomicBool>,
}

pub(crate) type Opener =
    Box<dyn Fn() -> Result<Box<dyn StorageBackend>, DatabaseError> + Send + Sync>;

/// The file while it is open. It has what a database takes that shares it with nobody.
#[derive(Debug)]
struct Opened {
    file: Box<dyn StorageBackend>,
    lost: Arc<AtomicBool>,
}

/// What is written again at once.
const CHUNK: usize = 1 << 20;

impl Disk {
    pub(crate) fn new(path: &Path, cache_bytes: usize) -> Self {
        let path = path.to_owned();
        let open = move || -> Result<Box<dyn StorageBackend>, DatabaseError> {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
            Ok(Box::new(FileBackend::new(file)?))
        };
        Self::with_opener(Box::new(open), cache_bytes)
    }

    pub(crate) fn with_opener(opener: Opener, cache_bytes: usize) -> Self {
        Self { opener, cache_bytes, lost: Arc::default() }
    }

    /// Opens the file at its last commit, which is on the disk.
    pub(crate) fn open(&self) -> Result<redb::Database, DatabaseError> {
        let file = (self.opener)()?;
        if self.lost.load(Ordering::Relaxed) {
            write_again(&*file)?;
            self.lost.store(false, Ordering::Relaxed);
        }
        let opened = Opened { file, lost: Arc::clone(&self.lost) };
        Builder::new().set_cache_size(self.cache_bytes).create_with_backend(opened)
    }
}

/// Has all that can be read of a file brought to the disk. A power cut meanwhile leaves less of a
/// commit there, which redb tells by its checksums.
fn write_again(file: &dyn StorageBackend) -> Result<(), DatabaseError> {
    match file.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
        Ok(true) | Err(BackendError::Unsupported) => {}
        Ok(false) => return Err(DatabaseError::DatabaseAlreadyOpen),
        Err(error) => return Err(error.into()),
    }
    let len = file.len()?;
    let mut bytes = vec![0; CHUNK];
    for offset in (0..len).step_by(CHUNK) {
        let left = usize::try_from(len - offset).unwrap_or(CHUNK);
        let bytes = &mut bytes[..left.min(CHUNK)];
        file.read(offset, bytes)?;
        file.write(offset, bytes)?;
    }
    file.sync_data()?;
    Ok(file.close()?)
}

impl StorageBackend for Opened {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| self.lost.store(true, Ordering::Relaxed))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("lost", &self.lost).finish_non_exhaustive()
    }
}
