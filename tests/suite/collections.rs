//! Collections of a store that come and go: nothing of one that was dropped is seen again, whatever
//! ends the process.
//!
//! The process that is killed is this test binary again, as in `crash.rs`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{env, fs, thread};

use vicino::{
    BlockingVectorStorage, DistanceMetric, EntryKey, HnswConfig, HnswVectorStorage, Scope, Store,
    StoreConfig, StoreReader, VectorEntry, VectorQuery,
};
use vicino_tests::Random;

use crate::process;

/// What collections hold: numbers that stand for vectors, by id.
type Model = BTreeMap<String, BTreeMap<String, usize>>;

/// What is done as the n-th deed. All follows from that number.
enum Deed {
    Upsert(String, Vec<(String, usize)>),
    Drop(String),
    Checkpoint,
}

fn deed(number: usize) -> Deed {
    let mut random = Random(number as u64);
    let name = format!("collection {}", random.below(4));
    match random.below(10) {
        0..5 => {
            let count = 1 + random.below(40);
            let pair = |_| (format!("id {}", random.below(80)), number % 1000 + 1);
            Deed::Upsert(name, (0..count).map(pair).collect())
        }
        5..8 => Deed::Drop(name),
        _ => Deed::Checkpoint,
    }
}

fn open(folder: &Path) -> Store {
    Store::open_blocking(folder).unwrap()
}

fn config() -> HnswConfig {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(30);
    config.with_distance_metric(DistanceMetric::Euclidean)
}

fn collection(store: &Store, name: &str) -> HnswVectorStorage {
    store.collection_blocking(name, 4, config()).unwrap()
}

fn entry((id, number): (String, usize)) -> VectorEntry {
    VectorEntry::new(id, vec![number as f32, 1.0, 2.0, 3.0])
}

fn perform(store: &Store, deed: Deed) {
    match deed {
        Deed::Upsert(name, pairs) => {
            let entries = pairs.into_iter().map(entry).collect();
            drop(collection(store, &name).blocking().upsert(entries).unwrap());
        }
        Deed::Drop(name) => drop(store.drop_collection_blocking(&name).unwrap()),
        Deed::Checkpoint => store.checkpoint_blocking().unwrap(),
    }
}

fn imagine(model: &mut Model, deed: Deed) {
    match deed {
        Deed::Upsert(name, pairs) => model.entry(name).or_default().extend(pairs),
        Deed::Drop(name) => drop(model.remove(&name)),
        Deed::Checkpoint => {}
    }
}

fn found(store: &Store) -> Model {
    let collections = store.collections_blocking().unwrap().into_iter().map(|info| {
        assert_eq!((info.dimensions, info.config), (4, config()));
        let storage = collection(store, &info.name);
        let page = storage.blocking().list(&Scope::Global, None, None, usize::MAX).unwrap();
        let pair = |entry: VectorEntry| {
            let number = (1..=1000).find(|number| entry.vector[0] == *number as f32);
            (entry.id, number.unwrap())
        };
        (info.name, page.entries.into_iter().map(pair).collect())
    });
    collections.collect()
}

/// A long life with ends of all kinds.
#[test]
fn collections_come_and_go_as_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let (mut model, mut random) = (Model::new(), Random(5));
    for number in 0..400 {
        if let Deed::Drop(name) = deed(number) {
            // Whether or not it is open.
            assert_eq!(store.drop_collection_blocking(&name).unwrap(), model.contains_key(&name));
        } else {
            perform(&store, deed(number));
        }
        imagine(&mut model, deed(number));
        match random.below(20) {
            0 => {
                drop(store);
                store = open(folder.path());
            }
            1 => {
                // A checkpoint has what is open.
                assert_eq!(found(&store), model, "deed {number}");
                store.close_blocking().unwrap();
                drop(store);
                store = open(folder.path());
                let reader = StoreReader::open_blocking(folder.path()).unwrap();
                assert_eq!(reader.collections(), model.keys().cloned().collect::<Vec<_>>());
            }
            2..6 => assert_eq!(found(&store), model, "deed {number}"),
            _ => {}
        }
    }
    model.keys().for_each(|name| assert!(store.drop_collection_blocking(name).unwrap()));
    let left: Vec<_> = fs::read_dir(folder.path().join("checkpoints")).unwrap().collect();
    assert_eq!(left.len(), 1, "CURRENT alone: {left:?}");
    assert!(found(&open_again(store, folder.path())).is_empty());
}

fn open_again(store: Store, folder: &Path) -> Store {
    drop(store);
    open(folder)
}

/// The process that is killed: what it prints is done.
#[test]
#[ignore = "it is started by the test below, and writes until it is killed"]
fn a_process_that_drops() {
    let Ok(folder) = env::var("VICINO_DROP_FOLDER") else { return };
    let from: usize = env::var("VICINO_DROP_FROM").unwrap().parse().unwrap();
    let store = open(folder.as_ref());
    for number in from.. {
        perform(&store, deed(number));
        println!("done {number}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn nothing_of_a_collection_outlives_it_though_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, mut done, mut random) = (Model::new(), 0, Random(2));
    for crash in 0..8 {
        let mut child = process::of("collections::a_process_that_drops")
            .env("VICINO_DROP_FOLDER", folder.path())
            .env("VICINO_DROP_FROM", done.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok).filter(|line| line.starts_with("done "));
        let mut note = |line: String| {
            assert_eq!(line, format!("done {done}"));
            imagine(&mut model, deed(done));
            done += 1;
        };
        // It has opened the store once it has done something.
        lines.next().map(&mut note).unwrap();
        thread::sleep(Duration::from_micros(random.below(80_000) as u64));
        child.kill().unwrap();
        lines.for_each(note);
        child.wait().unwrap();

        let store = open(folder.path());
        let found = found(&store);
        // What was on its way may be there: a collection that is made has nothing at first.
        let (mut begun, mut made) = (model.clone(), model.clone());
        if let Deed::Upsert(name, _) = deed(done) {
            begun.entry(name).or_default();
        }
        imagine(&mut made, deed(done));
        if found == made {
            (model, done) = (made, done + 1);
        } else {
            assert!(found == model || found == begun, "crash {crash} after deed {done}");
            model = found;
        }
    }
    assert!(done > 20, "{done} deeds");
}

/// All that is called on a storage whose collection was dropped says so, also when there is another
/// of its name.
#[tokio::test]
async fn who_still_has_a_dropped_collection_is_told() {
    fn refused<T>(outcome: Result<T, vicino::StoreError>) {
        assert_eq!(outcome.err().map(|error| error.code()), Some("dropped"));
    }
    let check = |of: &BlockingVectorStorage| {
        refused(of.upsert(vec![entry(("a".to_owned(), 1))]));
        refused(of.delete(&[EntryKey::from("a")]));
        refused(of.search(&VectorQuery::new(vec![1.0; 4], 1)));
        refused(of.list(&Scope::Global, None, None, 1));
        refused(of.maintain(1));
        refused(of.snapshot());
        refused(of.scope(&Scope::Global));
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let old = collection(&store, "docs");
    let scoped = old.blocking().scope(&Scope::Global).unwrap();
    old.blocking().insert(vec![entry(("a".to_owned(), 1))]).unwrap();
    store.checkpoint().await.unwrap();
    assert!(store.drop_collection("docs").await.unwrap());
    assert!(!store.drop_collection("docs").await.unwrap());
    check(old.blocking());
    refused(scoped.get("a"));
    let new = store.collection("docs", 3, HnswConfig::fast()).await.unwrap();
    check(old.blocking());
    assert_eq!(new.blocking().stats().unwrap().vector_count, 0);
    let [info] = &store.collections().await.unwrap()[..] else { panic!("there is one") };
    assert_eq!((info.dimensions, &info.config), (3, &HnswConfig::fast()));
    let error = old.blocking().get(&"a".into()).unwrap_err();
    assert!(error.to_string().contains("docs"), "{error}");
}

#[test]
fn names_of_collections_have_limits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let long = "\u{e9}".repeat(127) + "e";
    for name in [&*long, "e", "a name/with \0 \"anything\" in it"] {
        collection(&store, name).blocking().insert(vec![entry(("a".to_owned(), 1))]).unwrap();
    }
    for name in [String::new(), long + "e"] {
        let error = store.collection_blocking(&name, 4, config()).unwrap_err();
        assert_eq!(error.code(), "invalid_name");
        assert_eq!(store.drop_collection_blocking(&name).unwrap_err().code(), "invalid_name");
    }
    store.close_blocking().unwrap();
    assert_eq!(store.drop_collection_blocking("e").unwrap_err().code(), "closed");
    assert_eq!(found(&open_again(store, folder.path())).len(), 3);
}

/// A collection is opened by tasks of one pool at once, and linked then: the thread that opens it
/// takes no other of these tasks up meanwhile, which would wait for itself.
#[test]
fn tasks_of_a_pool_open_the_same_collection() {
    let folder = tempfile::tempdir().unwrap();
    let entries = (0..2000).map(|id| entry((id.to_string(), 1 + id % 997))).collect();
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

/// Most of what a store holds goes, and with it most of its file when it is closed; one that looks
/// not after itself stays as it was.
#[test]
fn a_store_that_became_small_takes_little_of_the_disk() {
    for maintenance in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::default().with_maintenance(maintenance);
        let store = Store::open_with_blocking(folder.path(), config).unwrap();
        let kept = collection(&store, "kept");
        kept.blocking().insert((0..50).map(|i| entry((i.to_string(), i + 1))).collect()).unwrap();
        let values = store.backend();
        let value = |i: usize| (format!("key {i}"), vec![7; 1 << 20]);
        values.blocking().set_batch((0..48).map(value).collect()).unwrap();
        values.blocking().clear().unwrap();
        let len = || fs::metadata(folder.path().join("store.redb")).unwrap().len() >> 20;
        assert!(len() >= 48, "{} MiB", len());
        store.close_blocking().unwrap();
        assert_eq!(len() < 8, maintenance, "{} MiB", len());
        assert_eq!(kept.blocking().stats().unwrap().vector_count, 50);
        drop((values, kept, store));
        assert_eq!(
            collection(&open(folder.path()), "kept").blocking().stats().unwrap().vector_count,
            50
        );
    }
}
