//! Snapshots in files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use vicino_core::{Bytes, Sink, Snapshot};

/// A file, or anything else that is written to, as core knows it.
///
/// ```
/// use vicino::{Sink, WriteSink};
///
/// let mut sink = WriteSink(Vec::new());
/// sink.write(b"abc")?;
/// assert_eq!(sink.0, b"abc");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WriteSink<W>(pub W);

impl<W: Write> Sink for WriteSink<W> {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// Writes a snapshot to a file, in the place of the one that may be there: whoever
/// opens the path finds the whole of either, also after a crash.
///
/// ```
/// use vicino::{Collection, HnswConfig, Open, VectorEntry};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("store.vcn");
/// let mut collection = Collection::new(HnswConfig::balanced(), 2, vicino::simd()?)?;
/// collection.insert(vec![VectorEntry::new("a", vec![1.0, 2.0])], 0)?;
/// vicino::write_file(collection.snapshot()?, &path)?;
///
/// let again = Collection::open(vicino::read_file(&path)?, vicino::simd()?, &Open::default())?;
/// assert!(again.contains(&"a".into())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of the file system.
pub fn write_file(snapshot: Snapshot, path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let (file, beside) = create_beside(folder, name)?;
    let mut sink = WriteSink(file);
    let written = snapshot.write(&mut sink);
    let written = written.and_then(|()| sink.0.sync_all());
    let written = written.and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What was begun is of no use; the error that counts is the first.
        _ = fs::remove_file(&beside);
    }
    written?;
    // The new name is durable once the folder is, where folders can be opened.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// A new file in a folder, which nobody else writes.
fn create_beside(folder: &Path, name: &OsStr) -> io::Result<(File, PathBuf)> {
    let mut number = 0_u32;
    loop {
        let mut beside = name.to_owned();
        beside.push(format!(".{}-{number}.new", std::process::id()));
        let beside = folder.join(beside);
        match File::create_new(&beside) {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Reads a whole file, to open a snapshot on.
///
/// # Errors
///
/// Those of the file system.
pub fn read_file(path: &Path) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        // It does not tell how long it is.
        return Bytes::try_from(fs::read(path)?).map_err(io::Error::other);
    }
    let len = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = Bytes::zeroed(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.read_exact(bytes.fill_in())?;
    Ok(bytes)
}
