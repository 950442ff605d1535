//! Who has a store: one process writes a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::StoreError;

/// A folder that nobody else opens while this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes a folder. The operating system gives it back when the process ends, however it does;
    /// the number in the file is only for messages.
    pub(crate) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("LOCK");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(StoreError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Without it the message says less.
                _ = (&file).take(20).read_to_string(&mut holder);
                let holder = holder.trim().parse().ok();
                return Err(StoreError::Locked { path: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path)(error)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind());
        let written = written.and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(StoreError::io(&path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Gives the folder back, also where a process that is being started still has a copy of the
    /// file: closing it alone would leave the lock until the other program begins.
    fn drop(&mut self) {
        // It is closed then, which does the same a little later.
        _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_file_does_not_keep_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let copy = lock.file.try_clone().unwrap();
        assert_eq!(Lock::take(folder.path()).unwrap_err().code(), "locked");
        drop(lock);
        Lock::take(folder.path()).unwrap();
        drop(copy);
    }
}
