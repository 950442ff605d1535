//! Stores that are open at once, since checkpoints have what there was; and as they were without
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use vicino::{
    DistanceMetric, EntryKey, HnswConfig, HnswVectorStorage, Object, Scope, Store, VectorEntry,
    VectorQuery, VectorStorage, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 6;

fn open(folder: &Path) -> (Store, HnswVectorStorage) {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(100);
    let config = config.with_distance_metric(DistanceMetric::Euclidean);
    let store = Store::open_blocking(folder).unwrap();
    let storage = store.collection_blocking("default", DIMENSIONS, config).unwrap();
    (store, storage)
}

fn tenant(number: usize) -> Scope {
    Scope::Tenant(format!("tenant {number}"))
}

fn entry(random: &mut Random, tenants: usize) -> VectorEntry {
    let vector = (0..DIMENSIONS).map(|_| random.below(1000) as f32 / 10.0 - 50.1).collect();
    VectorEntry::new(format!("id {}", random.below(300)), vector)
        .with_scope(tenant(random.below(tenants)))
        .with_metadata([("n".to_owned(), random.below(5) as i64)])
        .with_content("some text")
}

/// All entries, and what some searches find.
fn told(storage: &HnswVectorStorage) -> (Vec<VectorEntry>, Vec<Vec<EntryKey>>) {
    let storage = storage.blocking();
    let mut entries = Vec::new();
    for scope in storage.scopes().unwrap() {
        entries.extend(storage.list(&scope, None, None, usize::MAX).unwrap().entries);
    }
    let mut random = Random(3);
    let found = (0..20).map(|_| {
        let query = VectorQuery::new(entry(&mut random, 1).vector, 5)
            .with_scopes([tenant(random.below(4)), tenant(random.below(4))])
            .with_exact(true)
            .with_filter(field("n").lt(4));
        storage.search(&query).unwrap().into_iter().map(|found| found.key).collect()
    });
    (entries, found.collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("checkpoints")).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A store that is closed, and what it told.
fn closed(folder: &Path) -> (Vec<VectorEntry>, Vec<Vec<EntryKey>>) {
    let (store, storage) = open(folder);
    let mut random = Random(9);
    let entries = (0..900).map(|_| entry(&mut random, 4)).collect();
    storage.blocking().upsert(entries).unwrap();
    let told = told(&storage);
    store.close_blocking().unwrap();
    told
}

#[test]
fn a_store_that_was_closed_knows_everything_and_has_read_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = closed(folder.path());
    let names: Vec<_> =
        files(folder.path()).into_iter().map(|it| it.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["00000000.vcn", "CURRENT"]);
    let (_store, storage) = open(folder.path());
    let stats = storage.blocking().stats().unwrap();
    assert_eq!((stats.scope_count, stats.vector_count), (4, before.0.len()));
    assert_eq!(stats.memory.total(), 0);
    assert_eq!(told(&storage), before);
    assert!(storage.blocking().stats().unwrap().memory.total() > 0);
}

/// A long life with checkpoints, ends of all kinds and a twin that only has memory.
#[test]
fn checkpoints_change_nothing_but_how_long_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, mut storage) = open(folder.path());
    let twin =
        HnswVectorStorage::new(DIMENSIONS, storage.blocking().reader().unwrap().config().clone());
    let mut random = Random(4);
    for day in 0..150 {
        for _ in 0..3 {
            let keys: Vec<EntryKey> = (0..9).map(|_| entry(&mut random, 12).key()).collect();
            let entries: Vec<_> = (0..random.below(60)).map(|_| entry(&mut random, 12)).collect();
            let scope = tenant(random.below(12));
            let metadata = Object::from([("n".to_owned(), 7.into())]);
            let deed = random.below(8);
            let same = [&storage, &twin].map(|of| {
                let of = of.blocking();
                match deed {
                    0..4 => of.upsert(entries.clone()).map(|keys| keys.len()),
                    4 => of.delete(&keys),
                    5 => of.delete_where(&scope, &field("n").eq(1)),
                    6 if keys[0].id().ends_with('7') => of.delete_scope(&scope),
                    _ => Ok(of.patch_metadata(&keys[0], metadata.clone()).is_ok().into()),
                }
            });
            let [ours, theirs] = same.map(Result::unwrap);
            assert_eq!(ours, theirs, "day {day}");
        }
        match random.below(7) {
            0 | 1 => store.checkpoint_blocking().unwrap(),
            2 => {
                drop((store, storage));
                (store, storage) = open(folder.path());
            }
            3 => {
                store.close_blocking().unwrap();
                drop((store, storage));
                (store, storage) = open(folder.path());
            }
            _ => {}
        }
        if day % 10 == 0 {
            let (ours, theirs) = (told(&storage), told(&twin));
            let same =
                |entry: &VectorEntry| (entry.key(), entry.vector.clone(), entry.metadata.clone());
            assert!(ours.0.iter().map(same).eq(theirs.0.iter().map(same)), "day {day}");
            assert_eq!(ours.1, theirs.1, "day {day}");
        }
    }
    // Files that are mostly of no use any more are gone.
    store.checkpoint_blocking().unwrap();
    assert!(files(folder.path()).len() <= 18);
}

/// Every region of a checkpoint changed, cut or lost; and every file of the folder.
#[test]
fn what_is_damaged_is_made_again_of_the_database() {
    let origin = tempfile::tempdir().unwrap();
    let before = closed(origin.path());
    let whole = fs::read(origin.path().join("checkpoints/00000000.vcn")).unwrap();
    let step = whole.len() / 23;
    let flips = (0..whole.len()).step_by(step).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        Some(bytes)
    });
    let cuts = [0, 1, 200, whole.len() / 2, whole.len() - 1].map(|len| Some(whole[..len].to_vec()));
    let text = Some(b"no snapshot".to_vec());
    let mut later = whole.clone();
    later[8] += 1; // the version
    for (case, bytes) in flips.chain(cuts).chain([None, text, Some(later)]).enumerate() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("checkpoints")).unwrap();
        fs::copy(origin.path().join("store.redb"), folder.path().join("store.redb")).unwrap();
        if let Some(bytes) = bytes {
            fs::write(folder.path().join("checkpoints/00000000.vcn"), bytes).unwrap();
        }
        let (store, storage) = open(folder.path());
        // A write and a search come upon it first, by turns.
        if case % 2 == 0 {
            storage.blocking().delete(&[EntryKey::new(tenant(1), "none")]).unwrap();
        }
        assert_eq!(told(&storage), before, "case {case}");
        store.close_blocking().unwrap();
        drop((store, storage));
        assert_eq!(told(&open(folder.path()).1), before, "case {case}, mended");
    }
}

#[test]
fn foreign_files_are_left_alone_and_those_of_a_crash_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let before = closed(folder.path());
    let checkpoints = folder.path().join("checkpoints");
    for name in ["notes.txt", "1.vcn.bak", "00000009.vcn", "00000003.vcn.new", "CURRENT.new"] {
        fs::write(checkpoints.join(name), "something").unwrap();
    }
    fs::write(checkpoints.join("CURRENT"), "not what it was").unwrap();
    let (_store, storage) = open(folder.path());
    assert_eq!(told(&storage), before);
    let left: Vec<_> =
        files(folder.path()).into_iter().map(|it| it.file_name().unwrap().to_owned()).collect();
    assert_eq!(left, ["00000000.vcn", "1.vcn.bak", "CURRENT", "notes.txt"]);
    assert!(fs::read_to_string(checkpoints.join("CURRENT")).unwrap().contains("tenant 3"));
}

/// Much is written: a checkpoint is made though nobody asks for one.
#[tokio::test]
async fn checkpoints_are_made_where_much_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, storage) = open(folder.path());
    let mut random = Random(1);
    for number in 0..6 {
        let named = |mut entry: VectorEntry| {
            entry.id += &format!(" of {number}");
            entry
        };
        let entries = (0..1000).map(|_| named(entry(&mut random, 40))).collect();
        storage.upsert(entries).await.unwrap();
    }
    let begun = std::time::Instant::now();
    while !files(folder.path()).iter().any(|path| path.extension().is_some_and(|it| it == "vcn")) {
        assert!(begun.elapsed().as_secs() < 60, "no checkpoint");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// An entry that was deleted while it lasted is not there when it would have expired.
#[test]
fn what_was_deleted_does_not_come_back_when_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let (store, storage) = open(folder.path());
    let secret = VectorEntry::new("secret", vec![1.0; DIMENSIONS]).with_ttl_ms(100);
    let other = VectorEntry::new("other", vec![2.0; DIMENSIONS]);
    let keys = storage.blocking().insert(vec![secret, other]).unwrap();
    store.checkpoint_blocking().unwrap();
    assert_eq!(storage.blocking().delete(&keys[..1]).unwrap(), 1);
    drop((store, storage));
    std::thread::sleep(std::time::Duration::from_millis(120));
    let (_store, storage) = open(folder.path());
    let query = VectorQuery::new(vec![1.0; DIMENSIONS], 5).with_exclude_expired(false);
    let found = storage.blocking().search(&query).unwrap();
    assert_eq!(found.into_iter().map(|it| it.key).collect::<Vec<_>>(), keys[1..]);
}

/// The database of yesterday beside the checkpoints of today: the database is right.
#[test]
fn files_of_another_history_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let yesterday = folder.path().join("yesterday");
    let live = |count: usize| {
        let (store, storage) = open(folder.path());
        let mut random = Random(count as u64);
        let entries = (0..count).map(|_| entry(&mut random, 2)).collect();
        storage.blocking().upsert(entries).unwrap();
        let told = told(&storage);
        store.close_blocking().unwrap();
        told
    };
    let database = folder.path().join("store.redb");
    live(30);
    fs::copy(&database, &yesterday).unwrap();
    let before = live(50);
    let kept = folder.path().join("kept");
    fs::copy(&database, &kept).unwrap();
    fs::copy(&yesterday, &database).unwrap();
    live(70);
    fs::copy(&kept, &database).unwrap();
    assert_eq!(told(&open(folder.path()).1), before);
}

/// Closed, replayed or made again of the database: a graph finds what it found.
#[test]
fn recall_outlives_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (store, storage) = open(folder.path());
    let mut random = Random(12);
    let mut write = |storage: &HnswVectorStorage, count: usize| {
        let entries = (0..count).map(|i| {
            let mut entry = entry(&mut random, 1);
            entry.id = format!("{count} {i}");
            entry
        });
        storage.blocking().upsert(entries.collect()).unwrap();
    };
    let recall = |storage: &HnswVectorStorage| {
        let probe = vicino::RecallProbe { scope: tenant(0), ..Default::default() };
        let reader = storage.blocking().reader().unwrap();
        reader.measure_recall(&probe, &mut vicino::Searcher::default()).unwrap()
    };
    write(&storage, 2000);
    storage.blocking().delete_where(&tenant(0), &field("n").eq(1)).unwrap();
    let before = recall(&storage);
    assert!(before > 0.9, "{before}");
    store.close_blocking().unwrap();
    drop((store, storage));
    let (store, storage) = open(folder.path());
    assert!((recall(&storage) - before).abs() < 1e-9, "the same graph");
    write(&storage, 500);
    drop((store, storage));
    let (store, storage) = open(folder.path());
    assert!(recall(&storage) > before - 0.02, "replayed");
    drop((store, storage));
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    let (_store, storage) = open(folder.path());
    assert!(recall(&storage) > before - 0.02, "made again");
}
