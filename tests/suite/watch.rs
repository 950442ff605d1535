//! What can be watched: reports of what was done.

use std::path::Path;

use vicino::{HnswConfig, HnswVectorStorage, Scope, Store, VectorEntry, VectorQuery};

fn ada() -> Scope {
    Scope::User("ada".to_owned())
}

fn entry(number: usize, scope: Scope) -> VectorEntry {
    VectorEntry::new(format!("id {number}"), vec![number as f32, 1.0]).with_scope(scope)
}

fn open(folder: &Path) -> (Store, HnswVectorStorage) {
    let store = Store::open_blocking(folder).unwrap();
    let storage = store.collection_blocking("notes", 2, HnswConfig::fast()).unwrap();
    (store, storage)
}

#[test]
fn a_report_counts_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let (store, storage) = open(folder.path());
    let storage = storage.blocking();
    storage.insert((0..37).map(|number| entry(number, ada())).collect()).unwrap();
    store.checkpoint_blocking().unwrap();
    store.checkpoint_blocking().unwrap();
    let query = VectorQuery::new(vec![1.0, 1.0], 3).with_scope(ada());
    for _ in 0..3 {
        storage.search(&query).unwrap();
        storage.reader().unwrap().close_unused(usize::MAX);
    }
    storage.explain(&query).unwrap();
    storage.search_many(&[query.clone(), query.clone()]).unwrap();
    storage.search(&VectorQuery::new(vec![1.0], 3)).unwrap_err();

    let report = storage.report().unwrap();
    assert_eq!(report.search_latency.count, 6, "{report:?}");
    assert_eq!((report.opening_latency.count, report.evictions.scopes), (3, 3), "{report:?}");
    assert_eq!((report.commit_latency.count, report.checkpoint_latency.count), (1, 1));
    for latency in [report.search_latency, report.opening_latency, report.commit_latency] {
        let times = [latency.p50, latency.p95, latency.p99, latency.max];
        assert!(!latency.p50.is_zero() && times.is_sorted(), "{latency:?}");
    }

    let stats = store.stats().unwrap();
    assert_eq!((stats.evictions, stats.commit_latency), (report.evictions, report.commit_latency));
    assert_eq!(stats.checkpoint_latency, report.checkpoint_latency);

    let in_memory = HnswVectorStorage::new(2, HnswConfig::fast());
    in_memory.blocking().insert(vec![entry(1, ada())]).unwrap();
    assert_eq!(in_memory.report().unwrap().commit_latency.count, 0, "nothing is durable");
    assert!(HnswVectorStorage::new(0, HnswConfig::fast()).report().is_err());
}
