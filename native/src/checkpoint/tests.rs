//! Each thing that a checkpoint asks of the file system fails, once or from then on, and then the
//! power goes: nothing that was written to the store is lost, and nothing comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use vicino_core::{EntryKey, HnswConfig, Scope, VectorEntry};

use super::files::{Files, NewFile, RealFiles};
use crate::storage::{HnswVectorStorage, Store, StoreConfig, StoreReader};

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

/// A file system that has who begins the first file wait, and says so.
#[derive(Debug)]
struct Slow(Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>);

impl Files for Slow {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        if path.to_string_lossy().ends_with(".vcn.new")
            && let Some((begun, go_on)) = self.0.lock().unwrap().take()
        {
            begun.send(()).unwrap();
            go_on.recv().unwrap();
        }
        RealFiles.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealFiles.sync_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove(path)
    }
}

/// A collection goes while a checkpoint of it is written: nothing of it comes back with that, and
/// the log keeps what is written meanwhile, under numbers that the log had given before.
#[test]
fn a_collection_is_dropped_while_a_checkpoint_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (begun, begins) = mpsc::channel();
    let (go, goes_on) = mpsc::channel();
    let files = Slow(Mutex::new(Some((begun, goes_on))));
    let open = |files: Box<dyn Files>| {
        Store::open_on(folder.path(), StoreConfig::default(), files).unwrap()
    };
    let write = |store: &Store, name: &str, id: &str| {
        let storage = store.collection_blocking(name, 1, HnswConfig::fast()).unwrap();
        storage.blocking().insert(vec![VectorEntry::new(id, vec![1.0])]).unwrap();
    };
    let store = open(Box::new(files));
    write(&store, "stays", "before");
    (0..6).for_each(|number| write(&store, "goes", &format!("old {number}")));
    thread::scope(|threads| {
        let checkpoint = threads.spawn(|| store.checkpoint_blocking());
        begins.recv().unwrap();
        assert!(store.drop_collection_blocking("goes").unwrap());
        write(&store, "stays", "meanwhile");
        write(&store, "goes", "new");
        go.send(()).unwrap();
        checkpoint.join().unwrap().unwrap();
    });
    drop(store);
    let reader = StoreReader::open_blocking(folder.path()).unwrap();
    assert_eq!(reader.collections(), ["stays"]);
    assert_eq!(reader.collection("stays").unwrap().stats().vector_count, 1);
    let files = fs::read_dir(folder.path().join("checkpoints")).unwrap();
    assert_eq!(files.count(), 2, "CURRENT, and one file");

    let store = open(Box::new(RealFiles));
    let ids = |name| {
        let storage = store.collection_blocking(name, 1, HnswConfig::fast()).unwrap();
        found(&storage).into_values().flatten().collect::<Vec<_>>()
    };
    assert_eq!((ids("stays"), ids("goes")), (ids_of(&["before", "meanwhile"]), ids_of(&["new"])));
}

fn ids_of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
