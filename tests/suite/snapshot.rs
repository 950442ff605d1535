//! Collections as files: what comes back, and what of it can be had by itself.

use vicino::{
    Bytes, Collection, DistanceMetric, EntryKey, Error, HnswConfig, Open, Scope, Searcher, Sink,
    SnapshotIndex, VectorEntry, VectorQuery, Verify, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 6;

pub(crate) fn tenant() -> Scope {
    Scope::Tenant("a:b".to_owned())
}

fn entries(scope: &Scope, count: usize, random: &mut Random) -> Vec<VectorEntry> {
    let entries = (0..count).map(|i| {
        let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
        let mut entry = VectorEntry::new(format!("id-{i}"), vector)
            .with_scope(scope.clone())
            .with_metadata([("n".to_owned(), i as i64 % 7)]);
        entry.metadata.insert("long".to_owned(), "x".repeat(260 * (i % 2)).into());
        if i % 3 == 0 {
            entry = entry.with_content(format!("text {i}")).with_expires_at(100 + i as i64);
        }
        entry
    });
    entries.collect()
}

/// A scope that is a graph, with deletes and a sweep that has begun, one that is scanned, and one
/// that held something.
pub(crate) fn collection(metric: DistanceMetric) -> Collection {
    let config = HnswConfig::balanced()
        .with_distance_metric(metric)
        .with_max_connections(4)
        .with_ef_construction(16)
        .with_promotion_size(300);
    let mut collection = Collection::new(config, DIMENSIONS, vicino::simd().unwrap()).unwrap();
    let mut random = Random(1);
    for (scope, count) in [(Scope::Global, 40), (tenant(), 600), (Scope::User("u".into()), 3)] {
        collection.insert(entries(&scope, count, &mut random), 1).unwrap();
    }
    collection.delete_where(&tenant(), &field("n").eq(3), 2).unwrap();
    collection.delete_where(&Scope::User("u".into()), &field("n").gte(0), 2).unwrap();
    collection.maintain(3_000, 3).unwrap();
    collection.upsert(entries(&tenant(), 20, &mut random), 4).unwrap();
    collection.patch_metadata(&EntryKey::from("id-5"), [("n".into(), 9.into())].into(), 5).unwrap();
    collection.tune(&tenant(), 0.9, 5).unwrap();
    collection
}

pub(crate) fn written(collection: &Collection) -> Vec<u8> {
    let mut bytes = Vec::new();
    collection.snapshot().unwrap().write(&mut bytes).unwrap();
    bytes
}

pub(crate) fn opened(bytes: &[u8], verify: Verify) -> Result<Collection, Error> {
    let open = Open::default().with_verify(verify);
    Collection::open(Bytes::copy_of(bytes).unwrap(), vicino::simd().unwrap(), &open)
}

/// All that reads, and all that writes. Answers may be errors; what they are is told.
pub(crate) fn told(collection: &mut Collection) -> Vec<String> {
    let mut told = Vec::new();
    let mut random = Random(9);
    let mut searcher = Searcher::default();
    for scope in [Scope::Global, tenant()] {
        for _ in 0..4 {
            let vector: Vec<f32> = (0..DIMENSIONS).map(|_| random.signed()).collect();
            let query = VectorQuery::new(vector, 5)
                .with_scope(scope.clone())
                .with_include_vector(true)
                .with_include_content(true);
            let filtered = query.clone().with_filter(field("n").lt(4));
            told.push(format!("{:?}", collection.search(&query, &mut searcher)));
            told.push(format!("{:?}", collection.explain(&filtered, &mut searcher)));
            told.push(format!("{:?}", collection.search(&query.with_exact(true), &mut searcher)));
        }
        let like = VectorQuery::like("id-7", 3).with_scope(scope.clone());
        told.push(format!("{:?}", collection.search(&like, &mut searcher)));
        told.push(format!("{:?}", collection.list(&scope, None, Some("id-3"), 30)));
        told.push(format!("{:?}", collection.get(&EntryKey::new(scope.clone(), "id-9"))));
        told.push(format!("{:?}", collection.stats_for_scope(&scope).vector_count));
        told.push(format!("{:?}", collection.delete_where(&scope, &field("n").eq(1), 110)));
        let more = entries(&scope, 30, &mut random);
        told.push(format!("{:?}", collection.upsert(more, 111)));
        told.push(format!("{:?}", collection.maintain(u64::MAX, 200)));
        told.push(format!("{:?}", collection.count(&scope, Some(&field("long").exists(true)))));
    }
    told
}

#[test]
fn what_was_written_goes_on_as_it_was() {
    for &metric in DistanceMetric::ALL {
        let mut collection = collection(metric);
        let bytes = written(&collection);
        assert!(bytes == written(&self::collection(metric)), "the same calls give the same bytes");
        let mut again = opened(&bytes, Verify::Full).unwrap();
        assert_eq!(again.config(), collection.config());
        assert!(written(&again) == bytes);
        for (i, (a, b)) in told(&mut again).iter().zip(told(&mut collection)).enumerate() {
            assert!(*a == b, "answer {i} under {metric}: {a:.300} instead of {b:.300}");
        }
        assert!(written(&again) == written(&collection), "also what came after");
    }
}

/// A disk that takes its time: between its writes the collection lives on.
struct Slow<'a> {
    file: Vec<u8>,
    meanwhile: Box<dyn FnMut() + 'a>,
}

impl Sink for Slow<'_> {
    type Error = Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        (self.meanwhile)();
        self.file.write(bytes)
    }
}

/// Entries go and others come, in the places of those that went before.
fn live(collection: &mut Collection, day: i64, random: &mut Random) {
    collection.delete_where(&tenant(), &field("n").eq(day % 7), day).unwrap();
    collection.maintain(u64::MAX, day).unwrap();
    collection.upsert(entries(&tenant(), 200, random), day).unwrap();
}

#[test]
fn a_snapshot_is_of_the_moment_that_it_was_taken() {
    for &metric in DistanceMetric::ALL {
        let mut collection = collection(metric);
        let (mut day, mut random) = (200, Random(3));
        for _ in 0..10 {
            live(&mut collection, day, &mut random);
            day += 1;
        }
        let memory = |of: &Collection| of.stats_for_scope(&tenant()).memory.vectors;
        let (file, before) = (written(&collection), memory(&collection));

        let snapshot = collection.snapshot().unwrap();
        let meanwhile = Box::new(|| {
            live(&mut collection, day, &mut random);
            day += 1;
        });
        let mut slow = Slow { file: Vec::new(), meanwhile };
        snapshot.write(&mut slow).unwrap();
        assert!(slow.file == file, "under {metric} it is not what was there");
        drop(slow);

        let after = memory(&collection);
        assert!(after > before, "places are held meanwhile");
        for _ in 0..10 {
            live(&mut collection, day, &mut random);
            day += 1;
        }
        assert_eq!(memory(&collection), after, "and used again afterwards");
    }
}

/// What is copied at the first change was counted before it.
#[test]
fn an_opened_collection_keeps_to_its_limit() {
    let collection = collection(DistanceMetric::Cosine);
    let file = written(&collection);
    let used = |of: &Collection| of.stats().memory;
    let mut refused = 0;
    for room in (0..1_000_000).step_by(20_000) {
        let again = opened(&file, Verify::Structure).unwrap();
        assert_eq!(used(&again).vectors, used(&collection).vectors);
        let limit = used(&again).total() + room;
        let mut again = again.with_memory_limit(limit);
        let more = entries(&tenant(), 40, &mut Random(8));
        match again.upsert(more, 200) {
            Ok(_) => assert!(used(&again).total() <= limit, "{:?} with {room}", used(&again)),
            Err(error) => {
                assert_eq!(error.code(), "memory_limit");
                refused += 1;
            }
        }
    }
    assert!((1..50).contains(&refused), "{refused} of 50");

    // What takes memory is not what deletes it.
    let again = opened(&file, Verify::Structure).unwrap();
    let limit = used(&again).total() + 1;
    let mut again = again.with_memory_limit(limit);
    assert_eq!(again.delete(&[EntryKey::new(tenant(), "id-8")], 5).unwrap(), 1);
    assert!(again.delete_where(&tenant(), &field("n").eq(0), 5).unwrap() > 0);
    assert!(again.maintain(u64::MAX, 150).unwrap().purged > 0);
}

#[test]
fn some_scopes_are_a_file_of_their_own() {
    let collection = collection(DistanceMetric::Cosine);
    let mut bytes = Vec::new();
    let chosen = [tenant(), Scope::Agent("none".to_owned())];
    collection.snapshot_scopes(&chosen).unwrap().write(&mut bytes).unwrap();
    let again = opened(&bytes, Verify::Full).unwrap();
    assert_eq!(again.scopes(), [tenant()]);
    let ids = |of: &Collection| {
        let page = of.list(&tenant(), None, None, 1000).unwrap();
        page.entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&again), ids(&collection));
}

pub(crate) fn fetch(file: &[u8], range: std::ops::Range<u64>) -> &[u8] {
    let place = |place: u64| usize::try_from(place).unwrap();
    &file[place(range.start)..place(range.end)]
}

pub(crate) fn index_of(file: &[u8]) -> SnapshotIndex {
    let (header, footer) = SnapshotIndex::ends(file.len() as u64);
    let (header, footer) = (fetch(file, header), fetch(file, footer));
    let directory = fetch(file, SnapshotIndex::directory(footer).unwrap());
    SnapshotIndex::new(header, directory, footer).unwrap()
}

/// As a program does that has the file behind a network: three ranges lead to a scope, a fourth is
/// it.
#[test]
fn a_scope_is_opened_without_the_rest() {
    let collection = collection(DistanceMetric::Euclidean);
    let file = written(&collection);
    let index = index_of(&file);
    let fetch = |range| fetch(&file, range);
    let entries: Vec<_> = index.scopes().map(|(scope, entries)| (scope.clone(), entries)).collect();
    let left = Scope::User("u".to_owned());
    assert_eq!(entries.last(), Some(&(left.clone(), 0)), "what it held was deleted");
    assert_eq!(index.range(&Scope::Agent("none".to_owned())), None);

    let (simd, open) = (vicino::simd().unwrap(), Open::default().with_verify(Verify::Full));
    let mut again = Collection::of_snapshot(&index, simd, &open).unwrap();
    let part = |scope: &Scope| Bytes::copy_of(fetch(index.range(scope).unwrap())).unwrap();
    again.open_scope(&index, &tenant(), part(&tenant()), &open).unwrap();
    assert_eq!(again.scopes(), [tenant()]);
    let query = VectorQuery::new(vec![0.5; DIMENSIONS], 20).with_scope(tenant());
    let searched = |of: &Collection| of.search(&query, &mut Searcher::default()).unwrap();
    assert_eq!(searched(&again), searched(&collection));

    let twice = again.open_scope(&index, &tenant(), part(&tenant()), &open).unwrap_err();
    assert_eq!(twice.code(), "scope_exists");
    let wrong = again.open_scope(&index, &Scope::Global, part(&tenant()), &open).unwrap_err();
    assert_eq!(wrong.code(), "corrupt", "the part of another");
    for scope in [left, Scope::Global] {
        again.open_scope(&index, &scope, part(&scope), &open).unwrap();
    }
    assert!(written(&again) == file, "all parts are all of it");

    let mut other = self::collection(DistanceMetric::Cosine);
    other.delete_scope(&tenant());
    let mixed = other.open_scope(&index, &tenant(), part(&tenant()), &open).unwrap_err();
    assert_eq!(mixed.code(), "corrupt", "another metric");
}
