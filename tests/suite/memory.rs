//! Stores that have less memory than entries, and stores that are not on the disk at once.

use std::time::Duration;

use vicino::{
    Durability, EntryKey, HnswConfig, HnswVectorStorage, Scope, Store, StoreConfig, VectorEntry,
    VectorQuery,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 32;
const TENANTS: usize = 300;
const EACH: usize = 40;

/// A fifth of what all takes.
const LIMIT: usize = 2 << 20;

fn open(folder: &std::path::Path, config: StoreConfig) -> (Store, HnswVectorStorage) {
    let store = Store::open_with_blocking(folder, config).unwrap();
    let storage = store.collection_blocking("default", DIMENSIONS, HnswConfig::fast()).unwrap();
    (store, storage)
}

fn tenant(number: usize) -> Scope {
    Scope::Tenant(format!("tenant {number}"))
}

fn entries(of: usize) -> Vec<VectorEntry> {
    let mut random = Random(of as u64);
    let mut value = || random.below(1000) as f32 + 1.0;
    let entry = |i| {
        VectorEntry::new(format!("id {i}"), (0..DIMENSIONS).map(|_| value()).collect())
            .with_scope(tenant(of))
            .with_content("a text of some length, of which a search returns the whole")
    };
    (0..EACH).map(entry).collect()
}

fn check(storage: &HnswVectorStorage, of: usize) {
    let entry = &entries(of)[of % EACH];
    let query = VectorQuery::new(entry.vector.clone(), 3).with_scope(tenant(of));
    let found = storage.blocking().search(&query).unwrap();
    assert_eq!((found.len(), found[0].key.id()), (3, &*entry.id), "tenant {of}");
}

#[test]
fn more_tenants_than_memory_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::default().with_memory_limit(LIMIT);
    let (store, storage) = open(folder.path(), config);
    let taken = |storage: &HnswVectorStorage| storage.blocking().stats().unwrap().memory.total();
    for of in 0..TENANTS {
        storage.blocking().insert(entries(of)).unwrap();
        assert!(taken(&storage) <= LIMIT, "{} bytes after tenant {of}", taken(&storage));
        check(&storage, of / 2);
    }
    let mut random = Random(8);
    for _ in 0..500 {
        let of = random.below(TENANTS);
        check(&storage, of);
        if of.is_multiple_of(7) {
            let key = EntryKey::new(tenant(of), "id 1");
            storage
                .blocking()
                .patch_metadata(&key, [("seen".to_owned(), 1.into())].into())
                .unwrap();
        }
        assert!(taken(&storage) <= LIMIT, "{} bytes", taken(&storage));
    }
    assert_eq!(storage.blocking().stats().unwrap().vector_count, TENANTS * EACH);
    store.close_blocking().unwrap();
    drop((store, storage));
    let (_store, storage) = open(folder.path(), config);
    (0..TENANTS).for_each(|of| check(&storage, of));
}

#[test]
fn what_would_take_more_than_all_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, storage) = open(folder.path(), StoreConfig::default().with_memory_limit(LIMIT));
    storage.blocking().insert(entries(0)).unwrap();
    let many = (1..TENANTS).flat_map(entries).enumerate().map(|(i, mut entry)| {
        entry.id = i.to_string();
        entry.with_scope(Scope::Global)
    });
    let error = storage.blocking().insert(many.collect()).unwrap_err();
    assert_eq!(error.code(), "memory_limit");
    check(&storage, 0);
    storage.blocking().insert(entries(1)).unwrap();
}

/// What is not on the disk at once is there after an orderly end, and after the interval.
#[test]
fn writes_of_an_interval_are_made_together() {
    let folder = tempfile::tempdir().unwrap();
    let soon = StoreConfig::default().with_durability(Durability::Every(Duration::from_secs(3600)));
    let (store, storage) = open(folder.path(), soon);
    (0..20).for_each(|of| drop(storage.blocking().insert(entries(of)).unwrap()));
    check(&storage, 7);
    drop((store, storage));
    let (store, storage) = open(folder.path(), soon.with_maintenance(false));
    (0..20).for_each(|of| check(&storage, of));
    assert_eq!(storage.blocking().stats().unwrap().vector_count, 20 * EACH);
    drop((store, storage));
}
