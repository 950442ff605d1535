//! Stores that are only read, as their last checkpoint has them, while another process writes.
//!
//! `CURRENT` names the files of one checkpoint and is put in place whole, so what it names is of
//! one moment. Those files go as soon as another checkpoint is current, but not before `CURRENT`
//! says so: where one cannot be opened and `CURRENT` has changed, the next checkpoint is opened;
//! where it has not, the file is damaged. A file that is open can be read when its name is gone.
//!
//! Nothing is locked and nothing is written. `tests/suite/read_only.rs` reads in a loop while
//! checkpoints come and go.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vicino_core::{Collection, CollectionReader, Error, Open, Scope};

use crate::checkpoint::{CURRENT, FOLDER, Listed, Manifest, open_file};
use crate::error::StoreError;
use crate::hosted::now_ms;
use crate::isa::simd;
use crate::room::Room;
use crate::threads::apart;

/// The collections of a store as its last checkpoint has them, to be read while another process,
/// or this one, has the [`Store`](super::Store) and writes.
///
/// It is open at once, whatever there is: a scope is read when it is first used. What was written
/// since the checkpoint is not seen; [`refresh`](Self::refresh) looks for a later one. Any number
/// of processes read a store, and the one that writes notices none of them. It is cheap to clone,
/// and the clones are one.
///
/// ```
/// use vicino::{HnswConfig, Searcher, Store, StoreReader, VectorEntry, VectorQuery};
///
/// let folder = tempfile::tempdir()?;
/// let store = Store::open_blocking(folder.path())?;
/// let docs = store.collection_blocking("docs", 2, HnswConfig::balanced())?;
/// docs.blocking().insert(vec![VectorEntry::new("a", vec![1.0, 0.0])])?;
/// store.checkpoint_blocking()?;
///
/// let reader = StoreReader::open_blocking(folder.path())?; // in another process, perhaps
/// let seen = reader.collection("docs").ok_or("there is one")?;
/// let found = seen.search(&VectorQuery::new(vec![1.0, 0.1], 3), &mut Searcher::default())?;
/// assert_eq!(found[0].key.id(), "a");
///
/// docs.blocking().insert(vec![VectorEntry::new("b", vec![0.0, 1.0])])?;
/// assert!(!reader.refresh_blocking()?, "there is no other checkpoint yet");
/// store.checkpoint_blocking()?;
/// assert!(reader.refresh_blocking()?);
/// assert_eq!(reader.collection("docs").ok_or("there is one")?.stats().vector_count, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StoreReader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The folder of the store.
    folder: PathBuf,
    view: RwLock<View>,
    /// Held by who looks for a later checkpoint.
    refreshing: Mutex<()>,
}

/// A checkpoint, and what `CURRENT` says of it: the checksums of its files among others.
#[derive(Debug)]
struct View {
    told: Vec<u8>,
    collections: BTreeMap<String, Opened>,
}

/// A collection and the files that it is read from.
#[derive(Debug, Clone)]
struct Opened {
    files: Vec<Listed>,
    reader: CollectionReader,
}

impl StoreReader {
    /// Opens the last checkpoint of the store in a folder.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoCheckpoint`] where the folder is no store or has no checkpoint,
    /// [`StoreError::DamagedCheckpoint`], and what the disk fails with.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        apart(move || Self::open_blocking(folder)).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        let view = View::open(&folder, told(&folder)?, &BTreeMap::new())?;
        let (view, refreshing) = (RwLock::new(view), Mutex::default());
        Ok(Self(Arc::new(Shared { folder, view, refreshing })))
    }

    /// The names of the collections, in their order. One that had no entries yet is not among them:
    /// what it was made for is known to the database alone, which is not read. Checkpoints are of
    /// collections that are open; after a crash one comes up to date once it is opened again.
    #[must_use]
    pub fn collections(&self) -> Vec<String> {
        let view = self.0.view.read().unwrap_or_else(PoisonError::into_inner);
        view.collections.keys().cloned().collect()
    }

    /// A hand that reads a collection of the checkpoint, at the time of this call; none where
    /// [`collections`](Self::collections) has no such name. It goes on reading this checkpoint when
    /// there is a later one.
    ///
    /// Its calls read files where a scope is used first, and give
    /// [`Error::Corrupt`] or [`Error::Unreadable`] where one is damaged: there is no database to
    /// make it again of. [`close_unused`](CollectionReader::close_unused) gives memory back.
    #[must_use]
    pub fn collection(&self, name: &str) -> Option<CollectionReader> {
        let view = self.0.view.read().unwrap_or_else(PoisonError::into_inner);
        Some(view.collections.get(name)?.reader.at(now_ms()))
    }

    /// Looks for a later checkpoint and opens it; whether there was one. Collections that are the
    /// same in it stay as they are, with what they have in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); all is then as it was before.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        let reader = self.clone();
        apart(move || reader.refresh_blocking()).await
    }

    /// The same for programs that wait.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    pub fn refresh_blocking(&self) -> Result<bool, StoreError> {
        let Shared { folder, view, refreshing } = &*self.0;
        let _refreshing = refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told(folder)?;
        let before = {
            let view = view.read().unwrap_or_else(PoisonError::into_inner);
            if view.told == told {
                return Ok(false);
            }
            view.collections.clone()
        };
        let new = View::open(folder, told, &before)?;
        *view.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }
}

impl View {
    /// Opens the checkpoint that is told of, or a later one where that is gone meanwhile.
    fn open(
        folder: &Path,
        mut text: Vec<u8>,
        before: &BTreeMap<String, Opened>,
    ) -> Result<Self, StoreError> {
        loop {
            match collections(folder, &text, before) {
                Ok(collections) => return Ok(Self { told: text, collections }),
                Err(error) => {
                    let now = told(folder)?;
                    if now == text {
                        return Err(error);
                    }
                    text = now;
                }
            }
        }
    }
}

/// What `CURRENT` says.
fn told(folder: &Path) -> Result<Vec<u8>, StoreError> {
    let path = folder.join(FOLDER).join(CURRENT);
    fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NoCheckpoint { path: folder.to_owned() },
        _ => StoreError::io(&path)(error),
    })
}

/// Opens the collections that `CURRENT` tells of, but for those that are known already.
fn collections(
    folder: &Path,
    text: &[u8],
    before: &BTreeMap<String, Opened>,
) -> Result<BTreeMap<String, Opened>, StoreError> {
    let folder = folder.join(FOLDER);
    let manifest: Manifest = serde_json::from_slice(text).map_err(|error| {
        let (path, reason) = (folder.join(CURRENT), error.to_string());
        StoreError::DamagedCheckpoint { path, reason }
    })?;
    let mut collections = BTreeMap::new();
    for (name, number) in &manifest.collections {
        let files: Vec<Listed> = manifest.of(*number).cloned().collect();
        let opened = match before.get(name) {
            Some(known) if known.files == files => Some(known.clone()),
            _ => Opened::new(&folder, files)?,
        };
        collections.extend(opened.map(|opened| (name.clone(), opened)));
    }
    Ok(collections)
}

impl Opened {
    /// Makes the scopes known that are in files; none where there is no file.
    fn new(folder: &Path, files: Vec<Listed>) -> Result<Option<Self>, StoreError> {
        let (mut collection, room) = (None, Arc::new(Room::new(None)));
        for listed in &files {
            let attached = open_file(folder, listed, &room).and_then(|file| {
                let own = match collection.take() {
                    Some(own) => own,
                    None => Collection::of_snapshot(file.index(), simd()?, &Open::default())?,
                };
                let scopes: Vec<Scope> = listed.scopes.iter().cloned().collect();
                collection.insert(own).attach(&file, &scopes)?;
                Ok(())
            });
            attached.map_err(|error| damaged(listed.path(folder), error))?;
        }
        Ok(collection.map(|collection| Self { reader: collection.reader(), files }))
    }
}

/// The error of a file that is not what `CURRENT` says.
fn damaged(path: PathBuf, error: StoreError) -> StoreError {
    let reason = match error {
        StoreError::Core(Error::Corrupt { section, reason }) => format!("its {section} {reason}"),
        StoreError::Core(Error::Unreadable { reason }) => reason,
        StoreError::Core(Error::ScopeExists { scope }) => format!("another has {scope} too"),
        StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            "it is not there".to_owned()
        }
        error => return error,
    };
    StoreError::DamagedCheckpoint { path, reason }
}
