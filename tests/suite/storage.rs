//! Stores in memory and on the disk: both do the same, and the one is there again after it was
//! closed.

use std::collections::HashMap;
use std::path::Path;
use std::slice;

use rayon::prelude::*;
use vicino::{
    EntryKey, HnswConfig, HnswVectorStorage, MemoryBackend, RedbBackend, Scope, StorageBackend,
    Store, StoreError, VectorEntry, VectorQuery, VectorStorage, check_backend, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 8;

fn config() -> HnswConfig {
    HnswConfig::fast().with_ef_construction(16).with_promotion_size(100)
}

fn open(folder: &Path) -> HnswVectorStorage {
    HnswVectorStorage::open_blocking(folder, DIMENSIONS, config()).unwrap()
}

fn entry(random: &mut Random) -> VectorEntry {
    let scope = [Scope::Global, Scope::Tenant("a:b".to_owned())][random.below(2)].clone();
    let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
    VectorEntry::new(format!("id-{}", random.below(300)), vector)
        .with_scope(scope)
        .with_metadata([("n".to_owned(), random.below(7) as i64)])
        .with_content("text".repeat(random.below(3)))
}

/// All entries, but for the times of writes, which two stores do not share.
fn all(storage: &HnswVectorStorage) -> Vec<VectorEntry> {
    let storage = storage.blocking();
    let page = |scope: &Scope| storage.list(scope, None, None, usize::MAX).unwrap().entries;
    let scopes = storage.scopes().unwrap();
    let mut entries: Vec<_> = scopes.iter().flat_map(page).collect();
    for entry in &mut entries {
        (entry.created_at, entry.updated_at) = (None, None);
    }
    entries
}

#[tokio::test]
async fn backends_do_what_backends_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("a store \u{e9}")).await.unwrap();
    let file = RedbBackend::open(folder.path().join("values.redb")).await.unwrap();
    let backends: [&dyn StorageBackend; 3] = [&MemoryBackend::new(), &file, &store.backend()];
    for backend in backends {
        assert_eq!(check_backend(backend).await.unwrap(), Vec::<String>::new());
    }
}

/// A backend that forgets every tenth value is found out.
#[tokio::test]
async fn the_check_of_backends_sees_what_is_wrong() {
    struct Forgetful(MemoryBackend);

    #[async_trait::async_trait]
    impl StorageBackend for Forgetful {
        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
            self.0.get(key).await
        }
        async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
            if key.contains("10") { Ok(()) } else { self.0.set(key, value).await }
        }
        async fn delete(&self, key: &str) -> Result<bool, StoreError> {
            self.0.delete(key).await
        }
        async fn exists(&self, key: &str) -> Result<bool, StoreError> {
            self.0.exists(key).await
        }
        async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
            self.0.list_keys(prefix).await
        }
        async fn get_batch(&self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, StoreError> {
            self.0.get_batch(keys).await
        }
        async fn set_batch(&self, items: HashMap<String, Vec<u8>>) -> Result<(), StoreError> {
            self.0.set_batch(items).await
        }
        async fn delete_batch(&self, keys: &[String]) -> Result<usize, StoreError> {
            self.0.delete_batch(keys).await
        }
        async fn clear(&self) -> Result<(), StoreError> {
            self.0.clear().await
        }
        async fn stats(&self) -> Result<vicino::BackendStats, StoreError> {
            self.0.stats().await
        }
    }

    let complaints = check_backend(&Forgetful(MemoryBackend::new())).await.unwrap();
    assert!(complaints.iter().any(|it| it.contains("a long value comes back")), "{complaints:?}");
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let memory = HnswVectorStorage::new(DIMENSIONS, config());
    let mut random = Random(1);
    for life in 0..6 {
        let disk = open(folder.path());
        assert_eq!(all(&disk), all(&memory), "in life {life}");
        for _ in 0..40 {
            let entries: Vec<_> = (0..1 + random.below(20)).map(|_| entry(&mut random)).collect();
            let key = entries[0].key();
            let filter = field("n").eq(random.below(7) as i64);
            let step = random.below(160);
            let [a, b] = [&disk, &memory].map(|storage| {
                let storage = storage.blocking();
                let patch = [("more".to_owned(), step.to_string().into())].into();
                let done = match step {
                    0..80 => storage.upsert(entries.clone()).map(|keys| keys.len()),
                    80..100 => storage.insert(entries.clone()).map(|keys| keys.len()),
                    100..120 => storage.delete(slice::from_ref(&key)),
                    120..130 => storage.delete_where(key.scope(), &filter),
                    130..140 => storage.update_metadata(&key, patch).map(|()| 1),
                    140..150 => storage.patch_metadata(&key, patch).map(|()| 1),
                    150..159 => storage.maintain(u64::MAX).map(|_| 0),
                    _ => storage.delete_scope(key.scope()),
                };
                done.map_err(|error| error.to_string())
            });
            assert_eq!(a, b);
        }
        assert_eq!(all(&disk), all(&memory));
    }
}

#[test]
fn answers_are_the_same_after_opening() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, mut random) = (open(folder.path()), Random(2));
    let entries: Vec<_> = (0..500).map(|_| entry(&mut random)).collect();
    disk.blocking().upsert(entries).unwrap();
    let queries = (0..20).map(|_| {
        let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
        VectorQuery::new(vector, 10).with_exact(true).with_metadata_filter("n", 3)
    });
    let queries: Vec<_> = queries.collect();
    let before = disk.blocking().search_many(&queries).unwrap();
    assert!(before.iter().all(|found| !found.is_empty()));
    drop(disk);
    assert_eq!(open(folder.path()).blocking().search_many(&queries).unwrap(), before);
}

/// Collections of one store that are opened at once, with threads that build their graphs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_collections_are_opened_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for life in 0..2_usize {
        let store = Store::open(folder.path()).await.unwrap();
        let opening = (0..12).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("collection {}", number % 6);
                let storage = store.collection(&name, DIMENSIONS, config()).await.unwrap();
                let mut random = Random(number as u64);
                let count = storage.count(&Scope::Global, None).await.unwrap();
                assert!(life == 0 || count > 100);
                storage.upsert((0..400).map(|_| entry(&mut random)).collect()).await.unwrap();
            })
        });
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap();
        }
    }
}

/// Callers on many threads, each of whom sees what it wrote as soon as it is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_write_at_once_and_read_what_they_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let storage = HnswVectorStorage::open(folder.path(), DIMENSIONS, config()).await.unwrap();
    let callers = (0..16_usize).map(|caller| {
        let storage = storage.clone();
        tokio::spawn(async move {
            let mut random = Random(caller as u64);
            for i in 0..12 {
                let mut entry = entry(&mut random);
                entry.id = format!("{caller}-{i}");
                let key = entry.key();
                assert_eq!(storage.insert(vec![entry]).await.unwrap(), slice::from_ref(&key));
                let found = storage.get(&key).await.unwrap();
                assert_eq!(found.unwrap().key(), key);
                let twice = storage
                    .insert(vec![
                        VectorEntry::new(&*format!("{caller}-{i}"), vec![1.0; DIMENSIONS])
                            .with_scope(key.scope().clone()),
                    ])
                    .await;
                assert_eq!(twice.unwrap_err().code(), "duplicate_id");
                if i % 3 == 0 {
                    assert_eq!(storage.delete(slice::from_ref(&key)).await.unwrap(), 1);
                    assert!(storage.get(&key).await.unwrap().is_none());
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let before = all(&storage);
    assert_eq!(before.len(), 16 * 8);
    drop(storage);
    assert_eq!(all(&open(folder.path())), before);
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path());
    let locked = HnswVectorStorage::open_blocking(folder.path(), DIMENSIONS, config());
    let locked = locked.unwrap_err();
    assert_eq!(locked.code(), "locked");
    assert!(locked.to_string().contains("is open in this process"), "{locked}");
    let entry = VectorEntry::new("a", vec![1.0; DIMENSIONS]);
    storage.blocking().insert(vec![entry]).unwrap();
    drop(storage);
    let other = HnswVectorStorage::open_blocking(folder.path(), DIMENSIONS + 1, config());
    assert_eq!(other.unwrap_err().code(), "mismatch");

    let invalid = HnswConfig::fast().with_max_connections(0);
    let storage = HnswVectorStorage::new(DIMENSIONS, invalid.clone());
    assert_eq!(storage.blocking().scopes().unwrap_err().code(), "invalid_config");
    assert_eq!(HnswVectorStorage::try_new(1, invalid).unwrap_err().code(), "invalid_config");

    let store = Store::open_blocking(folder.path()).unwrap();
    let storage = store.collection_blocking("default", DIMENSIONS, config()).unwrap();
    store.close_blocking().unwrap();
    let late = storage.blocking().delete(&[EntryKey::from("a")]).unwrap_err();
    assert_eq!(late.code(), "closed");
    let late = store.collection_blocking("other", 1, config()).unwrap_err();
    assert_eq!(late.code(), "closed");
    assert!(storage.blocking().get(&"a".into()).unwrap().is_some(), "who reads goes on");

    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    assert_eq!(Store::open_blocking(file.join("store")).unwrap_err().code(), "io");
    std::fs::write(folder.path().join("none.redb"), "no database".repeat(1000)).unwrap();
    let none = RedbBackend::open_blocking(folder.path().join("none.redb")).unwrap_err();
    assert_eq!(none.code(), "database");
}

#[tokio::test]
async fn what_is_exported_is_imported_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.vcn");
    let (disk, mut random) = (open(&folder.path().join("store")), Random(4));
    disk.upsert((0..600).map(|_| entry(&mut random)).collect()).await.unwrap();
    disk.export(&file).await.unwrap();

    let memory = HnswVectorStorage::new(DIMENSIONS, config());
    let old = VectorEntry::new("id-1", vec![1.0; DIMENSIONS]);
    memory.insert(vec![old, VectorEntry::new("own", vec![1.0; DIMENSIONS])]).await.unwrap();
    let there = disk.stats().await.unwrap().vector_count;
    assert_eq!(memory.import(&file).await.unwrap(), there);
    memory.delete(&["own".into()]).await.unwrap();
    let metadata = |of: &HnswVectorStorage| {
        all(of).into_iter().map(|it| (it.scope, it.id, it.metadata, it.content)).collect::<Vec<_>>()
    };
    assert_eq!(metadata(&memory), metadata(&disk));
    let query =
        VectorQuery::new(all(&disk)[7].vector.clone(), 5).with_scopes(disk.scopes().await.unwrap());
    let keys =
        |found: Vec<vicino::VectorResult>| found.into_iter().map(|it| it.key).collect::<Vec<_>>();
    let exact = query.with_exact(true);
    assert_eq!(
        keys(memory.search(&exact).await.unwrap()),
        keys(disk.search(&exact).await.unwrap())
    );

    let other = HnswVectorStorage::new(DIMENSIONS + 1, config());
    assert_eq!(other.import(&file).await.unwrap_err().code(), "mismatch");
    let none = memory.import(&folder.path().join("none")).await.unwrap_err();
    assert_eq!(none.code(), "io");
    std::fs::write(&file, "no snapshot").unwrap();
    assert_eq!(memory.import(&file).await.unwrap_err().code(), "corrupt");
}

#[test]
fn an_entry_that_lasts_for_ever_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path());
    let entry = VectorEntry::new("a", vec![1.0; DIMENSIONS]).with_ttl_ms(1 << 53);
    storage.blocking().insert(vec![entry]).unwrap();
    drop(storage);
    assert!(open(folder.path()).blocking().get(&"a".into()).unwrap().is_some());
}

/// All threads of rayon's wait for writes that take threads to link.
#[test]
fn threads_that_wait_for_writes_do_not_keep_them_from_being_made() {
    let storage = HnswVectorStorage::new(DIMENSIONS, config());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let insert = |number: usize| {
        let mut random = Random(number as u64);
        let mut entries: Vec<_> = (0..40).map(|_| entry(&mut random)).collect();
        entries.iter_mut().for_each(|entry| entry.id += &format!(" {number}"));
        storage.blocking().upsert(entries).unwrap();
    };
    pool.install(|| (0..40).into_par_iter().for_each(insert));
    rayon::scope(|scope| {
        let threads = 4 * rayon::current_num_threads();
        (40..40 + threads).for_each(|number| scope.spawn(move |_| insert(number)));
    });
}

#[test]
fn entries_without_an_id_get_one() {
    let storage = HnswVectorStorage::new(1, config());
    let entries = (0..20).map(|i| VectorEntry::new("", vec![i as f32 + 1.0])).collect();
    let keys = storage.blocking().insert(entries).unwrap();
    assert!(keys.is_sorted_by(|a, b| a.id() < b.id()), "later ones behind earlier ones");
}
