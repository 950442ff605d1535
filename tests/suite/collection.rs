//! Any sequence of writes to several scopes, against a map; and what a collection refuses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use vicino::{
    Bytes, Collection, EntryKey, Filter, HnswConfig, Object, Open, Scope, Searcher, Short, Value,
    VectorEntry, VectorQuery, Verify, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 4;

/// A step. Scopes and ids are few, so that steps meet.
#[derive(Debug, Clone)]
enum Step {
    Insert { scope: usize, first: usize, count: usize, ttl: Option<i64> },
    Upsert { scope: usize, first: usize, count: usize, ttl: Option<i64> },
    Update { scope: usize, id: usize },
    Patch { scope: usize, id: usize },
    Delete { scope: usize, first: usize, count: usize },
    DeleteWhere { scope: usize, filter: usize },
    DeleteScope { scope: usize },
    Maintain { budget: u64 },
    Wait { ms: i64 },
    Search { scope: usize, k: usize, filter: usize },
    List { scope: usize, filter: usize, limit: usize },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = || prop_oneof![3 => Just(None), 1 => (1..50_i64).prop_map(Some)];
    let first = || prop_oneof![Just(0_usize), 0..400_usize];
    let some = || (0..3_usize, first(), 1..250_usize, ttl());
    prop_oneof![
        4 => some()
            .prop_map(|(scope, first, count, ttl)| Step::Insert { scope, first, count, ttl }),
        3 => some()
            .prop_map(|(scope, first, count, ttl)| Step::Upsert { scope, first, count, ttl }),
        2 => (0..3_usize, 0..600_usize).prop_map(|(scope, id)| Step::Update { scope, id }),
        2 => (0..3_usize, 0..600_usize).prop_map(|(scope, id)| Step::Patch { scope, id }),
        3 => (0..3_usize, 0..600_usize, 1..120_usize)
            .prop_map(|(scope, first, count)| Step::Delete { scope, first, count }),
        1 => (0..3_usize, 0..9_usize)
            .prop_map(|(scope, filter)| Step::DeleteWhere { scope, filter }),
        1 => (0..3_usize).prop_map(|scope| Step::DeleteScope { scope }),
        2 => (1..20_000_u64).prop_map(|budget| Step::Maintain { budget }),
        2 => (1..20_i64).prop_map(|ms| Step::Wait { ms }),
        5 => (0..3_usize, 0..30_usize, 0..9_usize)
            .prop_map(|(scope, k, filter)| Step::Search { scope, k, filter }),
        2 => (0..3_usize, 0..9_usize, 1..50_usize)
            .prop_map(|(scope, filter, limit)| Step::List { scope, filter, limit }),
        1 => Just(Step::Reopen),
    ]
}

pub(super) fn scope(number: usize) -> Scope {
    [Scope::Global, Scope::Tenant("a".to_owned()), Scope::User("a".to_owned())][number].clone()
}

fn filter(number: usize) -> Filter {
    match number {
        0 => Filter::all(),
        1 => field("color").eq("red"),
        2 => field("n").gte(5) & !field("tags").contains("x"),
        3 => field("n").lt(2) | field("nested.deep").exists(true),
        4 => field("long").starts_with("yy"),
        5 => Filter::HasId(vec!["id-1".to_owned(), "id-7".to_owned(), "none".to_owned()]),
        6 => field("color").is_in(["green", "blue"]) & field("n").lte(2),
        7 => field("n").eq(3),
        _ => field("nowhere").exists(true),
    }
}

fn metadata(random: &mut Random) -> Object {
    let colors = ["red", "green", "blue"];
    let mut metadata = Object::new();
    metadata.insert("n".to_owned(), (random.below(8) as i64).into());
    metadata.insert("color".to_owned(), colors[random.below(3)].into());
    if random.below(3) == 0 {
        metadata.insert("tags".to_owned(), vec!["x", "y"].into());
    }
    if random.below(8) == 0 {
        let long = ["x", "y"][random.below(2)].repeat(300);
        metadata.insert("long".to_owned(), long.into());
    }
    if random.below(4) == 0 {
        let nested = Object::from([("deep".to_owned(), Value::from(1))]);
        metadata.insert("nested".to_owned(), nested.into());
    }
    metadata
}

fn written(collection: &Collection) -> Vec<u8> {
    let mut bytes = Vec::new();
    collection.snapshot().unwrap().write(&mut bytes).unwrap();
    bytes
}

/// A collection and what it must be.
struct Twin {
    collection: Collection,
    model: BTreeMap<(Scope, String), VectorEntry>,
    now: i64,
    random: Random,
    searcher: Searcher,
}

impl Twin {
    fn new() -> Self {
        let config = HnswConfig::balanced()
            .with_distance_metric(vicino::DistanceMetric::Euclidean)
            .with_max_connections(4)
            .with_ef_construction(16)
            .with_promotion_size(300);
        let simd = vicino::simd().unwrap();
        Self {
            collection: Collection::new(config, DIMENSIONS, simd).unwrap(),
            model: BTreeMap::new(),
            now: 0,
            random: Random(3),
            searcher: Searcher::default(),
        }
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSIONS).map(|_| self.random.below(50) as f32).collect()
    }

    fn entries(
        &mut self,
        at: usize,
        first: usize,
        count: usize,
        ttl: Option<i64>,
    ) -> Vec<VectorEntry> {
        let ids = first..first + count;
        let entries = ids.map(|id| {
            let mut entry =
                VectorEntry::new(format!("id-{id}"), self.vector()).with_scope(scope(at));
            entry.metadata = metadata(&mut self.random);
            entry.ttl_ms = ttl;
            entry
        });
        entries.collect()
    }

    /// What is in a scope, of the model.
    fn live(&self, at: usize) -> impl Iterator<Item = &VectorEntry> {
        let now = self.now;
        let all = self.model.iter().filter(move |((of, _), _)| *of == scope(at));
        all.map(|(_, entry)| entry).filter(move |entry| entry.expires_at.is_none_or(|at| now < at))
    }

    fn has(&self, at: usize, id: &str) -> bool {
        self.live(at).any(|entry| entry.id == id)
    }

    fn put(&mut self, entries: Vec<VectorEntry>) {
        for mut entry in entries {
            entry.expires_at = entry.ttl_ms.take().map(|ttl| self.now + ttl);
            self.model.insert((entry.scope.clone(), entry.id.clone()), entry);
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Insert { scope: at, first, count, ttl } => {
                let entries = self.entries(at, first, count, ttl);
                let taken = entries.iter().any(|entry| self.has(at, &entry.id));
                let done = self.collection.insert(entries.clone(), self.now);
                match taken {
                    true => assert_eq!(done.unwrap_err().code(), "duplicate_id"),
                    false => {
                        let keys: Vec<_> = entries.iter().map(VectorEntry::key).collect();
                        assert_eq!(done.unwrap(), keys);
                        self.put(entries);
                    }
                }
            }
            Step::Upsert { scope: at, first, count, ttl } => {
                let entries = self.entries(at, first, count, ttl);
                self.collection.upsert(entries.clone(), self.now).unwrap();
                self.put(entries);
            }
            Step::Update { scope: at, id } | Step::Patch { scope: at, id } => {
                let id = format!("id-{id}");
                let key = EntryKey::new(scope(at), &*id);
                let there = self.has(at, &id);
                let mut change = metadata(&mut self.random);
                let done = if matches!(step, Step::Update { .. }) {
                    self.collection.update_metadata(&key, change.clone(), self.now)
                } else {
                    change.insert("color".to_owned(), Value::Null);
                    self.collection.patch_metadata(&key, change.clone(), self.now)
                };
                if !there {
                    assert_eq!(done.unwrap_err().code(), "unknown_id");
                    return;
                }
                done.unwrap();
                let known = self.model.get_mut(&(scope(at), id)).unwrap();
                if matches!(step, Step::Patch { .. }) {
                    let mut merged = known.metadata.clone();
                    merged.extend(change);
                    merged.remove("color");
                    change = merged;
                }
                known.metadata = change;
            }
            Step::Delete { scope: at, first, count } => {
                let ids = (first..first + count).map(|id| format!("id-{id}"));
                let keys: Vec<_> = ids.map(|id| EntryKey::new(scope(at), id)).collect();
                let there = keys.iter().filter(|key| self.has(at, key.id())).count();
                assert_eq!(self.collection.delete(&keys, self.now), Ok(there));
                for key in keys.into_iter().filter(|key| self.has(at, key.id())).collect::<Vec<_>>()
                {
                    self.model.remove(&(scope(at), key.id().to_owned()));
                }
            }
            Step::DeleteWhere { scope: at, filter: which } => {
                let filter = filter(which);
                let gone = self.live(at).filter(|e| filter.matches(&e.id, &e.metadata));
                let gone: Vec<_> = gone.map(|entry| entry.id.clone()).collect();
                let done = self.collection.delete_where(&scope(at), &filter, self.now);
                assert_eq!(done, Ok(gone.len()));
                gone.into_iter().for_each(|id| drop(self.model.remove(&(scope(at), id))));
            }
            Step::DeleteScope { scope: at } => {
                self.collection.delete_scope(&scope(at));
                self.model.retain(|(of, _), _| *of != scope(at));
            }
            Step::Maintain { budget } => {
                self.collection.maintain(budget, self.now).unwrap();
            }
            Step::Wait { ms } => self.now += ms,
            Step::Search { scope: at, k, filter: which } => self.search(at, k, which),
            Step::List { scope: at, filter: which, limit } => self.list(at, which, limit),
            Step::Reopen => self.reopen(),
        }
    }

    /// Goes on with a snapshot of the collection, which has the same snapshot.
    fn reopen(&mut self) {
        let bytes = written(&self.collection);
        let simd = vicino::simd().unwrap();
        let open =
            Open::default().with_verify(Verify::Full).with_preload(bytes.len().is_multiple_of(256));
        let again = Collection::open(Bytes::copy_of(&bytes).unwrap(), simd, &open).unwrap();
        assert!(written(&again) == bytes, "what was opened is written as it was");
        self.collection = again;
    }

    fn search(&mut self, at: usize, k: usize, which: usize) {
        let (vector, filter) = (self.vector(), filter(which));
        let metric = self.collection.config().distance_metric;
        let matching = self.live(at).filter(|e| filter.matches(&e.id, &e.metadata));
        let mut truth: Vec<f32> =
            matching.map(|e| metric.distance(&vector, &e.vector).unwrap()).collect();
        truth.sort_by(f32::total_cmp);
        let count = self.collection.at(self.now).count(&scope(at), Some(&filter));
        assert_eq!(count, Ok(truth.len()));

        let query = VectorQuery::new(vector.clone(), k)
            .with_scope(scope(at))
            .with_filter(filter.clone())
            .with_now(self.now)
            .with_include_vector(true);
        for exact in [true, false] {
            let query = query.clone().with_exact(exact);
            let (found, explain) = self.collection.explain(&query, &mut self.searcher).unwrap();
            assert_eq!(found.len(), k.min(truth.len()), "never fewer than match");
            assert_eq!(explain.short, (truth.len() < k).then_some(Short::Matches));
            assert!(found.is_sorted_by(|a, b| a.distance <= b.distance && a.score >= b.score));
            for (found, &truth) in found.iter().zip(&truth) {
                let known = &self.model[&(scope(at), found.key.id().to_owned())];
                assert!(filter.matches(found.key.id(), &known.metadata));
                assert_eq!(found.metadata.as_ref(), Some(&known.metadata));
                assert_eq!(found.vector.as_ref(), Some(&known.vector));
                assert!(!exact || found.distance == truth);
            }
        }
    }

    fn list(&mut self, at: usize, which: usize, limit: usize) {
        let (filter, reader) = (filter(which), self.collection.at(self.now));
        let expected = self.live(at).filter(|e| filter.matches(&e.id, &e.metadata));
        let expected: Vec<_> = expected.map(|entry| entry.id.clone()).collect();
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = reader.list(&scope(at), Some(&filter), after.as_deref(), limit).unwrap();
            assert!(page.entries.len() == limit || page.next.is_none());
            listed.extend(page.entries.into_iter().map(|entry| entry.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected);
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 48,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn a_collection_is_what_was_put_into_it(steps in prop::collection::vec(step(), 1..80)) {
        let mut twin = Twin::new();
        for step in &steps {
            twin.run(step);
            for at in 0..3 {
                let stats = twin.collection.at(twin.now).stats_for_scope(&scope(at));
                prop_assert_eq!(stats.vector_count, twin.live(at).count());
            }
        }
        let known: Vec<_> = twin.model.values().cloned().collect();
        for entry in known {
            let at = (0..3).find(|&at| scope(at) == entry.scope).unwrap();
            let there = twin.has(at, &entry.id);
            let found = twin.collection.at(twin.now).get(&entry.key()).unwrap();
            prop_assert_eq!(found.is_some(), there);
            if let Some(found) = found {
                prop_assert_eq!(found.vector, entry.vector);
                prop_assert_eq!(found.metadata, entry.metadata);
                prop_assert_eq!(found.expires_at, entry.expires_at);
            }
        }
    }
}
