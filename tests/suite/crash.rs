//! Stores whose process is killed while it writes: what was acknowledged is there, and nothing is
//! half there.
//!
//! The process is this test binary again, which writes and says what is done, until it is killed.
//! `VICINO_CRASHES` sets how often; `tests/run crash` does it some hundred times.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{env, thread};

use vicino::{
    BlockingVectorStorage, EntryKey, HnswConfig, HnswVectorStorage, Scope, StoreError, VectorEntry,
    field,
};
use vicino_tests::Random;

use crate::process;

const DIMENSIONS: usize = 8;

/// Threads that write at once, each in a scope of its own.
const WRITERS: usize = 3;

/// What a scope holds, by id: a number that stands for the vector, and one that is metadata.
type Model = BTreeMap<String, (i64, i64)>;

/// What a writer does as its n-th deed. All follows from these two numbers.
enum Deed {
    Insert(Vec<(String, i64)>),
    Upsert(Vec<(String, i64)>),
    Update(String, i64),
    Delete(Vec<String>),
    DeleteWhere(i64),
    DeleteScope,
}

fn deed(writer: usize, number: u64) -> Deed {
    let mut random = Random(number << 8 | writer as u64);
    let id = |random: &mut Random| format!("id-{}", random.below(200));
    // Small enough for vectors that hold it to be exact.
    let stamp = (number % 1000) as i64;
    match random.below(100) {
        // So many that they come into the database in pieces.
        0..3 => {
            let count = 300 + random.below(300) as i64;
            Deed::Insert((0..count).map(|i| (format!("{number} {i}"), stamp * 100 + i)).collect())
        }
        3..60 => {
            let count = 1 + random.below(30);
            Deed::Upsert((0..count).map(|i| (id(&mut random), stamp * 100 + i as i64)).collect())
        }
        60..80 => Deed::Update(id(&mut random), stamp),
        80..92 => Deed::Delete((0..5).map(|_| id(&mut random)).collect()),
        92..97 => Deed::DeleteWhere(random.below(50) as i64),
        _ => Deed::DeleteScope,
    }
}

fn scope(writer: usize) -> Scope {
    Scope::Tenant(format!("writer {writer}"))
}

fn vector(number: i64) -> Vec<f32> {
    (0..DIMENSIONS).map(|i| (number * 31 + i as i64 * 7 % 11) as f32).collect()
}

fn open(folder: &Path) -> HnswVectorStorage {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(100);
    let config = config.with_distance_metric(vicino::DistanceMetric::Euclidean);
    HnswVectorStorage::open_blocking(folder, DIMENSIONS, config).unwrap()
}

fn perform(storage: &BlockingVectorStorage, writer: usize, number: u64) -> Result<(), StoreError> {
    let key = |id: String| EntryKey::new(scope(writer), id);
    let entry = |(id, number): (String, i64)| {
        VectorEntry::new(id, vector(number))
            .with_scope(scope(writer))
            .with_metadata([("n".to_owned(), number % 50)])
    };
    match deed(writer, number) {
        Deed::Insert(pairs) => storage.insert(pairs.into_iter().map(entry).collect()).map(drop),
        Deed::Upsert(pairs) => storage.upsert(pairs.into_iter().map(entry).collect()).map(drop),
        Deed::Update(id, number) => {
            let metadata = [("n".to_owned(), (number % 50).into())].into();
            match storage.update_metadata(&key(id), metadata) {
                Err(error) if error.code() == "unknown_id" => Ok(()),
                done => done,
            }
        }
        Deed::Delete(ids) => {
            storage.delete(&ids.into_iter().map(key).collect::<Vec<_>>()).map(drop)
        }
        Deed::DeleteWhere(n) => storage.delete_where(&scope(writer), &field("n").eq(n)).map(drop),
        Deed::DeleteScope => storage.delete_scope(&scope(writer)).map(drop),
    }
}

/// The same in a model.
fn imagine(model: &mut Model, writer: usize, number: u64) {
    match deed(writer, number) {
        Deed::Insert(pairs) | Deed::Upsert(pairs) => {
            model.extend(pairs.into_iter().map(|(id, number)| (id, (number, number % 50))));
        }
        Deed::Update(id, number) => {
            model.entry(id).and_modify(|(_, n)| *n = number % 50);
        }
        Deed::Delete(ids) => model.retain(|id, _| !ids.contains(id)),
        Deed::DeleteWhere(gone) => model.retain(|_, (_, n)| *n != gone),
        Deed::DeleteScope => model.clear(),
    }
}

fn found(storage: &BlockingVectorStorage, writer: usize) -> Model {
    let page = storage.list(&scope(writer), None, None, usize::MAX).unwrap();
    let entries = page.entries.into_iter().map(|entry| {
        let number = (entry.vector[0] / 31.0).to_string().parse().unwrap();
        assert_eq!(entry.vector, vector(number), "a vector is whole");
        let n = entry.metadata["n"].clone();
        let n = (0..50).find(|it| vicino::Value::from(*it) == n).unwrap();
        (entry.id, (number, n))
    });
    entries.collect()
}

/// The process that is killed: what it prints is done.
#[test]
#[ignore = "it is started by the test below, and writes until it is killed"]
fn a_process_that_writes() {
    let Ok(folder) = env::var("VICINO_CRASH_FOLDER") else { return };
    let from = env::var("VICINO_CRASH_FROM").unwrap();
    let from: Vec<u64> = from.split(',').map(|number| number.parse().unwrap()).collect();
    let storage = open(folder.as_ref());
    thread::scope(|threads| {
        threads.spawn(|| {
            loop {
                storage.blocking().checkpoint().unwrap();
                thread::sleep(Duration::from_millis(3));
            }
        });
        for (writer, from) in from.into_iter().enumerate() {
            let storage = storage.blocking();
            threads.spawn(move || {
                for number in from.. {
                    perform(storage, writer, number).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "done {writer} {number}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn what_was_acknowledged_outlives_the_process() {
    let crashes = env::var("VICINO_CRASHES").ok().and_then(|crashes| crashes.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(7);
    // How many deeds are done, and what they made of each scope.
    let mut states: Vec<(u64, Model)> = vec![(0, Model::new()); WRITERS];
    let mut deeds = 0;
    for crash in 0..crashes.unwrap_or(6) {
        let from: Vec<String> = states.iter().map(|(number, _)| number.to_string()).collect();
        let mut child = process::of("crash::a_process_that_writes")
            .env("VICINO_CRASH_FOLDER", folder.path())
            .env("VICINO_CRASH_FROM", from.join(","))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = out.lines().map_while(Result::ok).filter(|line| line.starts_with("done "));
        let mut done: Vec<u64> = states.iter().map(|(number, _)| *number).collect();
        let mut note = |line: String| {
            let mut numbers = line.split(' ').skip(1).map(|number| number.parse::<u64>().unwrap());
            let writer = usize::try_from(numbers.next().unwrap()).unwrap();
            done[writer] = numbers.next().unwrap() + 1;
            deeds += 1;
        };
        // It has opened the store once it has done something.
        lines.next().map(&mut note).unwrap();
        thread::sleep(Duration::from_micros(random.below(60_000) as u64));
        child.kill().unwrap();
        lines.for_each(note);
        child.wait().unwrap();

        let storage = open(folder.path());
        for (writer, (number, model)) in states.iter_mut().enumerate() {
            for number in *number..done[writer] {
                imagine(model, writer, number);
            }
            *number = done[writer];
            let report = storage.blocking().check(&scope(writer)).unwrap();
            assert_eq!(report.invalid_links, 0, "{report:?}");
            if crash % 4 == 3 {
                // Vectors that lie on a line have few links, and what led from one to the next may
                // be deleted until it is cleared up.
                while !storage.blocking().maintain(u64::MAX).unwrap().finished {}
                let report = storage.blocking().check(&scope(writer)).unwrap();
                assert_eq!(report.unreachable, 0, "{report:?}");
            }
            let found = found(storage.blocking(), writer);
            if found != *model {
                // What was on its way may be there, but then the whole of it.
                imagine(model, writer, *number);
                *number += 1;
                assert_eq!(found, *model, "writer {writer} after crash {crash}");
            }
        }
    }
    assert!(deeds > 20, "{deeds} deeds");
}
