//! Disks that are full, and folders that may not be written: clear errors, nothing that was
//! acknowledged is lost, and the store goes on once there is space again.
//!
//! The full disk is a limit of how large a file of the process may become; the process is this test
//! binary again, for which the signal that would end it is ignored.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vicino::{
    BlockingVectorStorage, DistanceMetric, HnswConfig, Scope, Store, StoreReader, VectorEntry,
    VectorQuery,
};

use crate::process;

const DIMENSIONS: usize = 64;

fn config() -> HnswConfig {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(100);
    config.with_distance_metric(DistanceMetric::Euclidean)
}

/// The entries of a batch, whose ids say of which.
fn batch(number: usize, len: usize) -> Vec<VectorEntry> {
    let scope = Scope::Tenant(["small", "large"][usize::from(len > 1)].to_owned());
    let vector = |i: usize| (0..DIMENSIONS).map(|d| (number * 7 + i * 3 + d) as f32).collect();
    let entry = |i| VectorEntry::new(format!("{number:04} {i:04}"), vector(i));
    (0..len).map(entry).map(|entry| entry.with_scope(scope.clone())).collect()
}

/// The sizes of batches: what is written in pieces, in one transaction, and alone.
const SIZES: [usize; 4] = [600, 1, 100, 1];

/// Inserts batches until one fails; of how many that was the number.
fn fill(storage: &BlockingVectorStorage, from: usize, to: usize) -> (usize, Option<String>) {
    for number in from..to {
        match storage.insert(batch(number, SIZES[number % SIZES.len()])) {
            Ok(keys) => assert_eq!(keys.len(), SIZES[number % SIZES.len()]),
            Err(error) => return (number, Some(format!("{} {error}", error.code()))),
        }
    }
    (to, None)
}

fn check(storage: &BlockingVectorStorage, batches: impl Iterator<Item = usize>) {
    let mut expected: Vec<String> =
        batches.flat_map(|it| batch(it, SIZES[it % SIZES.len()])).map(|it| it.id).collect();
    expected.sort_unstable();
    let mut found = Vec::new();
    for scope in storage.scopes().unwrap() {
        let page = storage.list(&scope, None, None, usize::MAX).unwrap();
        found.extend(page.entries.into_iter().map(|entry| entry.id));
    }
    found.sort_unstable();
    assert_eq!(found, expected);
}

/// The process whose files may not grow.
#[test]
#[ignore = "it is started by the test below"]
fn a_process_with_a_full_disk() {
    let Ok(folder) = env::var("VICINO_FULL_FOLDER") else { return };
    let store = Store::open_blocking(&folder).unwrap();
    let storage = store.collection_blocking("docs", DIMENSIONS, config()).unwrap();
    let storage = storage.blocking();
    assert_eq!(fill(storage, 0, 8), (8, None));
    let size = fs::metadata(Path::new(&folder).join("store.redb")).unwrap().len();
    let mut from = 8;
    let mut written: Vec<usize> = (0..8).collect();
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    for round in 1..=3 {
        let current = Some(size + round * 300_000);
        setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
        // A batch of each size is refused.
        for _ in 0..SIZES.len() {
            let (number, error) = fill(storage, from, 10_000);
            written.extend(from..number);
            println!("refused {}", error.unwrap());
            from = number + 1;
            // What is there can be read, and searched.
            check(storage, written.iter().copied());
            let one = batch(0, SIZES[0]).swap_remove(5);
            let query = VectorQuery::new(one.vector.clone(), 1).with_scope(one.scope.clone());
            assert_eq!(storage.search(&query).unwrap()[0].key.id(), one.id);
        }
        setrlimit(Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
        // A batch that was refused is taken now.
        let again = from - 1;
        assert_eq!(fill(storage, again, from + 3), (from + 3, None));
        written.extend(again..from + 3);
        from += 3;
        check(storage, written.iter().copied());
    }
    println!("written {}", written.iter().map(usize::to_string).collect::<Vec<_>>().join(" "));
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let process = process::of("disks::a_process_with_a_full_disk");
    let out = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(process.get_program())
        .args(process.get_args())
        .env("VICINO_FULL_FOLDER", folder.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let refused: Vec<&str> =
        out.lines().filter_map(|line| Some(line.split_once("refused ")?.1)).collect();
    assert_eq!(refused.len(), 12, "{out}");
    for error in refused {
        assert!(error.starts_with("database ") && error.contains("store.redb"), "{error}");
        assert!(error.contains("large"), "what the system says: {error}");
    }
    let written = out.lines().find_map(|line| Some(line.split_once("written ")?.1)).expect(&out);
    let written = written.split(' ').map(|number| number.parse().unwrap());
    let store = Store::open_blocking(folder.path()).unwrap();
    let storage = store.collection_blocking("docs", DIMENSIONS, config()).unwrap();
    check(storage.blocking(), written);
}

/// The process that may read a store, and not write it.
#[test]
#[ignore = "it is started by the test below"]
fn a_process_that_may_only_read() {
    let Ok(folder) = env::var("VICINO_LOCKED_FOLDER") else { return };
    let folder = Path::new(&folder);
    for folder in [folder.to_owned(), folder.join("below")] {
        let error = Store::open_blocking(&folder).unwrap_err();
        println!("refused {} {error}", error.code());
    }
    let reader = StoreReader::open_blocking(folder).unwrap().collection("docs").unwrap();
    println!("read {}", reader.count(&Scope::Tenant("large".to_owned()), None).unwrap());
}

#[test]
fn a_folder_that_may_not_be_written_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_blocking(folder.path().join("store")).unwrap();
    let storage = store.collection_blocking("docs", DIMENSIONS, config()).unwrap();
    assert_eq!(fill(storage.blocking(), 0, 4), (4, None));
    store.close_blocking().unwrap();
    drop((storage, store));
    let program = folder.path().join("program");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = process::with(&program, "disks::a_process_that_may_only_read");
    // Who is root may write everywhere, and is somebody else for this.
    if fs::metadata(&program).unwrap().uid() == 0 {
        command.uid(65_534);
    }
    let may = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    let below = walk(folder.path());
    let modes = |of_folder, of_file| {
        for path in &below {
            may(path, if path.is_dir() { of_folder } else { of_file }).unwrap();
        }
    };
    modes(0o555, 0o555);
    let mut child = command
        .env("VICINO_LOCKED_FOLDER", folder.path().join("store"))
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    let out: Vec<String> = out.map(Result::unwrap).collect();
    child.wait().unwrap();
    modes(0o755, 0o644);
    std::io::stdout().flush().unwrap();
    let refused: Vec<&String> = out.iter().filter(|line| line.contains("refused io ")).collect();
    assert_eq!(refused.len(), 2, "{out:?}");
    assert!(refused.iter().all(|line| line.contains("ermission denied")), "{out:?}");
    assert!(refused.iter().all(|line| line.contains("store")), "{out:?}");
    assert!(out.iter().any(|line| line.ends_with("read 700")), "{out:?}");
}

/// A folder, and all that is in it.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        if path.is_dir() {
            all.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    all
}
