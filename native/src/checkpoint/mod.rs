//! Checkpoints: files that have scopes as they were at some time, so that a store is open as soon
//! as they are known. They can all be made again of the database.
//!
//! A scope that has changed is written into a new file, which is synced, named, and its folder
//! synced; then one transaction says in the database which files are current and takes from the log
//! what they have; then `CURRENT` says the same to other processes, and files that are no longer
//! named go. Whatever happens between two of these steps, what the database says is there.

mod files;
mod manifest;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vicino_core::{
    Collection, Error, Open, Scope, Snapshot, SnapshotFile, SnapshotIndex, Stamps, Verify,
};

pub(crate) use self::files::{CheckpointFile, Files, RealFiles};
pub(crate) use self::manifest::{Listed, Manifest};
pub(crate) use self::run::{Running, manifest_text};
use crate::error::StoreError;
use crate::files::WriteSink;
use crate::huge_pages;
use crate::room::Room;

/// The folder of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    files: Box<dyn Files>,
    room: Arc<Room>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Manifest,
    open: BTreeMap<u64, SnapshotFile>,
    /// The number of the next file, which none had that was current.
    next: u64,
}

/// A file that was written and is not current yet.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) listed: Listed,
    pub(crate) file: SnapshotFile,
    pub(crate) stamps: Stamps,
}

/// Up to so many bytes a part is read whole before it is believed; of larger ones it is looked at
/// where everything lies.
const VERIFIED_MAX: u64 = 64 << 20;

/// More files of a collection than this, and the smaller half becomes one.
const FILES_MAX: usize = 16;

/// The file that says to other processes what is current.
pub(crate) const CURRENT: &str = "CURRENT";

/// Where checkpoints lie in the folder of a store.
pub(crate) const FOLDER: &str = "checkpoints";

impl Checkpoints {
    /// Opens a folder, of which these files are current.
    pub(crate) fn open(
        folder: PathBuf,
        files: Box<dyn Files>,
        room: Arc<Room>,
        current: Manifest,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        let numbers = current.files.iter().map(|listed| listed.number.saturating_add(1));
        let next = numbers.fold(current.next, u64::max);
        let state = State { next, open: BTreeMap::new(), current };
        let checkpoints = Self { folder, files, room, state: Mutex::new(state) };
        checkpoints.tidy();
        Ok(checkpoints)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current(&self) -> Manifest {
        self.state().current.clone()
    }

    /// Makes the scopes known that are in current files; those that cannot be read are given back,
    /// and none where no checkpoint is of the collection.
    pub(crate) fn attach(
        &self,
        collection: &mut Collection,
        number: u32,
    ) -> Option<BTreeSet<Scope>> {
        let mut damaged = BTreeSet::new();
        let current = self.current();
        if !current.collections.values().any(|known| *known == number) {
            return None;
        }
        for listed in current.of(number) {
            let scopes: Vec<Scope> = listed.scopes.iter().cloned().collect();
            let attached = open_file(&self.folder, listed, &self.room).and_then(|file| {
                collection.attach(&file, &scopes)?;
                self.state().open.insert(listed.number, file);
                Ok(())
            });
            if let Err(error) = attached {
                tracing::warn!(
                    file = %listed.path(&self.folder).display(), %error,
                    "a checkpoint cannot be read; its scopes are made again of the database"
                );
                damaged.extend(scopes);
            }
        }
        Some(damaged)
    }

    /// The scopes of a collection that are to be written again though they have not changed: those
    /// of files of which most is of no use any more, and of small ones where there are many. No
    /// more of them than there is room for at a time; others follow with the next.
    pub(crate) fn to_merge(&self, number: u32) -> BTreeSet<Scope> {
        let state = self.state();
        let mut files: Vec<(u64, &Listed, &SnapshotFile)> = Vec::new();
        let len = |file: &SnapshotFile, scope: &Scope| {
            file.index().range(scope).map_or(0, |range| range.end - range.start)
        };
        for listed in state.current.of(number) {
            let Some(file) = state.open.get(&listed.number) else { continue };
            let used = listed.scopes.iter().map(|scope| len(file, scope)).sum::<u64>();
            files.push((used, listed, file));
        }
        files.sort_unstable_by_key(|(used, listed, _)| (*used, listed.number));
        let many = if files.len() > FILES_MAX { FILES_MAX / 2 } else { 0 };
        let chosen = files.iter().enumerate();
        let chosen = chosen.filter(|(i, (used, file, _))| *i < many || *used < file.bytes / 2);
        let mut left = self.room.part();
        let mut merged = BTreeSet::new();
        for (_, (_, listed, file)) in chosen {
            for scope in &listed.scopes {
                let bytes = len(file, scope);
                if bytes <= left {
                    left -= bytes;
                    merged.insert(scope.clone());
                }
            }
        }
        merged
    }

    /// Writes a snapshot of a collection into a file, which has its name when this returns.
    pub(crate) fn write(&self, collection: u32, snapshot: Snapshot) -> Result<Written, StoreError> {
        let number = {
            let mut state = self.state();
            state.next += 1;
            state.next - 1
        };
        let stamps = snapshot.stamps();
        let path = manifest::path(&self.folder, number);
        let failed = StoreError::io(&path);
        self.replace(&path, |file| snapshot.write(&mut WriteSink(file))).map_err(failed)?;
        let scopes = stamps.scopes().cloned().collect();
        let bytes = fs::metadata(&path).map_err(StoreError::io(&path))?.len();
        let file = read_file(&path, &self.room)?;
        let checksum = file.index().checksum();
        let listed = Listed { number, collection, bytes, checksum, scopes };
        Ok(Written { listed, file, stamps })
    }

    /// Has the names of new files outlive the power.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.files.sync_folder(&self.folder).map_err(StoreError::io(&self.folder))
    }

    /// Has a manifest be current that the database has, with files that are new, and
    /// [tidies](Self::tidy).
    pub(crate) fn commit(&self, current: Manifest, new: impl Iterator<Item = (u64, SnapshotFile)>) {
        self.set_current(current, new);
        self.tidy();
    }

    /// Has a manifest be current that the database has, with files that are new.
    pub(crate) fn set_current(
        &self,
        current: Manifest,
        new: impl Iterator<Item = (u64, SnapshotFile)>,
    ) {
        let mut state = self.state();
        state.open.extend(new);
        state.open.retain(|number, _| current.files.iter().any(|listed| listed.number == *number));
        state.current = current;
    }

    /// Tells other processes what is current, and removes all other files, while none is written.
    /// What fails here is done by the next checkpoint, or when the store is opened.
    pub(crate) fn tidy(&self) {
        let current = self.current();
        let told = self.tell(&current).and_then(|()| self.remove_others(&current));
        if let Err(error) = told {
            tracing::warn!(folder = %self.folder.display(), %error, "checkpoints are not tidied");
        }
    }

    fn tell(&self, current: &Manifest) -> io::Result<()> {
        let (path, text) = (self.folder.join(CURRENT), serde_json::to_vec(current)?);
        if fs::read(&path).is_ok_and(|told| told == text) {
            return Ok(());
        }
        self.replace(&path, |file| file.write_all(&text))?;
        self.files.sync_folder(&self.folder)
    }

    fn remove_others(&self, current: &Manifest) -> io::Result<()> {
        let mut done = Ok(());
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some((number, rest)) = name.split_once('.') else { continue };
            let (Ok(number), "vcn" | "vcn.new") = (number.parse::<u64>(), rest) else { continue };
            let is_named = |listed: &Listed| listed.number == number && rest == "vcn";
            if !current.files.iter().any(is_named) {
                // One that cannot be removed does not keep others.
                done = done.and(self.files.remove(&path));
            }
        }
        done
    }

    /// Writes a file beside a path and gives it that name.
    fn replace(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut beside = path.to_owned().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut file = self.files.create(&beside)?;
        let written = write(&mut file).and_then(|()| file.sync());
        drop(file);
        let written = written.and_then(|()| self.files.rename(&beside, path));
        if written.is_err() {
            // What was begun is of no use; the error that counts is the first.
            _ = self.files.remove(&beside);
        }
        written
    }
}

/// Opens a file that is listed.
pub(crate) fn open_file(
    folder: &Path,
    listed: &Listed,
    room: &Arc<Room>,
) -> Result<SnapshotFile, StoreError> {
    let path = listed.path(folder);
    let file = read_file(&path, room)?;
    if file.index().checksum() != listed.checksum {
        let reason = format!("{} is not the file that was written there", path.display());
        return Err(Error::Unreadable { reason }.into());
    }
    Ok(file)
}

fn read_file(path: &Path, room: &Arc<Room>) -> Result<SnapshotFile, StoreError> {
    let file = CheckpointFile::open(path, Arc::clone(room)).map_err(StoreError::io(path))?;
    let index = SnapshotIndex::read(&file, file.len())?;
    let open = Open::default().with_verify(Verify::UpTo(VERIFIED_MAX)).with_memory(huge_pages());
    Ok(SnapshotFile::new(index, file, open))
}
