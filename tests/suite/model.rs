//! Any sequence of changes, against a map and a scan of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use vicino::{DistanceMetric, Exact, HnswConfig, HnswIndex, Quantization, Searcher, Serial};
use vicino_tests::Random;

const DIMENSIONS: usize = 6;

/// A step. Numbers are taken modulo what is there.
#[derive(Debug, Clone)]
enum Step {
    Insert { count: usize },
    Delete { first: usize, count: usize },
    Replace { first: usize, count: usize },
    Maintain { budget: u64 },
    Search { k: usize, ef: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..120_usize).prop_map(|count| Step::Insert { count }),
        3 => (any::<usize>(), 1..80_usize).prop_map(|(first, count)| Step::Delete { first, count }),
        2 => (any::<usize>(), 1..40_usize)
            .prop_map(|(first, count)| Step::Replace { first, count }),
        2 => (1..20_000_u64).prop_map(|budget| Step::Maintain { budget }),
        4 => (0..40_usize, 1..40_usize).prop_map(|(k, ef)| Step::Search { k, ef }),
    ]
}

/// An index and what it must be.
struct Twin {
    index: HnswIndex,
    model: BTreeMap<u32, Vec<f32>>,
    metric: DistanceMetric,
    random: Random,
    searcher: Searcher,
}

impl Twin {
    fn vectors(&mut self, count: usize) -> Vec<f32> {
        // Few values, so that there are equal vectors.
        (0..count * DIMENSIONS).map(|_| self.random.below(7) as f32 + 0.5).collect()
    }

    fn some(&self, first: usize, count: usize) -> Vec<u32> {
        let live: Vec<u32> = self.model.keys().copied().collect();
        let count = count.min(live.len());
        (0..count).map(|i| live[(first % live.len() + i) % live.len()]).collect()
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Insert { count } => self.apply(count, &[]),
            Step::Delete { first, count } => self.apply(0, &self.some(first, count)),
            Step::Replace { first, count } => self.apply(count, &self.some(first, count)),
            Step::Maintain { budget } => {
                let before = self.index.len();
                self.index.maintain(budget, &Serial);
                assert_eq!(self.index.len(), before);
            }
            Step::Search { k, ef } => self.search(k, ef),
        }
        assert_eq!(self.index.len(), self.model.len());
    }

    fn apply(&mut self, insert: usize, delete: &[u32]) {
        let vectors = self.vectors(insert);
        let slots = self.index.apply(&vectors, delete, &Serial).unwrap();
        for slot in delete {
            self.model.remove(slot).expect("it was there");
        }
        assert_eq!(slots.len(), insert);
        for (slot, vector) in slots.into_iter().zip(vectors.chunks_exact(DIMENSIONS)) {
            assert_eq!(self.model.insert(slot, vector.to_vec()), None, "slot {slot} was free");
        }
    }

    fn search(&mut self, k: usize, ef: usize) {
        let query = self.vectors(1);
        let distance = |vector: &[f32]| self.metric.distance(&query, vector).unwrap();
        let mut exact: Vec<f32> = self.model.values().map(|vector| distance(vector)).collect();
        exact.sort_by(f32::total_cmp);
        exact.truncate(k);
        let near = |a: f32, b: f32| (a - b).abs() <= 1e-5 * (1.0 + a.abs());

        let found = self.index.scan(&query, k, &mut self.searcher).unwrap();
        assert_eq!(found.len(), exact.len());
        assert!(found.iter().zip(&exact).all(|(found, &exact)| near(found.distance, exact)));

        let found = self.index.search(&query, k, Some(ef), &mut self.searcher).unwrap();
        assert_eq!(found.len(), exact.len(), "never fewer than there are");
        assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
        for found in found {
            let vector = self.model.get(&found.slot).expect("what is found is live");
            assert!(near(found.distance, distance(vector)), "{found:?}");
        }
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 48,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn an_index_is_what_was_put_into_it(
        steps in prop::collection::vec(step(), 1..60),
        metric in prop::sample::select(DistanceMetric::ALL),
        codes in any::<bool>(),
    ) {
        let quantization = if codes { Quantization::Int8 } else { Quantization::None };
        let config = HnswConfig::balanced()
            .with_distance_metric(metric)
            .with_quantization(quantization)
            .with_exact(Exact::F32)
            .with_max_connections(4)
            .with_ef_construction(24)
            .with_promotion_size(60);
        let mut twin = Twin {
            index: HnswIndex::new(config, DIMENSIONS, vicino::simd().unwrap()).unwrap(),
            model: BTreeMap::new(),
            metric,
            random: Random(1),
            searcher: Searcher::default(),
        };
        for step in &steps {
            twin.run(step);
        }
        prop_assert_eq!(twin.index.check().invalid_links, 0);
        let third: Vec<u32> = twin.model.keys().copied().step_by(3).collect();
        twin.apply(0, &third);
        while !twin.index.maintain(10_000, &Serial).finished {}
        let report = twin.index.check();
        prop_assert_eq!((report.invalid_links, report.unreachable), (0, 0));
    }
}
