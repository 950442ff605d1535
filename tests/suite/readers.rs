//! Searches while a writer changes everything under them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use vicino::{
    Collection, CollectionReader, DistanceMetric, HnswConfig, HnswIndex, HnswReader, Quantization,
    Scope, Searcher, Serial, Value, VectorEntry, VectorQuery, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 24;

/// A vector that shows whether it is whole: all its values are one small whole number, so that
/// its distance from zero is that number times the square root of the dimensions.
fn whole(number: usize) -> Vec<f32> {
    vec![number as f32; DIMENSIONS]
}

/// The number that a distance from zero tells of, if the vector is whole.
fn number(distance: f32) -> Option<usize> {
    let near = |number: &usize| (whole_distance(*number) - distance).abs() < 0.01;
    (1..=1000).find(near)
}

fn whole_distance(number: usize) -> f32 {
    number as f32 * (DIMENSIONS as f32).sqrt()
}

/// Tells readers that the writer has gone.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What a reader checks until the writer is done: in each batch the numbers are 500 on average, and
/// but for one batch as many come as go.
fn read(reader: &HnswReader, live: [usize; 2], done: &AtomicBool) -> usize {
    let mut searcher = Searcher::default();
    let mut searches = 0;
    while !done.load(Ordering::Acquire) || searches == 0 {
        let found = reader.search(&[0.0; DIMENSIONS], 10, Some(40), &mut searcher).unwrap();
        assert_eq!(found.len(), 10);
        for found in found {
            assert!(number(found.distance).is_some(), "torn: {found:?}");
        }
        let all = reader.scan(&[0.0; DIMENSIONS], 2 * live[1], &mut searcher).unwrap();
        assert!(live.contains(&all.len()), "a batch is seen whole or not at all: {}", all.len());
        let sum: usize = all.iter().map(|found| number(found.distance).expect("torn")).sum();
        assert_eq!(sum, 500 * all.len(), "a batch is seen whole or not at all");
        searches += 1;
    }
    searches
}

/// Pairs of numbers around 500.
fn batch(random: &mut Random, pairs: usize) -> Vec<f32> {
    let mut vectors = Vec::new();
    for _ in 0..pairs {
        let away = random.below(499);
        vectors.extend(whole(500 - away));
        vectors.extend(whole(500 + away));
    }
    vectors
}

#[test]
fn readers_see_whole_vectors_and_whole_batches() {
    for quantization in [Quantization::Int8, Quantization::None] {
        const PAIRS: usize = 600;
        const MORE: usize = 100;
        let config = HnswConfig::balanced()
            .with_distance_metric(DistanceMetric::Euclidean)
            .with_quantization(quantization)
            .with_max_connections(8)
            .with_ef_construction(32)
            .with_promotion_size(2 * PAIRS);
        let simd = vicino::simd().unwrap();
        let mut index = HnswIndex::new(config, DIMENSIONS, simd).unwrap();
        let mut random = Random(11);
        let mut live = index.insert(&batch(&mut random, PAIRS), &Serial).unwrap();
        let (done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            // Also where an assertion fails: readers that go on would hang the test.
            let _done = Done(&done);
            for _ in 0..2 {
                let (reader, done, searches) = (index.reader(), &done, &searches);
                scope.spawn(move || {
                    searches.fetch_add(
                        read(&reader, [2 * PAIRS, 2 * (PAIRS + MORE)], done),
                        Ordering::Relaxed,
                    );
                });
            }
            for round in 0..60 {
                if round == 20 {
                    assert_eq!(index.check().slots, 0, "still a scan");
                    let more = index.insert(&batch(&mut random, MORE), &Serial).unwrap();
                    assert_eq!(index.check().slots, 2 * (PAIRS + MORE), "promoted under readers");
                    live.extend(more);
                }
                let pairs = 1 + random.below(40);
                let gone = live.drain(..2 * pairs).collect::<Vec<_>>();
                let born = index.apply(&batch(&mut random, pairs), &gone, &Serial);
                live.extend(born.unwrap());
                index.maintain(5_000, &Serial);
            }
        });
        assert!(searches.into_inner() >= 2);
        assert_eq!(index.check().invalid_links, 0);
    }
}

const ENTRIES: usize = 400;

/// What a reader of a collection checks until the writer is done: all entries are of one version,
/// in the metadata that a filter judged, in what is returned, and in the vectors.
fn read_versions(reader: &CollectionReader, done: &AtomicBool) -> usize {
    let mut searcher = Searcher::default();
    let mut searches = 0;
    while !done.load(Ordering::Acquire) || searches == 0 {
        let query = VectorQuery::new(vec![0.0; DIMENSIONS], ENTRIES).with_include_vector(true);
        let even = query.clone().with_filter(field("even").eq(true));
        for query in [query.clone().with_exact(true), query, even.clone().with_exact(true), even] {
            let found = reader.search(&query, &mut searcher).unwrap();
            let version =
                found.first().map(|first| first.metadata.as_ref().unwrap()["version"].clone());
            let filtered = query.filter.is_some();
            assert!(found.len() == ENTRIES || filtered && found.is_empty(), "{}", found.len());
            for found in found {
                let metadata = found.metadata.unwrap();
                assert_eq!(Some(&metadata["version"]), version.as_ref(), "half a batch");
                assert!(!filtered || metadata["even"] == Value::from(true), "another version");
                let vector = found.vector.unwrap().into_iter().map(f64::from);
                let mut values = vector.map(|value| Value::try_from(value).unwrap());
                assert!(values.all(|value| value == metadata["version"]), "another version");
            }
        }
        assert_eq!(reader.count(&Scope::Global, None), Ok(ENTRIES));
        let counted = reader.count(&Scope::Global, Some(&field("even").eq(true))).unwrap();
        assert!([0, ENTRIES].contains(&counted), "half a batch: {counted}");
        searches += 1;
    }
    searches
}

#[test]
fn readers_see_whole_batches_of_entries() {
    let config = HnswConfig::balanced()
        .with_distance_metric(DistanceMetric::Euclidean)
        .with_max_connections(8)
        .with_ef_construction(24)
        .with_promotion_size(300);
    let simd = vicino::simd().unwrap();
    let mut collection = Collection::new(config, DIMENSIONS, simd).unwrap();
    let entries = |version: u32| -> Vec<VectorEntry> {
        let entry = |i: usize| {
            let metadata =
                [("version", version.into()), ("even", version.is_multiple_of(2).into())];
            let metadata = metadata.map(|(key, value): (&str, Value)| (key.to_owned(), value));
            VectorEntry::new(i.to_string(), whole(version.try_into().unwrap()))
                .with_metadata(metadata)
        };
        (0..ENTRIES).map(entry).collect()
    };
    collection.insert(entries(1), 0).unwrap();
    let (done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _done = Done(&done);
        for _ in 0..2 {
            let (reader, done, searches) = (collection.reader(), &done, &searches);
            scope.spawn(move || {
                searches.fetch_add(read_versions(&reader, done), Ordering::Relaxed);
            });
        }
        for version in 2..40 {
            collection.upsert(entries(version), version.into()).unwrap();
            if version % 3 == 0 {
                collection.maintain(20_000, version.into()).unwrap();
            }
        }
    });
    assert!(searches.into_inner() >= 2);
}
