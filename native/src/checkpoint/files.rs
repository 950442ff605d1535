//! What checkpoints ask of the file system: so little that a test can have each of it fail.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use vicino_core::{Bytes, Error, Source};

use crate::mmap::map_checkpoint;
use crate::room::Room;
use crate::threads::on_disk;

pub(crate) trait Files: Send + Sync + fmt::Debug {
    /// A new file, in the place of what a crash may have left there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Has the names in a folder outlive the power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;
}

pub(crate) trait NewFile: Write {
    /// Has what was written outlive the power.
    fn sync(&mut self) -> io::Result<()>;
}

/// Those of the operating system.
#[derive(Debug)]
pub(crate) struct RealFiles;

impl Files for RealFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(Paced { file: File::create(path)?, unsynced: 0 }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere folders cannot be opened.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        // Who closes a large file last gives its pages back, which takes long.
        let open = File::open(path).ok().filter(|_| cfg!(unix));
        fs::remove_file(path)?;
        // Where there is no thread for it, it is closed here.
        _ = on_disk(Box::new(|| drop(open)));
        Ok(())
    }
}

/// A file that is synced while it is written: where much waits for the disk, what others sync
/// waits too.
struct Paced {
    file: File,
    unsynced: usize,
}

/// So much waits for the disk.
const UNSYNCED_MAX: usize = 1 << 19;

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unsynced >= UNSYNCED_MAX {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        let written = self.file.write(&bytes[..bytes.len().min(UNSYNCED_MAX)])?;
        self.unsynced += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for Paced {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// A checkpoint, of which parts are read, or mapped where they are large.
#[derive(Debug)]
pub(crate) struct CheckpointFile {
    /// Held while a part is read.
    file: Mutex<File>,
    len: u64,
    /// Where parts that come into memory find room.
    room: Arc<Room>,
}

/// Parts of less are read: a mapping takes whole pages and a kernel's note of it, of which a
/// process has 65,530 on Linux.
const MAPPED_MIN: usize = 1 << 16;

impl CheckpointFile {
    pub(crate) fn open(path: &Path, room: Arc<Room>) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file: Mutex::new(file), len, room })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    fn bytes(&self, range: Range<u64>) -> io::Result<Bytes> {
        let end_early = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let len = range.end.checked_sub(range.start).filter(|_| range.end <= self.len);
        let len = usize::try_from(len.ok_or_else(end_early)?).map_err(io::Error::other)?;
        self.room.make(len);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if len >= MAPPED_MIN {
            // Where there can be no more of them it is read too.
            if let Ok(mapped) = map_checkpoint(&file, range.start, len) {
                return Ok(mapped);
            }
        }
        let mut bytes = Bytes::zeroed(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        file.seek(SeekFrom::Start(range.start))?;
        file.read_exact(bytes.fill_in())?;
        Ok(bytes)
    }
}

impl Source for CheckpointFile {
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        self.bytes(range).map_err(|error| Error::Unreadable { reason: error.to_string() })
    }
}
