//! Collections of a store that come and go.

use std::path::Path;

use vicino::{HnswConfig, HnswVectorStorage, Store, VectorEntry};
use vicino_tests::Random;

fn open(folder: &Path) -> Store {
    Store::open_blocking(folder).unwrap()
}

fn config() -> HnswConfig {
    HnswConfig::fast().with_ef_construction(16).with_promotion_size(100)
}

fn collection(store: &Store, name: &str) -> HnswVectorStorage {
    store.collection_blocking(name, 4, config()).unwrap()
}

/// A collection is opened by tasks of one pool at once, and linked then: the thread that opens it
/// takes no other of these tasks up meanwhile, which would wait for itself.
#[test]
fn tasks_of_a_pool_open_the_same_collection() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut vector = || (0..4).map(|_| random.signed()).collect();
    let entries = (0..2000).map(|id| VectorEntry::new(id.to_string(), vector())).collect();
    collection(&open(folder.path()), "docs").blocking().insert(entries).unwrap();
    let store = open(folder.path());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.scope(|tasks| {
        for number in 0..20 {
            let store = &store;
            tasks.spawn(move |_| {
                let name = if number % 4 == 0 { "notes" } else { "docs" };
                let stats = collection(store, name).blocking().stats().unwrap();
                assert_eq!(stats.vector_count, if name == "docs" { 2000 } else { 0 });
            });
        }
    });
}
