//! Each thing that a checkpoint asks of the file system fails, once or from then on, and then the
//! power goes: nothing that was written to the store is lost, and nothing comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use vicino_core::{EntryKey, HnswConfig, Scope, VectorEntry};

use super::files::{Files, NewFile, RealFiles};
use crate::storage::{HnswVectorStorage, Store, StoreConfig};

/// A file system that fails, and of which only what was synced outlives the power.
#[derive(Debug, Clone, Default)]
struct Failing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    operations: usize,
    /// How many operations are left until one fails.
    until: Option<usize>,
    /// Do all others fail too?
    for_good: bool,
    /// Files that were written since they were synced.
    unsynced: BTreeSet<PathBuf>,
    /// What names led to before they were changed, since their folder was synced.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
}

struct FailingFile {
    path: PathBuf,
    file: Box<dyn NewFile>,
    of: Failing,
}

impl Failing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn operate(&self) -> io::Result<()> {
        let mut state = self.state();
        state.operations += 1;
        state.until = match state.until {
            Some(0) => {
                state.until = state.for_good.then_some(0);
                return Err(io::ErrorKind::StorageFull.into());
            }
            until => until.map(|left| left - 1),
        };
        Ok(())
    }

    fn remember(&self, path: &Path) {
        self.state().before.push((path.to_owned(), fs::read(path).ok()));
    }

    /// The power goes: names are what they were, and files that were not synced are torn.
    fn cut(&self) {
        let mut state = self.state();
        for path in std::mem::take(&mut state.unsynced) {
            if let Ok(bytes) = fs::read(&path) {
                fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }
        for (path, bytes) in std::mem::take(&mut state.before).into_iter().rev() {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => drop(fs::remove_file(&path)),
            }
        }
    }
}

impl Files for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.operate()?;
        self.remember(path);
        let file = RealFiles.create(path)?;
        Ok(Box::new(FailingFile { path: path.to_owned(), file, of: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate()?;
        self.remember(from);
        self.remember(to);
        RealFiles.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.operate()?;
        self.state().before.clear();
        RealFiles.sync_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate()?;
        self.remember(path);
        RealFiles.remove(path)
    }
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.of.state().unsynced.insert(self.path.clone());
        if let Err(error) = self.of.operate() {
            // Some of it comes to the disk.
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.of.operate()?;
        self.of.state().unsynced.remove(&self.path);
        self.file.sync()
    }
}

/// What a collection holds: ids by scope.
type Model = BTreeMap<Scope, BTreeSet<String>>;

fn open(folder: &Path, files: Box<dyn Files>) -> (Store, HnswVectorStorage) {
    let store = Store::open_on(folder, StoreConfig::default(), files).unwrap();
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(20);
    let storage = store.collection_blocking("default", 2, config).unwrap();
    (store, storage)
}

fn scope(number: usize) -> Scope {
    Scope::Tenant(format!("tenant {number}"))
}

/// Some days with checkpoints between them, some of which may fail; how many do.
fn live(store: &Store, storage: &HnswVectorStorage, model: &mut Model) -> usize {
    let storage = storage.blocking();
    let mut failed = 0;
    for day in 0..4 {
        for of in [day % 4, (day + 1) % 3] {
            let entry = |i: usize| {
                VectorEntry::new(format!("{day} {i}"), vec![i as f32, day as f32 + 1.0])
                    .with_scope(scope(of))
            };
            let entries: Vec<_> = (0..20).map(entry).collect();
            model.entry(scope(of)).or_default().extend(entries.iter().map(|it| it.id.clone()));
            storage.upsert(entries).unwrap();
        }
        if day == 2 {
            storage.delete_scope(&scope(1)).unwrap();
            model.remove(&scope(1));
        }
        let ids = model.get_mut(&scope(0)).unwrap();
        if let Some(id) = ids.pop_first() {
            storage.delete(&[EntryKey::new(scope(0), id)]).unwrap();
        }
        failed += usize::from(store.checkpoint_blocking().is_err());
    }
    failed
}

fn found(storage: &HnswVectorStorage) -> Model {
    let storage = storage.blocking();
    let ids = |scope: Scope| {
        let page = storage.list(&scope, None, None, usize::MAX).unwrap();
        (scope, page.entries.into_iter().map(|entry| entry.id).collect())
    };
    storage.scopes().unwrap().into_iter().map(ids).collect()
}

#[test]
fn whatever_fails_nothing_is_lost() {
    let (files, folder) = (Failing::default(), tempfile::tempdir().unwrap());
    let (store, storage) = open(folder.path(), Box::new(files.clone()));
    let begun = files.state().operations;
    let mut expected = Model::new();
    assert_eq!(live(&store, &storage, &mut expected), 0);
    let operations = files.state().operations - begun;
    assert!(operations > 25, "{operations}");
    let mut failures = 0;
    for (until, for_good) in (0..operations).flat_map(|it| [(it, false), (it, true)]) {
        let (files, folder) = (Failing::default(), tempfile::tempdir().unwrap());
        let (store, storage) = open(folder.path(), Box::new(files.clone()));
        (files.state().until, files.state().for_good) = (Some(until), for_good);
        let mut model = Model::new();
        failures += live(&store, &storage, &mut model);
        assert_eq!(found(&storage), model, "operation {until}, for good: {for_good}");
        drop((store, storage));
        files.cut();
        let (store, storage) = open(folder.path(), Box::new(RealFiles));
        assert_eq!(found(&storage), model, "operation {until}, for good: {for_good}, power cut");

        // And it goes on.
        storage.blocking().delete_scope(&scope(2)).unwrap();
        model.remove(&scope(2));
        store.close_blocking().unwrap();
        drop((store, storage));
        let (_store, storage) = open(folder.path(), Box::new(RealFiles));
        assert_eq!(found(&storage), model, "operation {until}, for good: {for_good}, closed");
    }
    assert!(failures > operations, "{failures} in {operations}");
}
