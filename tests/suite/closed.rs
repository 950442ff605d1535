//! Scopes that leave memory and come back: nobody can tell, but by the memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use vicino::{
    Bytes, Collection, EntryKey, Error, HnswConfig, Open, Scope, Searcher, Simd, SnapshotFile,
    SnapshotIndex, Source, VectorEntry, VectorQuery, Watcher, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 4;

/// Scopes of a life.
const TENANTS: usize = 60;

/// A file in memory, which counts reads and can be out of reach.
#[derive(Debug, Clone)]
struct File(Arc<State>);

#[derive(Debug)]
struct State {
    bytes: Vec<u8>,
    reads: AtomicUsize,
    is_gone: AtomicBool,
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        let (reads, is_gone) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(State { bytes, reads, is_gone }))
    }

    fn snapshot(&self) -> SnapshotFile {
        let index = SnapshotIndex::read(self, self.0.bytes.len() as u64).unwrap();
        SnapshotFile::new(index, self.clone(), Open::default())
    }
}

impl Source for File {
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        if self.0.is_gone.load(Ordering::Relaxed) {
            return Err(Error::Unreadable { reason: "the cable is out".to_owned() });
        }
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        Bytes::copy_of(&self.0.bytes[start..end])
    }
}

fn empty() -> Collection {
    let config = HnswConfig::fast().with_ef_construction(16).with_promotion_size(60);
    Collection::new(config, DIMENSIONS, Simd::detect()).unwrap()
}

fn tenant(number: usize) -> Scope {
    Scope::Tenant(format!("tenant {number}"))
}

fn entry(random: &mut Random, tenants: usize) -> VectorEntry {
    let vector = (0..DIMENSIONS).map(|_| random.below(1000) as f32 / 10.0 - 50.1).collect();
    VectorEntry::new(format!("id {}", random.below(40)), vector)
        .with_scope(tenant(random.below(tenants)))
        .with_metadata([("n".to_owned(), random.below(5) as i64)])
}

/// All that a collection says of its entries.
fn told(collection: &Collection) -> BTreeMap<Scope, Vec<VectorEntry>> {
    let list = |scope: Scope| {
        let page = collection.list(&scope, None, None, usize::MAX).unwrap();
        (scope, page.entries)
    };
    collection.scopes().into_iter().map(list).collect()
}

fn write(collection: &mut Collection, random: &mut Random, now: i64) {
    match random.below(10) {
        0..6 => {
            let entries = (0..1 + random.below(9)).map(|_| entry(random, TENANTS)).collect();
            drop(collection.upsert(entries, now).unwrap());
        }
        6..8 => {
            let keys: Vec<EntryKey> = (0..5).map(|_| entry(random, TENANTS).key()).collect();
            collection.delete(&keys, now).unwrap();
        }
        8 => {
            let metadata = [("n".to_owned(), 9.into())].into();
            drop(collection.update_metadata(&entry(random, TENANTS).key(), metadata, now));
        }
        _ if random.below(4) == 0 => drop(collection.delete_scope(&tenant(random.below(TENANTS)))),
        _ => drop(collection.maintain(500, now).unwrap()),
    }
}

/// Two lives side by side, one of which keeps everything in memory.
#[test]
fn nobody_can_tell_whether_a_scope_was_closed() {
    let (mut random, mut searcher) = (Random(11), Searcher::default());
    let (mut ours, mut theirs) = (empty(), empty());
    let mut taken = None;
    let mut closed = 0;
    for day in 0..1500 {
        let mut same = Random(1000 + day);
        write(&mut ours, &mut Random(1000 + day), day as i64);
        write(&mut theirs, &mut same, day as i64);
        match random.below(12) {
            0 => {
                let snapshot = ours.snapshot_changed([]).unwrap();
                let (stamps, mut bytes) = (snapshot.stamps(), Vec::new());
                snapshot.write(&mut bytes).unwrap();
                taken = Some((File::new(bytes).snapshot(), stamps));
            }
            1 => {
                // What changed since then stays with the writer.
                if let Some((file, stamps)) = taken.take() {
                    ours.rest(&file, &stamps).unwrap();
                }
            }
            2..5 => closed += usize::from(ours.close_unused(random.below(100_000)) > 0),
            _ => {}
        }
        let query = VectorQuery::new(entry(&mut random, 1).vector, 5)
            .with_scopes([tenant(random.below(TENANTS)), tenant(random.below(TENANTS))])
            .with_exact(true);
        let filtered = query.clone().with_filter(field("n").lt(2));
        for query in [query, filtered] {
            let found = ours.search(&query, &mut searcher).unwrap();
            assert_eq!(found, theirs.search(&query, &mut searcher).unwrap(), "day {day}");
        }
        if day % 50 == 0 {
            assert_eq!(told(&ours), told(&theirs), "day {day}");
            let (a, b) = (ours.stats(), theirs.stats());
            assert_eq!((a.vector_count, a.scope_count), (b.vector_count, b.scope_count));
        }
    }
    assert!(closed > 20, "{closed}");

    // The whole of it in one file, closed scopes among them.
    ours.close_unused(usize::MAX);
    let mut bytes = Vec::new();
    ours.snapshot().unwrap().write(&mut bytes).unwrap();
    let again = Collection::open(bytes.try_into().unwrap(), Simd::detect(), &Open::default());
    assert_eq!(told(&again.unwrap()), told(&theirs));
}

/// A collection of which all is closed, and its file.
fn sleeping() -> (Collection, File) {
    let (mut random, mut collection) = (Random(5), empty());
    collection.upsert((0..600).map(|_| entry(&mut random, 8)).collect(), 0).unwrap();
    let mut bytes = Vec::new();
    collection.snapshot().unwrap().write(&mut bytes).unwrap();
    let file = File::new(bytes);
    let snapshot = file.snapshot();
    let mut again = empty();
    let scopes: Vec<Scope> = snapshot.index().scopes().map(|(scope, _)| scope.clone()).collect();
    again.attach(&snapshot, &scopes).unwrap();
    file.0.reads.store(0, Ordering::Relaxed);
    (again, file)
}

#[test]
fn a_scope_is_opened_when_it_is_used_and_no_other() {
    let (mut collection, file) = sleeping();
    let reads = || file.0.reads.load(Ordering::Relaxed);
    let mut searcher = Searcher::default();
    let stats = collection.stats();
    assert_eq!((stats.scope_count, stats.memory.total(), reads()), (8, 0, 0));
    let there = collection.stats_for_scope(&tenant(3)).vector_count;
    assert!(there > 30 && collection.is_closed(&tenant(3), &mut searcher));
    assert_eq!(collection.count(&tenant(3), None).unwrap(), there);
    assert!(!collection.is_closed(&tenant(3), &mut searcher) && collection.resting_bytes() > 0);
    assert_eq!((reads(), collection.scopes().len()), (1, 8));
    collection.insert(vec![VectorEntry::new("a", vec![1.0; DIMENSIONS])], 0).unwrap();
    assert_eq!(reads(), 1, "a scope that is new needs no file");

    let again = collection.attach(&file.snapshot(), &[tenant(3)]).unwrap_err();
    assert_eq!(again.code(), "scope_exists");
    let none = collection.attach(&file.snapshot(), &[tenant(99)]).unwrap_err();
    assert_eq!(none.code(), "corrupt");
    let mut other = Collection::new(HnswConfig::fast(), 1, Simd::detect()).unwrap();
    assert_eq!(other.attach(&file.snapshot(), &[]).unwrap_err().code(), "corrupt");
}

#[test]
fn a_file_out_of_reach_is_an_error_and_then_there_again() {
    let (mut collection, file) = sleeping();
    let query = VectorQuery::new(vec![1.0; DIMENSIONS], 3).with_scope(tenant(1));
    let mut searcher = Searcher::default();
    file.0.is_gone.store(true, Ordering::Relaxed);
    let error = collection.search(&query, &mut searcher).unwrap_err();
    assert_eq!(error.code(), "unreadable");
    let insert = vec![VectorEntry::new("a", vec![1.0; DIMENSIONS]).with_scope(tenant(2))];
    assert_eq!(collection.insert(insert.clone(), 0).unwrap_err().code(), "unreadable");
    assert_eq!(collection.snapshot().unwrap_err().code(), "unreadable");
    collection.delete_scope(&tenant(4));
    file.0.is_gone.store(false, Ordering::Relaxed);
    assert_eq!(collection.search(&query, &mut searcher).unwrap().len(), 3);
    collection.insert(insert, 0).unwrap();
    collection.snapshot().unwrap();
    assert_eq!(collection.scopes().len(), 7);

    // What cannot be read any more is made anew elsewhere, and takes its place.
    file.0.is_gone.store(true, Ordering::Relaxed);
    let mut mended = empty();
    let entry = VectorEntry::new("anew", vec![1.0; DIMENSIONS]).with_scope(tenant(5));
    mended.insert(vec![entry.clone()], 0).unwrap();
    collection.replace_scope(&tenant(5), &mut mended).unwrap();
    assert_eq!(collection.count(&tenant(5), None).unwrap(), 1);
    assert!(collection.contains(&entry.key()).unwrap() && mended.scopes().is_empty());
}

/// Counts what it is told.
#[derive(Debug, Default)]
struct Told {
    time: AtomicUsize,
    opened: AtomicUsize,
    closed: AtomicUsize,
    bytes: AtomicUsize,
}

impl Watcher for Told {
    fn now(&self) -> u64 {
        self.time.fetch_add(1, Ordering::Relaxed) as u64
    }

    fn opened(&self, scope: &Scope, began: u64, bytes: usize) {
        let count = self.opened.fetch_add(1, Ordering::Relaxed);
        assert_eq!((scope, began), (&tenant(count), count as u64));
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn closed(&self, scopes: usize, bytes: usize) {
        self.closed.fetch_add(scopes, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[test]
fn who_watches_is_told_what_comes_and_goes() {
    let told = Arc::new(Told::default());
    let collection = sleeping().0.with_watcher(told.clone());
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    collection.close_unused(usize::MAX);
    assert_eq!((count(&told.opened), count(&told.closed)), (0, 0), "all sleep");
    for number in [0, 0, 1, 0, 2] {
        collection.count(&tenant(number), None).unwrap();
    }
    assert_eq!((count(&told.opened), count(&told.closed)), (3, 0));
    assert_eq!(count(&told.bytes), collection.resting_bytes());
    collection.close_unused(usize::MAX);
    assert_eq!((count(&told.opened), count(&told.closed), count(&told.bytes)), (3, 3, 0));
}

/// What expires in a scope that nobody uses goes all the same.
#[test]
fn a_scope_that_is_closed_is_purged() {
    let mut collection = empty();
    let lasting = |name: &str, ttl: i64| {
        let entry = VectorEntry::new(name, vec![1.0; DIMENSIONS]);
        entry.with_scope(Scope::User(ttl.to_string())).with_ttl_ms(ttl)
    };
    collection.insert(vec![lasting("a", 50), lasting("b", 5), lasting("c", 50)], 0).unwrap();
    let snapshot = collection.snapshot().unwrap();
    let (stamps, mut bytes) = (snapshot.stamps(), Vec::new());
    snapshot.write(&mut bytes).unwrap();
    collection.rest(&File::new(bytes).snapshot(), &stamps).unwrap();
    collection.close_unused(usize::MAX);
    let [short, long] = ["5", "50"].map(|name| Scope::User(name.to_owned()));
    assert!(collection.expired_scopes(4).is_empty());
    assert_eq!(collection.expired_scopes(5), [short]);
    let done = collection.maintain(u64::MAX, 5).unwrap();
    assert_eq!((done.purged, collection.scopes()), (1, vec![long.clone()]));
    assert!(collection.is_closed(&long, &mut Searcher::default()), "and no other is opened");
}

/// Readers on several threads while scopes are closed under them.
#[test]
fn who_reads_does_not_miss_what_is_closed_meanwhile() {
    let (collection, file) = sleeping();
    let there: Vec<usize> =
        (0..8).map(|number| collection.stats_for_scope(&tenant(number)).vector_count).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|thread| {
                let (reader, there, done) = (collection.reader(), &there, &done);
                threads.spawn(move || {
                    let (mut random, mut searcher) = (Random(thread), Searcher::default());
                    while !done.load(Ordering::Relaxed) {
                        let number = random.below(8);
                        let query =
                            VectorQuery::new(vec![1.0; DIMENSIONS], 100).with_scope(tenant(number));
                        let found = reader.search(&query, &mut searcher).unwrap();
                        assert_eq!(found.len(), there[number]);
                        assert_eq!(reader.count(&tenant(number), None).unwrap(), there[number]);
                    }
                })
            })
            .collect();
        let mut closed = 0;
        while closed < 100 && !readers.iter().any(|reader| reader.is_finished()) {
            closed += usize::from(collection.close_unused(50_000) > 0);
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert!(file.0.reads.load(Ordering::Relaxed) > 20);
}
