//! No scope learns anything of another: not from results, counts, statistics, explanations or
//! errors.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use vicino::{
    Collection, EntryKey, Error, Explain, HnswConfig, Page, Scope, ScopeLimits, ScopeStats,
    Searcher, Value, VectorEntry, VectorQuery, VectorResult, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 3;

/// What is done to one scope. Ids are the same in all of them, on purpose.
#[derive(Debug, Clone)]
enum Deed {
    Insert { first: usize, count: usize, ttl: Option<i64> },
    Upsert { first: usize, count: usize },
    Update { id: usize },
    Delete { first: usize, count: usize },
    DeleteWhere { n: i64 },
    DeleteScope,
    Search { k: usize, filtered: bool, exact: bool, like: bool },
    Look { id: usize },
}

/// All that a deed tells.
#[derive(Debug, PartialEq)]
enum Told {
    Keys(Result<Vec<EntryKey>, Error>),
    Done(Result<(), Error>),
    Count(Result<usize, Error>),
    Found(Result<(Vec<VectorResult>, Explain), Error>),
    Seen(Box<Seen>),
}

#[derive(Debug, PartialEq)]
struct Seen {
    entry: Result<Option<VectorEntry>, Error>,
    there: bool,
    page: Result<Page, Error>,
    stats: ScopeStats,
}

fn deed() -> impl Strategy<Value = Deed> {
    let ids = || (0..200_usize, 1..200_usize);
    let ttl = prop_oneof![2 => Just(None), 1 => (1..20_i64).prop_map(Some)];
    prop_oneof![
        4 => (ids(), ttl).prop_map(|((first, count), ttl)| Deed::Insert { first, count, ttl }),
        3 => ids().prop_map(|(first, count)| Deed::Upsert { first, count }),
        1 => (0..200_usize).prop_map(|id| Deed::Update { id }),
        2 => ids().prop_map(|(first, count)| Deed::Delete { first, count }),
        1 => (0..4_i64).prop_map(|n| Deed::DeleteWhere { n }),
        1 => Just(Deed::DeleteScope),
        5 => (0..20_usize, any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(k, filtered, exact, like)| Deed::Search { k, filtered, exact, like }),
        2 => (0..200_usize).prop_map(|id| Deed::Look { id }),
    ]
}

fn collection() -> Collection {
    let config = HnswConfig::balanced()
        .with_max_connections(4)
        .with_ef_construction(12)
        .with_ef_search(12)
        .with_promotion_size(150);
    let limits = ScopeLimits { vectors: Some(380), bytes: Some(1 << 20) };
    let collection = Collection::new(config, DIMENSIONS, vicino::simd().unwrap()).unwrap();
    collection.with_scope_limits(limits)
}

fn run(collection: &mut Collection, scope: &Scope, number: usize, deed: &Deed) -> Told {
    // The same vectors wherever and beside whatever a deed is done.
    let mut random = Random(number as u64);
    let mut entries = |first: usize, count: usize, ttl: Option<i64>| {
        let entries = (first..first + count).map(|id| {
            let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
            let mut entry = VectorEntry::new(format!("id-{id}"), vector).with_scope(scope.clone());
            entry.metadata.insert("n".to_owned(), Value::from((id % 4) as i64));
            entry.ttl_ms = ttl;
            entry
        });
        entries.collect::<Vec<_>>()
    };
    let key = |id: usize| EntryKey::new(scope.clone(), format!("id-{id}"));
    let now = number as i64;
    match *deed {
        Deed::Insert { first, count, ttl } => {
            Told::Keys(collection.insert(entries(first, count, ttl), now))
        }
        Deed::Upsert { first, count } => {
            Told::Keys(collection.upsert(entries(first, count, None), now))
        }
        Deed::Update { id } => {
            let metadata = [("n".to_owned(), Value::from(1))].into();
            Told::Done(collection.update_metadata(&key(id), metadata, now))
        }
        Deed::Delete { first, count } => {
            let keys: Vec<_> = (first..first + count).map(key).collect();
            Told::Count(collection.delete(&keys, now))
        }
        Deed::DeleteWhere { n } => {
            Told::Count(collection.delete_where(scope, &field("n").eq(n), now))
        }
        Deed::DeleteScope => Told::Count(Ok(collection.delete_scope(scope))),
        Deed::Search { k, filtered, exact, like } => {
            let mut query = match like {
                true => VectorQuery::like("id-7", k),
                false => VectorQuery::new(entries(0, 1, None).remove(0).vector, k),
            };
            query = query.with_scope(scope.clone()).with_exact(exact).with_include_vector(true);
            if filtered {
                query = query.with_filter(field("n").lt(3));
            }
            Told::Found(collection.explain(&query, &mut Searcher::default()))
        }
        Deed::Look { id } => {
            let page = collection.list(scope, Some(&field("n").ne(2)), Some("id-1"), 5);
            let (entry, there) = (collection.get(&key(id)), collection.contains(&key(id)).unwrap());
            let stats = collection.stats_for_scope(scope);
            Told::Seen(Box::new(Seen { entry, there, page, stats }))
        }
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 40,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn a_scope_is_the_same_whether_others_exist_or_not(
        deeds in prop::collection::vec((0..4_usize, deed()), 1..60),
    ) {
        let scopes = [
            Scope::Global,
            Scope::Tenant("a".to_owned()),
            Scope::User("a".to_owned()),
            Scope::Custom("tenant:a".to_owned()),
        ];
        let mut together = collection();
        let mut alone: Vec<Collection> = scopes.iter().map(|_| collection()).collect();
        for (number, (which, deed)) in deeds.iter().enumerate() {
            let scope = &scopes[*which];
            let here = run(&mut together, scope, number, deed);
            let there = run(&mut alone[*which], scope, number, deed);
            prop_assert_eq!(here, there, "{:?} in {}", deed, scope);
        }
        // What scopes hold is all that a collection holds.
        let sum: usize = alone.iter().map(|alone| alone.stats().vector_count).sum();
        prop_assert_eq!(together.stats().vector_count, sum);
        let of_scopes = alone.iter().flat_map(|alone| alone.scopes());
        prop_assert_eq!(together.scopes(), of_scopes.collect::<Vec<_>>());
    }
}

/// A handle cannot be talked into another scope, whatever it is given.
#[test]
fn a_handle_names_no_other_scope() {
    let (acme, other) = (Scope::Tenant("acme".to_owned()), Scope::Tenant("acm".to_owned()));
    let mut collection = collection();
    let entry = |scope: &Scope| VectorEntry::new("a", vec![1.0; 3]).with_scope(scope.clone());
    collection.insert(vec![entry(&other), entry(&Scope::Global)], 0).unwrap();
    let foreign = EntryKey::new(other.clone(), "a");

    let mut store = collection.scope(&acme).unwrap();
    let mismatch = Error::ScopeMismatch { expected: acme.clone(), found: other.clone() };
    assert_eq!(store.insert(vec![entry(&other)], 0), Err(mismatch.clone()));
    assert_eq!(store.upsert(vec![entry(&other)], 0), Err(mismatch.clone()));
    assert_eq!(store.delete([&foreign], 0), Err(mismatch.clone()));
    assert_eq!(store.update_metadata(&foreign, Default::default(), 0), Err(mismatch.clone()));
    assert_eq!(store.patch_metadata(&foreign, Default::default(), 0), Err(mismatch.clone()));
    assert_eq!(store.reader().get(&foreign), Err(mismatch.clone()));
    assert_eq!(store.reader().contains(&foreign), Err(mismatch.clone()));
    for scopes in [vec![other.clone()], vec![acme.clone(), other]] {
        let query = VectorQuery::new(vec![1.0; 3], 5).with_scopes(scopes);
        assert_eq!(store.reader().search(&query, &mut Searcher::default()), Err(mismatch.clone()));
    }

    // Ids are of its own scope, and so is what names none.
    assert_eq!(store.delete(["a"], 0), Ok(0));
    assert_eq!(store.reader().get("a"), Ok(None));
    let keys = store.insert(vec![VectorEntry::new("a", vec![2.0; 3])], 0).unwrap();
    assert_eq!(keys[0].scope(), &acme);
    let query = VectorQuery::new(vec![1.0; 3], 5);
    let found = store.reader().search(&query, &mut Searcher::default()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key.scope(), &acme);
    assert_eq!(store.reader().stats().vector_count, 1);
    assert_eq!(store.delete_where(&field("x").exists(false), 0), Ok(1));
    assert_eq!(collection.stats().vector_count, 2);
}

/// A query without a scope is about the global one; several are searched by name and merged.
#[test]
fn several_scopes_are_searched_by_name() {
    let mut collection = collection();
    let scopes: Vec<_> = (0..4).map(|i| Scope::User(i.to_string())).collect();
    for (i, scope) in scopes.iter().enumerate() {
        let at = |x: f32| vec![1.0, x, 0.0];
        let near = VectorEntry::new("near", at(i as f32 / 10.0)).with_scope(scope.clone());
        let far = VectorEntry::new("far", at(1.0 + i as f32)).with_scope(scope.clone());
        collection.insert(vec![near, far], 0).unwrap();
    }
    let mut searcher = Searcher::default();
    let query = VectorQuery::new(vec![1.0, 0.0, 0.0], 3);
    assert_eq!(collection.search(&query, &mut searcher), Ok(vec![]));

    let named = [&scopes[2], &scopes[0], &scopes[2], &Scope::User("nobody".to_owned())];
    let query = query.with_scopes(named.map(Clone::clone));
    let (found, explain) = collection.explain(&query, &mut searcher).unwrap();
    let keys: Vec<_> = found.iter().map(|found| found.key.to_string()).collect();
    assert_eq!(keys, ["user:0 near", "user:2 near", "user:0 far"]);
    let explained: Vec<_> = explain.scopes.iter().map(|scope| scope.scope.to_string()).collect();
    assert_eq!(explained, ["user:2", "user:0", "user:nobody"], "each once");
    let rest = collection.search(&query.with_offset(3), &mut searcher).unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].key, EntryKey::new(scopes[2].clone(), "far"));
}

#[test]
fn a_thousand_scopes_come_and_go() {
    let mut collection = collection();
    let scope = |i: usize| Scope::Session(format!("{i}"));
    for i in 0..2000 {
        let entry = VectorEntry::new("a", vec![1.0, i as f32, 0.0]).with_scope(scope(i));
        collection.insert(vec![entry], 0).unwrap();
    }
    assert_eq!(collection.scopes().len(), 2000);
    for i in (0..2000).step_by(2) {
        assert_eq!(collection.delete_scope(&scope(i)), 1);
    }
    for i in 0..2000 {
        let key = EntryKey::new(scope(i), "a");
        assert_eq!(collection.contains(&key), Ok(i % 2 == 1));
        if i % 4 == 1 {
            assert_eq!(collection.delete(&[key], 1), Ok(1));
        }
    }
    assert_eq!(collection.stats().scope_count, 500);
    assert!(collection.maintain(u64::MAX, 1).unwrap().finished);
    assert_eq!(collection.scopes().len(), 500);
}
