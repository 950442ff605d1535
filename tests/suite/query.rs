//! What can be asked of a search, and what a collection refuses.

use vicino::{
    Collection, DistanceMetric, EntryKey, Error, Exact, HnswConfig, Mmr, Object, Plan, RecallProbe,
    Scope, ScopeLimits, Searcher, Serial, Short, TimeRange, Value, VectorEntry, VectorQuery, Way,
    field,
};
use vicino_tests::Random;

fn collection(metric: DistanceMetric, dimensions: usize) -> Collection {
    let config = HnswConfig::balanced()
        .with_distance_metric(metric)
        .with_ef_construction(40)
        .with_promotion_size(400);
    Collection::new(config, dimensions, vicino::simd().unwrap()).unwrap()
}

/// Entries on a line: the id is the place.
fn line(count: usize) -> Vec<VectorEntry> {
    let at = |i: usize| VectorEntry::new(i.to_string(), vec![i as f32, 0.0]);
    (0..count).map(|i| at(i).with_metadata([("i".to_owned(), i as i64)])).collect()
}

fn ids(collection: &Collection, query: &VectorQuery) -> Vec<String> {
    let found = collection.search(query, &mut Searcher::default()).unwrap();
    found.iter().map(|found| found.key.id().to_owned()).collect()
}

#[test]
fn pages_and_thresholds_cut_the_same_list() {
    let mut collection = collection(DistanceMetric::Euclidean, 2);
    collection.insert(line(1000), 0).unwrap();
    let query = |k| VectorQuery::new(vec![-1.0, 0.0], k);
    let all = ids(&collection, &query(30));
    assert_eq!(all, (0..30).map(|i| i.to_string()).collect::<Vec<_>>());
    for offset in [0, 7, 29] {
        assert_eq!(
            ids(&collection, &query(5).with_offset(offset)),
            ids(&collection, &query(offset + 5))[offset..]
        );
    }
    assert!(ids(&collection, &query(5).with_offset(1000)).is_empty());

    // A score of 1 / (1 + distance): that of the third is 0.25.
    let query = query(10).with_threshold(0.25);
    let (found, explain) = collection.explain(&query, &mut Searcher::default()).unwrap();
    assert_eq!(found.iter().map(|found| found.score).collect::<Vec<_>>(), [0.5, 1.0 / 3.0, 0.25]);
    assert_eq!(explain.short, Some(Short::Threshold));
    assert_eq!(ids(&collection, &query.with_k(0)), Vec::<String>::new());
}

#[test]
fn what_is_asked_for_is_returned_and_nothing_else() {
    for metric in DistanceMetric::ALL {
        let mut collection = collection(*metric, 2);
        let entry = VectorEntry::new("a", vec![3.0, 4.0])
            .with_metadata([("x".to_owned(), 1)])
            .with_content("text");
        collection.insert(vec![entry], 0).unwrap();
        let query = VectorQuery::new(vec![3.0, 4.0], 1);
        let found = collection.search(&query, &mut Searcher::default()).unwrap().remove(0);
        assert_eq!(found.metadata.unwrap()["x"], Value::from(1));
        assert_eq!((found.content.as_deref(), found.vector), (Some("text"), None));
        assert_eq!(found.score, metric.score(found.distance));
        let query = query
            .with_include_metadata(false)
            .with_include_content(false)
            .with_include_vector(true);
        let found = collection.search(&query, &mut Searcher::default()).unwrap().remove(0);
        assert_eq!((found.metadata, found.content), (None, None));
        assert_eq!(found.vector, Some(vec![3.0, 4.0]), "as it was given under {metric}");
    }
}

#[test]
fn more_like_this_is_without_itself() {
    for exact in [Exact::F32, Exact::None] {
        let config = collection(DistanceMetric::Euclidean, 2).config().clone().with_exact(exact);
        let mut collection = Collection::new(config, 2, vicino::simd().unwrap()).unwrap();
        collection.insert(line(500), 0).unwrap();
        let query = VectorQuery::like("100", 4).with_filter(field("i").gte(100));
        assert_eq!(ids(&collection, &query), ["101", "102", "103", "104"]);
        let all = VectorQuery::like("100", 500).with_exact(true);
        assert_eq!(ids(&collection, &all).len(), 499);
    }
    let collection = collection(DistanceMetric::Euclidean, 2);
    let error = collection.search(&VectorQuery::like("100", 4), &mut Searcher::default());
    let scope = Scope::Global;
    assert_eq!(error, Err(Error::UnknownId { scope, id: "100".to_owned() }));
}

#[test]
fn results_that_differ_are_chosen_when_asked_for() {
    let mut collection = collection(DistanceMetric::Cosine, 2);
    let at = |id: &str, degrees: f32| {
        let radians = degrees.to_radians();
        VectorEntry::new(id, vec![radians.cos(), radians.sin()])
    };
    // Three that say the same, and two that say something else.
    let entries = [("a", 1.0), ("b", 1.5), ("c", 2.0), ("d", -40.0), ("e", 60.0)];
    collection.insert(entries.map(|(id, degrees)| at(id, degrees)).to_vec(), 0).unwrap();
    let query = VectorQuery::new(vec![1.0, 0.0], 3);
    assert_eq!(ids(&collection, &query), ["a", "b", "c"]);
    let differing = |lambda| query.clone().with_mmr(Mmr { lambda, fetch_k: 5 });
    assert_eq!(ids(&collection, &differing(1.0)), ["a", "b", "c"]);
    assert_eq!(ids(&collection, &differing(0.4)), ["a", "e", "d"]);
    let rest = differing(0.4).with_offset(2);
    assert_eq!(ids(&collection, &rest), ["d", "b", "c"]);
}

/// Expired entries do not exist, whatever asks; and their ids are free.
#[test]
fn what_has_expired_is_not_there() {
    let mut collection = collection(DistanceMetric::Euclidean, 2);
    let entry = |id: &str| VectorEntry::new(id, vec![1.0, 1.0]);
    let entries = vec![
        entry("short").with_ttl_ms(10).with_event_time(5),
        entry("long").with_expires_at(1000).with_event_time(50),
        entry("ever"),
    ];
    let keys = collection.insert(entries, 100).unwrap();
    let query = VectorQuery::new(vec![1.0, 1.0], 10);
    assert_eq!(ids(&collection, &query).len(), 3);
    let later = query.clone().with_now(110);
    assert_eq!(ids(&collection, &later), ["long", "ever"]);
    assert_eq!(ids(&collection, &later.clone().with_exclude_expired(false)).len(), 3);
    let range = |from, to| TimeRange { from: Some(from), to: Some(to) };
    assert_eq!(ids(&collection, &query.clone().with_event_time_range(range(5, 50))), ["short"]);
    assert_eq!(ids(&collection, &query.clone().with_event_time_range(range(50, 51))), ["long"]);
    assert_eq!(ids(&collection, &query.clone().with_ingestion_time_range(range(0, 100))).len(), 0);
    assert_eq!(
        ids(&collection, &query.clone().with_ingestion_time_range(range(100, 101))).len(),
        3
    );

    let at = collection.at(110);
    assert_eq!((at.get(&keys[0]), at.contains(&keys[0])), (Ok(None), Ok(false)));
    assert_eq!(at.count(&Scope::Global, None), Ok(2));
    assert_eq!(at.list(&Scope::Global, None, None, 9).unwrap().entries.len(), 2);
    assert_eq!(at.stats_for_scope(&Scope::Global).vector_count, 2);
    assert_eq!(collection.count(&Scope::Global, None), Ok(3), "nobody told this hand the time");
    let gone = collection.update_metadata(&keys[0], Object::new(), 110).unwrap_err();
    assert_eq!(gone.code(), "unknown_id");
    assert_eq!(collection.delete(&keys[..1], 110), Ok(0));

    // The id is free; time does not go back.
    collection.insert(vec![entry("short")], 110).unwrap();
    assert_eq!(collection.get(&keys[0]).unwrap().unwrap().created_at, Some(110));
    assert_eq!(ids(&collection, &query.clone().with_now(0)).len(), 3);
    let done = collection.maintain(1000, 5000).unwrap();
    assert_eq!((done.purged, done.finished), (1, true));
    assert_eq!(ids(&collection, &query.with_exclude_expired(false)), ["ever", "short"]);
}

#[test]
fn a_batch_is_there_whole_or_not_at_all() {
    let mut collection = collection(DistanceMetric::Cosine, 2);
    let good = |id: &str| VectorEntry::new(id, vec![1.0, 1.0]);
    collection.insert(vec![good("there")], 0).unwrap();
    let user = Scope::User("ada".to_owned());
    let bad = [
        (VectorEntry::new("x", vec![1.0]), "dimension_mismatch"),
        (VectorEntry::new("x", vec![f32::NAN, 1.0]), "not_finite"),
        (VectorEntry::new("x", vec![f32::INFINITY, 1.0]), "not_finite"),
        (VectorEntry::new("x", vec![f32::MAX, 1.0]), "norm_too_large"),
        (VectorEntry::new("x", vec![0.0, 0.0]), "zero_norm"),
        (VectorEntry::new("", vec![1.0, 1.0]), "invalid_name"),
        (good("x").with_scope(Scope::User(String::new())), "invalid_name"),
        (good("there"), "duplicate_id"),
        (good("first"), "duplicate_id"),
        (good("x").with_metadata([("a".to_owned(), "x".repeat(2 << 20))]), "too_large"),
    ];
    for (bad, code) in bad {
        let batch = vec![good("first"), good("second").with_scope(user.clone()), bad];
        let error = collection.insert(batch, 1).unwrap_err();
        assert_eq!(error.code(), code);
        let Error::InBatch { position: 2, .. } = error else { panic!("{error} says where") };
        assert_eq!(collection.stats().vector_count, 1);
        assert_eq!(collection.scopes(), [Scope::Global]);
    }
    let time = collection.insert(vec![good("x")], i64::MAX).unwrap_err();
    assert_eq!(time.code(), "invalid_time");
    // Of an upsert the last of several with one key stays.
    let twice = vec![good("first"), VectorEntry::new("first", vec![0.0, 2.0])];
    assert_eq!(collection.upsert(twice, 1).unwrap().len(), 2);
    assert_eq!(collection.get(&"first".into()).unwrap().unwrap().vector, [0.0, 2.0]);
    assert_eq!(collection.count(&Scope::Global, None), Ok(2));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut collection = collection(DistanceMetric::Cosine, 2);
    let query = || VectorQuery::new(vec![1.0, 1.0], 5);
    let cases = [
        (VectorQuery::new(vec![1.0], 5), "dimension_mismatch"),
        (VectorQuery::new(vec![0.0, 0.0], 5), "zero_norm"),
        (VectorQuery::new(vec![f32::NAN, 0.0], 5), "not_finite"),
        (query().with_k(usize::MAX), "invalid_query"),
        (query().with_offset(usize::MAX), "invalid_query"),
        (query().with_ef(0), "invalid_query"),
        (query().with_ef(1 << 20), "invalid_query"),
        (query().with_threshold(f32::NAN), "invalid_query"),
        (query().with_scopes([]), "invalid_query"),
        (query().with_scope(Scope::Tool(String::new())), "invalid_name"),
        (query().with_recall(0.0), "invalid_recall"),
        (query().with_recall(f64::NAN), "invalid_recall"),
        (query().with_now(i64::MIN), "invalid_time"),
        (query().with_mmr(Mmr { lambda: 2.0, fetch_k: 10 }), "invalid_query"),
        (query().with_mmr(Mmr { lambda: 0.5, fetch_k: 4 }), "invalid_query"),
        (query().with_mmr(Mmr { lambda: 0.5, fetch_k: 1 << 20 }), "invalid_query"),
        (query().with_filter(field("a").is_in([0; 0])), "invalid_filter"),
        (VectorQuery::like("", 5), "invalid_name"),
        (VectorQuery::like("x", 5), "unknown_id"),
    ];
    // In a scope that holds nothing as in one that does.
    for _ in 0..2 {
        for (query, code) in &cases {
            let error = collection.search(query, &mut Searcher::default()).unwrap_err();
            assert_eq!(error.code(), *code, "{query:?}");
        }
        let queries = [query(), cases[1].0.clone()];
        let error = collection.search_many(&queries, &Serial).unwrap_err();
        assert!(matches!(error, Error::InBatch { position: 1, .. }));
        collection.upsert(vec![VectorEntry::new("a", vec![1.0, 2.0])], 0).unwrap();
    }
    let many = collection.search_many(&[query(), query()], &Serial).unwrap();
    assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn metadata_is_replaced_or_merged() {
    let mut collection = collection(DistanceMetric::Cosine, 1);
    let object = |json: &str| serde_json::from_str::<Object>(json).unwrap();
    let mut entry = VectorEntry::new("a", vec![1.0]);
    entry.metadata = object(r#"{"a": {"b": 1, "c": [1, 2]}, "d": 1}"#);
    let key = collection.insert(vec![entry], 1).unwrap().remove(0);
    collection
        .patch_metadata(&key, object(r#"{"a": {"b": null, "e": {"f": null}}, "d": [3]}"#), 2)
        .unwrap();
    let found = collection.get(&key).unwrap().unwrap();
    assert_eq!(found.metadata, object(r#"{"a": {"c": [1, 2], "e": {}}, "d": [3]}"#));
    assert_eq!((found.created_at, found.updated_at), (Some(1), Some(2)));
    collection.update_metadata(&key, object("{}"), 3).unwrap();
    assert_eq!(collection.get(&key).unwrap().unwrap().metadata, Object::new());
    let large = [("a".to_owned(), Value::from("x".repeat(2 << 20)))].into();
    assert_eq!(collection.patch_metadata(&key, large, 4).unwrap_err().code(), "too_large");
    assert_eq!(collection.get(&key).unwrap().unwrap().updated_at, Some(3));
    let nobody = EntryKey::from("nobody");
    assert_eq!(
        collection.patch_metadata(&nobody, object("{}"), 4).unwrap_err().code(),
        "unknown_id"
    );
}

#[test]
fn limits_are_held_before_anything_is_written() {
    let mut random = Random(1);
    let mut entries = |from: usize, count: usize| -> Vec<VectorEntry> {
        let vector = |random: &mut Random| (0..32).map(|_| random.signed()).collect();
        let entry = |i: usize| {
            let metadata = [("name".to_owned(), format!("name {i}"))];
            VectorEntry::new(format!("entry {i}"), vector(&mut random)).with_metadata(metadata)
        };
        (from..from + count).map(entry).collect()
    };
    let limit = 1 << 20;
    let mut collection = collection(DistanceMetric::Cosine, 32).with_memory_limit(limit);
    let mut there = 0;
    let error = loop {
        let before = collection.stats();
        match collection.insert(entries(there, 100), 0) {
            Ok(keys) => there += keys.len(),
            Err(error) => {
                assert_eq!(collection.stats(), before);
                break error;
            }
        }
        assert!(collection.stats().memory.total() <= limit);
    };
    let Error::MemoryLimit { max, needed } = error else { panic!("{error}") };
    assert!(max == limit && needed > limit);
    assert!(there >= 700, "only {there} entries in a megabyte");
    assert_eq!(collection.delete_scope(&Scope::Global), there);
    collection.insert(entries(0, 100), 0).unwrap();

    // A prediction is what is taken, or somewhat more.
    let config = collection.config().clone();
    for count in [100, 1000] {
        let mut collection = Collection::new(config.clone(), 32, vicino::simd().unwrap()).unwrap();
        collection.insert(entries(0, count), 0).unwrap();
        let (taken, said) =
            (collection.stats().memory.total(), Collection::predict_memory(&config, 32, count, 40));
        assert!(taken <= said && said < 2 * taken, "{said} bytes were said for {taken}");
    }

    let scope = Scope::Tenant("small".to_owned());
    let limits = ScopeLimits { vectors: Some(150), bytes: None };
    collection.set_scope_limits(scope.clone(), limits);
    let of_scope = |entries: Vec<VectorEntry>| -> Vec<VectorEntry> {
        entries.into_iter().map(|entry| entry.with_scope(scope.clone())).collect()
    };
    collection.insert(of_scope(entries(0, 100)), 0).unwrap();
    let error = collection.insert(of_scope(entries(100, 51)), 0).unwrap_err();
    assert_eq!(
        (error.code(), collection.stats_for_scope(&scope).vector_count),
        ("scope_limit", 100)
    );
    collection.upsert(of_scope(entries(50, 100)), 0).unwrap();
    assert_eq!(collection.stats_for_scope(&scope).vector_count, 150);
}

#[test]
fn a_search_aims_at_a_recall_once_it_was_measured() {
    let mut random = Random(9);
    let mut collection = collection(DistanceMetric::Euclidean, 8);
    let vector = |random: &mut Random| (0..8).map(|_| random.signed()).collect::<Vec<_>>();
    let entries = (0..3000).map(|i| {
        VectorEntry::new(i.to_string(), vector(&mut random))
            .with_metadata([("i".to_owned(), i % 10)])
    });
    collection.insert(entries.collect(), 0).unwrap();
    let query = VectorQuery::new(vec![0.1; 8], 10).with_recall(0.99);
    let error = collection.search(&query, &mut Searcher::default()).unwrap_err();
    assert_eq!(error.code(), "not_tuned");
    let ef = collection.tune(&Scope::Global, 0.99, 10).unwrap().unwrap();
    let (_, explain) = collection.explain(&query, &mut Searcher::default()).unwrap();
    let walk = Plan { began: Way::Walk, ended: Way::Walk };
    let explained = &explain.scopes[0];
    assert_eq!((explained.ef, explained.plan), (Some(ef), Some(walk)));
    assert_eq!((explained.entries, explained.matches), (3000, 3000));
    let cost = explained.cost;
    assert!(cost.hops > 0 && (10..=30).contains(&cost.rescored) && cost.distances > cost.rescored);
    assert_eq!(collection.tune(&Scope::Global, 2.0, 10).unwrap_err().code(), "invalid_recall");

    let probe = RecallProbe { ef: Some(ef), ..RecallProbe::default() };
    let mut searcher = Searcher::default();
    assert!(collection.measure_recall(&probe, &mut searcher).unwrap() >= 0.98);
    for filter in [field("i").eq(3), field("i").gte(4)] {
        let probe = RecallProbe { filter: Some(filter), sample: 50, ..RecallProbe::default() };
        assert!(collection.measure_recall(&probe, &mut searcher).unwrap() >= 0.95);
    }
}
