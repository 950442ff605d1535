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
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere folders cannot be opened.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

impl NewFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
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
