//! Stores that are read while another process writes: what is seen is the last checkpoint, the
//! whole of it, and nothing is in the way of anybody.
//!
//! The process that reads is this test binary again, which says what it sees when it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs, thread};

use vicino::{
    BlockingVectorStorage, CollectionReader, DistanceMetric, HnswConfig, HnswVectorStorage, Rayon,
    Scope, Searcher, Store, StoreReader, Value, VectorEntry, VectorQuery, field,
};

use crate::process;

fn open(folder: &Path) -> Store {
    Store::open_blocking(folder).unwrap()
}

fn collection(store: &Store, name: &str) -> HnswVectorStorage {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(100);
    let config = config.with_distance_metric(DistanceMetric::Euclidean);
    store.collection_blocking(name, 2, config).unwrap()
}

fn scope(name: &str) -> Scope {
    Scope::Tenant(name.to_owned())
}

/// An entry that says when it was written.
fn entry(of: &str, id: usize, time: usize) -> VectorEntry {
    VectorEntry::new(format!("id {id:03}"), vec![id as f32 + 1.0, time as f32 + 1.0])
        .with_scope(scope(of))
        .with_metadata([("time".to_owned(), time as u64)])
}

/// The times of what each scope holds.
fn times(reader: &CollectionReader) -> BTreeMap<Scope, BTreeSet<usize>> {
    let time = |entry: VectorEntry| {
        let time = (0..1000).find(|time| entry.vector[1] == *time as f32 + 1.0).unwrap();
        assert_eq!(entry.metadata["time"], Value::from(time as u64));
        time
    };
    let times = |scope: Scope| {
        let entries = reader.list(&scope, None, None, usize::MAX).unwrap().entries;
        (scope, entries.into_iter().map(time).collect())
    };
    reader.scopes().into_iter().map(times).collect()
}

/// The process that reads, for each line that it is sent.
#[test]
#[ignore = "it is started by the test below"]
fn a_process_that_reads() {
    let Ok(folder) = env::var("VICINO_READ_FOLDER") else { return };
    let reader = StoreReader::open_blocking(folder).unwrap();
    let first = reader.collection("docs").unwrap();
    for line in std::io::stdin().lines() {
        assert_eq!(line.unwrap(), "refresh");
        let is_new = reader.refresh_blocking().unwrap();
        let (all, first) = (times(&reader.collection("docs").unwrap()), times(&first));
        println!("read {is_new} {:?} then {:?}", all.into_values(), first.into_values());
    }
}

/// Another process, and what it answers.
struct Other {
    child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn new(folder: &Path) -> Self {
        let mut child = process::of("read_only::a_process_that_reads")
            .env("VICINO_READ_FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asks = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, asks, answers }
    }

    fn refresh(&mut self) -> String {
        writeln!(self.asks, "refresh").unwrap();
        let mut lines = self.answers.by_ref().map(Result::unwrap);
        lines.find(|line| line.starts_with("read ")).unwrap()
    }

    fn end(mut self) {
        drop(self.asks);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn another_process_sees_one_checkpoint_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let docs = collection(&store, "docs");
    let write = |time| {
        let entries = (0..150).flat_map(|id| [entry("a", id, time), entry("b", id, time)]);
        docs.blocking().upsert(entries.collect()).unwrap();
    };
    write(1);
    store.checkpoint_blocking().unwrap();
    let mut other = Other::new(folder.path());
    assert_eq!(other.refresh(), "read false [{1}, {1}] then [{1}, {1}]");
    write(2);
    assert_eq!(other.refresh(), "read false [{1}, {1}] then [{1}, {1}]");
    store.checkpoint_blocking().unwrap();
    // What it has open is of a file that has no name any more.
    assert_eq!(other.refresh(), "read true [{2}, {2}] then [{1}, {1}]");
    docs.blocking().delete_scope(&scope("a")).unwrap();
    store.close_blocking().unwrap();
    drop((store, docs));
    assert_eq!(other.refresh(), "read true [{2}] then [{1}, {1}]");
    assert_eq!(other.refresh(), "read false [{2}] then [{1}, {1}]");
    other.end();
}

/// Scopes that come, change in every batch, rest and go, so that files are merged and removed.
fn write(docs: &BlockingVectorStorage, notes: &BlockingVectorStorage, time: usize) {
    let mut entries: Vec<_> = (0..20).map(|id| entry("changes", id, time)).collect();
    entries.extend((0..3).map(|id| entry(&format!("rests {time:03}"), id, time)));
    docs.upsert(entries).unwrap();
    notes.upsert(vec![entry("changes", 0, time)]).unwrap();
    if let Some(gone) = time.checked_sub(30) {
        docs.delete_scope(&scope(&format!("rests {gone:03}"))).unwrap();
    }
}

/// Is what is seen of one moment? The time that it is of.
fn see(reader: &StoreReader) -> usize {
    let [docs, notes] = ["docs", "notes"].map(|name| times(&reader.collection(name).unwrap()));
    let now = |of: &BTreeMap<Scope, BTreeSet<usize>>| {
        let times = &of[&scope("changes")];
        assert_eq!(times.len(), 1, "a batch is there whole");
        *times.first().unwrap()
    };
    let [now, noted] = [now(&docs), now(&notes)];
    assert!(noted == now || noted + 1 == now, "{noted} and {now} are of one moment");
    let resting = docs.into_iter().filter(|(scope, _)| scope.to_string().contains("rests"));
    let resting: Vec<_> = resting.flat_map(|(_, times)| times).collect();
    let all = |from: usize| (from..=now).collect::<Vec<_>>();
    let (early, late) = (all(now.saturating_sub(30)), all(now.saturating_sub(29)));
    assert!(resting == early || resting == late, "{resting:?} at {now}");
    now
}

#[test]
fn who_reads_while_checkpoints_come_and_go_sees_each_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (docs, notes) = (collection(&store, "docs"), collection(&store, "notes"));
    write(docs.blocking(), notes.blocking(), 0);
    store.checkpoint_blocking().unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let (ended, folder) = (&ended, folder.path());
                threads.spawn(move || {
                    let (mut last, mut seen) = (0, BTreeSet::new());
                    let mut reader = StoreReader::open_blocking(folder).unwrap();
                    while !ended.load(Ordering::Relaxed) {
                        match number {
                            0 => reader = StoreReader::open_blocking(folder).unwrap(),
                            _ => drop(reader.refresh_blocking().unwrap()),
                        }
                        let now = see(&reader);
                        assert!(now >= last, "{now} after {last}");
                        last = now;
                        seen.insert(now);
                    }
                    seen.len()
                })
            })
            .collect();
        for time in 1..150 {
            write(docs.blocking(), notes.blocking(), time);
            store.checkpoint_blocking().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        for reader in readers {
            let seen = reader.join().unwrap();
            assert!(seen > 3, "{seen} checkpoints seen");
        }
    });
    let reader = StoreReader::open_blocking(folder.path()).unwrap();
    assert_eq!(see(&reader), 149);
}

/// All that reads, on a graph; and what did not change stays in memory.
#[tokio::test]
async fn all_that_reads_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (docs, notes) = (collection(&store, "docs"), collection(&store, "notes"));
    collection(&store, "empty");
    let entries = (0..300).map(|id| entry("a", id, id % 7)).collect();
    docs.blocking().insert(entries).unwrap();
    notes.blocking().insert(vec![entry("b", 1, 1), entry("b", 2, 2).with_ttl_ms(1)]).unwrap();
    store.checkpoint().await.unwrap();
    thread::sleep(std::time::Duration::from_millis(3));

    let reader = StoreReader::open(folder.path()).await.unwrap();
    assert_eq!(reader.collections(), ["docs", "notes"]);
    assert!(reader.collection("empty").is_none() && reader.collection("other").is_none());
    let seen = reader.collection("docs").unwrap();
    assert_eq!((seen.dimensions(), seen.stats().memory.total()), (2, 0));
    let query = VectorQuery::new(vec![9.0, 3.0], 5).with_scope(scope("a"));
    let mut searcher = Searcher::default();
    let keys = |found: Vec<vicino::VectorResult>| -> Vec<_> {
        found.into_iter().map(|it| it.key.id().to_owned()).collect()
    };
    let expected = keys(docs.blocking().search(&query).unwrap());
    assert_eq!(keys(seen.search(&query, &mut searcher).unwrap()), expected);
    let (found, explain) = seen.explain(&query, &mut searcher).unwrap();
    assert_eq!((keys(found), explain.scopes.len()), (expected.clone(), 1));
    let many = seen.search_many(&[query.clone(), query], &Rayon).unwrap();
    assert_eq!(many.into_iter().map(keys).collect::<Vec<_>>(), [expected.clone(), expected]);
    let key = entry("a", 7, 0).key();
    assert_eq!(seen.get(&key).unwrap(), docs.blocking().get(&key).unwrap());
    assert_eq!(seen.count(&scope("a"), Some(&field("time").eq(0))).unwrap(), 43);
    assert_eq!((seen.scopes(), seen.stats().vector_count), (vec![scope("a")], 300));
    let seen = reader.collection("notes").unwrap();
    assert_eq!(seen.count(&scope("b"), None).unwrap(), 1, "one has expired");

    notes.blocking().insert(vec![entry("c", 1, 1)]).unwrap();
    store.checkpoint().await.unwrap();
    assert!(reader.clone().refresh().await.unwrap());
    assert!(reader.collection("docs").unwrap().stats().memory.total() > 0, "it has not changed");
    assert_eq!(reader.collection("notes").unwrap().stats().memory.total(), 0);
    assert!(reader.collection("docs").unwrap().close_unused(usize::MAX) > 0);
}

/// Of another store in the same place nothing is mistaken for what was there, though its files have
/// the same names and lengths.
#[test]
fn a_store_that_was_made_anew_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let make = |time| {
        let store = open(folder.path());
        let docs = collection(&store, "docs");
        docs.blocking().insert(vec![entry("a", 1, time)]).unwrap();
        store.close_blocking().unwrap();
        fs::read(folder.path().join("checkpoints/CURRENT")).unwrap()
    };
    let told = make(1);
    let reader = StoreReader::open_blocking(folder.path()).unwrap();
    assert_eq!(times(&reader.collection("docs").unwrap())[&scope("a")], [1].into());
    for entry in ["store.redb", "LOCK"] {
        fs::remove_file(folder.path().join(entry)).unwrap();
    }
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    assert_eq!(reader.refresh_blocking().unwrap_err().code(), "no_checkpoint");
    assert_eq!(times(&reader.collection("docs").unwrap())[&scope("a")], [1].into());
    assert_ne!(make(2), told);
    assert!(reader.refresh_blocking().unwrap());
    assert_eq!(times(&reader.collection("docs").unwrap())[&scope("a")], [2].into());
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let code = || StoreReader::open_blocking(folder.path()).unwrap_err();
    assert_eq!(code().code(), "no_checkpoint");
    assert!(code().to_string().contains("`Store`"), "{}", code());
    let none = StoreReader::open_blocking(folder.path().join("none")).unwrap_err();
    assert_eq!(none.code(), "no_checkpoint");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");

    let store = open(folder.path());
    let docs = collection(&store, "docs");
    assert!(StoreReader::open_blocking(folder.path()).unwrap().collections().is_empty());
    let entries = (0..200).flat_map(|id| [entry("a", id, 1), entry("b", id, 1)]);
    docs.blocking().insert(entries.collect()).unwrap();
    store.close_blocking().unwrap();
    drop((store, docs));

    let checkpoints = folder.path().join("checkpoints");
    let [current, file] = ["CURRENT", "00000000.vcn"].map(|name| checkpoints.join(name));
    let [told, whole] = [&current, &file].map(|path| fs::read(path).unwrap());
    for text in [&b""[..], b"{}", b"not what it was", &told[..told.len() / 2]] {
        fs::write(&current, text).unwrap();
        let error = code();
        assert_eq!(error.code(), "damaged_checkpoint");
        assert!(error.to_string().contains("CURRENT is damaged"), "{error}");
    }
    fs::write(&current, &told).unwrap();
    let lacking = String::from_utf8(told.clone()).unwrap().replace("tenant:b", "tenant:c");
    assert_ne!(lacking.as_bytes(), told);
    for bytes in [&whole[..whole.len() - 1], b"", b"no snapshot"] {
        fs::write(&file, bytes).unwrap();
        let error = code();
        assert_eq!(error.code(), "damaged_checkpoint");
        assert!(error.to_string().contains("00000000.vcn is damaged"), "{error}");
    }
    fs::remove_file(&file).unwrap();
    assert!(code().to_string().contains("it is not there"), "{}", code());

    // Each region changed: who opens or who searches learns of it, or nothing depends on it.
    let (mut opened, mut damaged) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&file, bytes).unwrap();
        let Ok(reader) = StoreReader::open_blocking(folder.path()) else { continue };
        opened += 1;
        let docs = reader.collection("docs").unwrap();
        for name in ["a", "b"] {
            match docs.list(&scope(name), None, None, usize::MAX) {
                Ok(page) => assert_eq!(page.entries.len(), 200, "byte {at}"),
                Err(error) => {
                    assert_eq!(error.code(), "corrupt", "byte {at}");
                    damaged += 1;
                }
            }
        }
    }
    assert!(opened > 20 && damaged > 15, "{opened} and {damaged}");
    fs::write(&file, &whole).unwrap();
    let docs = StoreReader::open_blocking(folder.path()).unwrap().collection("docs").unwrap();
    assert_eq!(times(&docs).len(), 2);
    fs::write(&current, lacking).unwrap();
    assert_eq!(code().code(), "damaged_checkpoint");
}
