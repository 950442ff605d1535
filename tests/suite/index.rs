//! The index against a scan of everything by the metrics' own formulas.

use rayon::ThreadPoolBuilder;
use vicino::{
    DistanceMetric, Error, Exact, HnswConfig, HnswIndex, Isa, Neighbor, Quantization, Rayon,
    Searcher, Serial, Simd,
};
use vicino_tests::Random;

/// Vectors in clusters of unequal size, as embeddings are: `count` of `dimensions` values.
pub(crate) fn clustered(count: usize, dimensions: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let centres: Vec<f32> = (0..32 * dimensions).map(|_| random.signed()).collect();
    let mut vectors = Vec::with_capacity(count * dimensions);
    for _ in 0..count {
        let cluster = random.below(32).min(random.below(32));
        let centre = &centres[cluster * dimensions..][..dimensions];
        vectors.extend(centre.iter().map(|value| value + 0.6 * random.signed()));
    }
    vectors
}

/// The `k` nearest by a scan, in `f64`.
fn oracle(metric: DistanceMetric, rows: &[f32], query: &[f32], k: usize) -> Vec<Neighbor> {
    let rows = rows.chunks_exact(query.len()).zip(0..);
    let mut all: Vec<Neighbor> = rows
        .map(|(row, slot)| Neighbor { slot, distance: metric.distance(query, row).unwrap() })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.slot.cmp(&b.slot)));
    all.truncate(k);
    all
}

fn built(config: &HnswConfig, dimensions: usize, vectors: &[f32]) -> HnswIndex {
    let mut index = HnswIndex::new(config.clone(), dimensions, vicino::simd().unwrap()).unwrap();
    let slots = index.insert(vectors, &Rayon).unwrap();
    assert!(slots.iter().copied().eq(0..u32::try_from(vectors.len() / dimensions).unwrap()));
    index
}

/// The share of the `k` nearest that searches with `ef` find, ties at the last place included.
fn recall(index: &HnswIndex, config: &HnswConfig, rows: &[f32], queries: &[f32], ef: usize) -> f64 {
    const K: usize = 10;
    let dimensions = queries.len() / QUERIES;
    let mut searcher = Searcher::default();
    let mut hits = 0;
    for query in queries.chunks_exact(dimensions) {
        let exact = oracle(config.distance_metric, rows, query, K);
        let found = index.search(query, K, Some(ef), &mut searcher).unwrap();
        assert_eq!(found.len(), K);
        assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
        let edge = exact[K - 1].distance;
        let near = |n: &&Neighbor| n.distance <= edge + edge.abs() * 1e-5 + 1e-6;
        hits += found.iter().filter(near).count();
    }
    hits as f64 / (QUERIES * K) as f64
}

pub(crate) const QUERIES: usize = 100;

#[test]
fn a_small_index_is_exact_under_every_metric() {
    let all = clustered(720, 24, 1);
    let (rows, queries) = all.split_at(700 * 24);
    for &metric in DistanceMetric::ALL {
        let config = HnswConfig::balanced().with_distance_metric(metric);
        let index = built(&config, 24, rows);
        assert_eq!(index.check().slots, 0, "a scan needs no graph");
        let mut searcher = Searcher::default();
        for query in queries.chunks_exact(24) {
            let exact = oracle(metric, rows, query, 12);
            let found = index.search(query, 12, None, &mut searcher).unwrap();
            for (found, exact) in found.iter().zip(&exact) {
                let error = (found.distance - exact.distance).abs();
                assert!(error <= 1e-5 * (1.0 + exact.distance.abs()), "{metric}: {found:?}");
            }
            assert_eq!(found.len(), exact.len());
        }
    }
}

#[test]
fn a_graph_finds_nearly_all_under_every_metric_and_quantization() {
    let all = clustered(12_000 + QUERIES, 32, 3);
    let (rows, queries) = all.split_at(12_000 * 32);
    for &metric in DistanceMetric::ALL {
        for quantization in [Quantization::Int8, Quantization::None] {
            let config = HnswConfig::balanced()
                .with_distance_metric(metric)
                .with_quantization(quantization)
                .with_ef_construction(100);
            let index = built(&config, 32, rows);
            let recall = recall(&index, &config, rows, queries, 100);
            assert!(recall >= 0.95, "{metric}, {quantization:?}: {recall}");
            let report = index.check();
            assert_eq!((report.slots, report.invalid_links), (12_000, 0));
            assert_eq!(report.unreachable, 0, "{metric}, {quantization:?}");
        }
    }
}

#[test]
fn threads_and_instruction_sets_change_nothing() {
    let rows = clustered(11_000, 16, 4);
    let digest = |simd: Simd, threads: usize| {
        let config = HnswConfig::balanced().with_ef_construction(40);
        let mut index = HnswIndex::new(config, 16, simd).unwrap();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| index.insert(&rows, &Rayon)).unwrap();
        index.check().digest
    };
    let best = Simd::detect();
    let mut serial =
        HnswIndex::new(HnswConfig::balanced().with_ef_construction(40), 16, best).unwrap();
    serial.insert(&rows, &Serial).unwrap();
    let expected = serial.check().digest;
    for threads in [1, 2, 7] {
        assert_eq!(digest(best, threads), expected, "{threads} threads");
    }
    for simd in Isa::ALL.iter().filter_map(|&isa| Simd::new(isa).ok()) {
        assert_eq!(digest(simd, 2), expected, "{}", simd.isa());
    }
}

#[test]
fn what_is_inserted_one_by_one_is_found() {
    let rows = clustered(10_300, 8, 5);
    let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
    let mut index = built(&config, 8, &rows[..10_001 * 8]);
    assert_eq!(index.check().slots, 10_001, "promoted");
    for row in rows[10_001 * 8..].chunks_exact(8) {
        index.insert(row, &Serial).unwrap();
    }
    let mut searcher = Searcher::default();
    for (row, slot) in rows.chunks_exact(8).zip(0..) {
        let found = index.search(row, 1, None, &mut searcher).unwrap();
        assert_eq!(found[0].distance, 0.0, "slot {slot}");
    }
    assert_eq!((index.check().slots, index.check().invalid_links), (10_300, 0));
}

/// All links of equal vectors could lead among themselves, and never out.
#[test]
fn equal_vectors_hide_nobody() {
    let config = HnswConfig::balanced().with_distance_metric(DistanceMetric::Euclidean);
    let originals = clustered(1_200, 8, 6);
    let rows: Vec<f32> = originals.chunks_exact(8).flat_map(|row| row.repeat(10)).collect();
    let index = built(&config, 8, &rows);
    let report = index.check();
    assert_eq!((report.slots, report.unreachable), (12_000, 0));
    let mut searcher = Searcher::default();
    for (row, first) in originals.chunks_exact(8).zip((0..).step_by(10)) {
        let found = index.search(row, 10, Some(400), &mut searcher).unwrap();
        assert_eq!(found.len(), 10);
        assert_eq!((found[0].slot, found[0].distance), (first, 0.0));
    }
}

/// A beam of equals is full of equals: those that are not must still be found behind them.
#[test]
fn ten_thousand_times_the_same_vector() {
    let config = HnswConfig::balanced()
        .with_distance_metric(DistanceMetric::Euclidean)
        .with_promotion_size(1_000)
        .with_ef_construction(60);
    let same = [0.5; 8];
    let others = clustered(1_000, 8, 8);
    let mut rows = same.repeat(10_000);
    rows.extend_from_slice(&others);
    let index = built(&config, 8, &rows);
    assert_eq!((index.check().unreachable, index.check().invalid_links), (0, 0));
    let mut searcher = Searcher::default();
    let found = index.search(&same, 50, Some(60), &mut searcher).unwrap();
    assert!(found.iter().all(|found| found.distance == 0.0));
    assert_eq!(found.len(), 50);
    let all = index.search(&same, 20_000, Some(1), &mut searcher).unwrap();
    assert_eq!(all.len(), 11_000, "never fewer than there are");
    let mut hits = 0;
    for (row, slot) in others.chunks_exact(8).zip(10_000..) {
        let found = index.search(row, 1, Some(100), &mut searcher).unwrap();
        hits += usize::from(found[0].slot == slot);
    }
    assert!(hits >= 990, "{hits} of 1,000 others are found");
}

#[test]
fn what_is_kept_of_vectors_decides_how_well_they_are_ranked() {
    let all = clustered(4_000 + QUERIES, 32, 9);
    let (rows, queries) = all.split_at(4_000 * 32);
    for &metric in DistanceMetric::ALL {
        let mut bytes = Vec::new();
        for (exact, least) in [(Exact::F32, 0.97), (Exact::F16, 0.95), (Exact::None, 0.8)] {
            let config = HnswConfig::balanced()
                .with_distance_metric(metric)
                .with_promotion_size(1_000)
                .with_exact(exact);
            let index = built(&config, 32, rows);
            assert_eq!(index.check().slots, 4_000, "promoted");
            bytes.push(index.memory_bytes());
            let mut searcher = Searcher::default();
            let (mut hits, mut error_max) = (0, 0.0);
            for query in queries.chunks_exact(32) {
                let truth = oracle(metric, rows, query, 10);
                let found = index.search(query, 10, Some(100), &mut searcher).unwrap();
                for found in found {
                    let row = &rows[found.slot as usize * 32..][..32];
                    let distance = metric.distance(query, row).unwrap();
                    error_max =
                        f32::max(error_max, (found.distance - distance).abs() / distance.abs());
                    hits += usize::from(truth.iter().any(|truth| truth.slot == found.slot));
                }
                let scanned = index.scan(query, 10, &mut searcher).unwrap();
                assert_eq!(scanned.len(), 10);
            }
            let recall = hits as f64 / (QUERIES * 10) as f64;
            assert!(recall >= least, "{metric}, {exact:?}: {recall}");
            let error = [(Exact::F32, 1e-4), (Exact::F16, 0.02), (Exact::None, 0.5)];
            let error = error.iter().find(|(kept, _)| *kept == exact).unwrap().1;
            assert!(error_max <= error, "{metric}, {exact:?}: off by {error_max}");
        }
        assert!(bytes[0] > bytes[1] && bytes[1] > bytes[2], "{metric}: {bytes:?}");
    }
}

/// The graph places vectors by the longest that was there when it was made.
#[test]
fn a_vector_longer_than_all_before_is_the_best_product() {
    let rows = clustered(3_000, 16, 12);
    for exact in [Exact::F32, Exact::F16] {
        for quantization in [Quantization::Int8, Quantization::None] {
            if exact == Exact::F16 && quantization == Quantization::None {
                continue;
            }
            let config = HnswConfig::balanced()
                .with_distance_metric(DistanceMetric::InnerProduct)
                .with_quantization(quantization)
                .with_exact(exact)
                .with_promotion_size(1_000);
            let mut index = built(&config, 16, &rows);
            let mut all = rows.clone();
            let mut searcher = Searcher::default();
            // One at a time, then so many that the graph is made anew, twice.
            for (count, scale) in [(1, 3.0), (1, 4.0), (300, 3.0), (300, 6.0)] {
                let first = all.len() / 16;
                let longer: Vec<f32> =
                    rows[..count * 16].iter().map(|value| value * scale).collect();
                index.insert(&longer, &Rayon).unwrap();
                all.extend_from_slice(&longer);
                for query in longer.chunks_exact(16).take(20) {
                    let best = oracle(DistanceMetric::InnerProduct, &all, query, 1)[0];
                    let found = index.search(query, 1, Some(50), &mut searcher).unwrap()[0];
                    assert_eq!(found.slot, best.slot, "{exact:?} {quantization:?} from {first}");
                }
            }
            let report = index.check();
            assert_eq!((report.slots, report.unreachable, report.invalid_links), (3_602, 0, 0));
        }
    }
}

#[test]
fn halves_refuse_what_they_cannot_hold() {
    let config = HnswConfig::balanced()
        .with_distance_metric(DistanceMetric::Euclidean)
        .with_exact(Exact::F16);
    let mut index = HnswIndex::new(config, 2, vicino::simd().unwrap()).unwrap();
    let error = index.insert(&[1.0, 65_504.0, 1.0, -65_505.0], &Serial).unwrap_err();
    assert_eq!(error, Error::ValueTooLarge { position: 1, max: 65_504.0 });
    assert!(index.is_empty());
    index.insert(&[1.0, -65_504.0], &Serial).unwrap();
}

#[test]
fn an_index_measures_itself() {
    let rows = clustered(5_000, 24, 10);
    let config = HnswConfig::balanced().with_promotion_size(1_000).with_ef_construction(60);
    let index = built(&config, 24, &rows);
    let mut searcher = Searcher::default();
    let narrow = index.measure_recall(100, 10, Some(10), &mut searcher);
    let wide = index.measure_recall(100, 10, Some(200), &mut searcher);
    assert!(narrow < wide && wide > 0.99 && wide <= 1.0, "{narrow} and {wide}");
    let ef = index.ef_for(0.99, 10, &mut searcher).unwrap().unwrap();
    assert!(ef > 10 && ef < 200, "{ef}");
    assert!(index.measure_recall(200, 10, Some(ef), &mut searcher) >= 0.99);
    assert_eq!(index.ef_for(1.0, 0, &mut searcher).unwrap(), Some(1), "nothing is easily found");
    for wrong in [0.0, -1.0, 1.01, f64::NAN] {
        assert_eq!(index.ef_for(wrong, 10, &mut searcher).unwrap_err().code(), "invalid_recall");
    }
    let mut index = index;
    let tenth: Vec<u32> = (0..5_000).step_by(10).collect();
    index.delete(&tenth).unwrap();
    let recall = index.measure_recall(500, 10, Some(10), &mut searcher);
    assert!(recall > 0.5 && recall < 1.0, "the sample is of what is there: {recall}");
    let empty = HnswIndex::new(config, 24, vicino::simd().unwrap()).unwrap();
    assert_eq!(empty.measure_recall(100, 10, None, &mut searcher), 1.0);
}

#[test]
fn presets_are_valid_and_named_alike() {
    let presets = [
        HnswConfig::fast(),
        HnswConfig::balanced(),
        HnswConfig::accurate(),
        HnswConfig::production(),
    ];
    for (i, preset) in presets.iter().enumerate() {
        preset.validate().unwrap();
        assert!(presets[..i].iter().all(|other| other != preset), "each is one of its own");
    }
    let json = serde_json::to_string(&HnswConfig::fast().with_exact(Exact::F16)).unwrap();
    assert!(json.contains(r#""exact":"f16""#), "{json}");
    assert_eq!(
        serde_json::from_str::<HnswConfig>(&json).unwrap(),
        HnswConfig::fast().with_exact(Exact::F16)
    );
}

/// What a search costs on a fixed graph, as it was measured once: a change that makes searches
/// compare more is seen here on any machine. Who means it writes the new numbers.
#[test]
fn searches_cost_what_they_did() {
    let all = clustered(12_000 + QUERIES, 32, 3);
    let (rows, queries) = all.split_at(12_000 * 32);
    let config = HnswConfig::balanced().with_ef_construction(100);
    let index = built(&config, 32, rows);
    let mut searcher = Searcher::default();
    let (mut distances, mut hops) = (0, 0);
    for query in queries.chunks_exact(32) {
        index.search(query, 10, Some(100), &mut searcher).unwrap();
        distances += searcher.cost().distances;
        hops += searcher.cost().hops;
    }
    let found = format!("{distances} distances, {hops} hops, {} links", index.check().links);
    let baseline = include_str!("../golden/search.txt");
    assert_eq!(found, baseline.trim_end(), "tests/golden/search.txt");
}

#[test]
fn what_has_no_answer_is_an_error_and_changes_nothing() {
    let simd = vicino::simd().unwrap();
    let config = HnswConfig::balanced();
    for (wrong, field) in [
        (config.clone().with_max_connections(3), "max_connections"),
        (config.clone().with_max_connections(129), "max_connections"),
        (config.clone().with_ef_construction(15), "ef_construction"),
        (config.clone().with_ef_search(0), "ef_search"),
        (config.clone().with_nb_layers(0), "nb_layers"),
        (config.clone().with_promotion_size(0), "promotion_size"),
    ] {
        let error = HnswIndex::new(wrong, 4, simd).unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { field: found, .. } if found == field));
    }
    for dimensions in [0, 65_537, usize::MAX] {
        assert_eq!(
            HnswIndex::new(config.clone(), dimensions, simd).unwrap_err().code(),
            "invalid_config"
        );
    }

    // Its graph has one dimension more.
    let product = config.clone().with_distance_metric(DistanceMetric::InnerProduct);
    assert_eq!(HnswIndex::new(product, 65_536, simd).unwrap_err().code(), "invalid_config");
    assert!(HnswIndex::new(config.clone(), 65_536, simd).is_ok());

    let mut index = HnswIndex::new(config, 2, simd).unwrap();
    let mut searcher = Searcher::default();
    assert_eq!(index.search(&[1.0, 0.0], 5, None, &mut searcher), Ok(&[][..]));
    index.insert(&[1.0, 0.0, 0.0, 1.0], &Serial).unwrap();
    for (wrong, code) in [
        (vec![1.0, 2.0, 3.0], "dimension_mismatch"),
        (vec![1.0, 2.0, f32::NAN, 0.0], "not_finite"),
        (vec![1.0, 2.0, f32::INFINITY, 0.0], "not_finite"),
        (vec![1.0, 2.0, 0.0, -0.0], "zero_norm"),
        (vec![1.0, 2.0, 1e30, 0.0], "norm_too_large"),
    ] {
        assert_eq!(index.insert(&wrong, &Serial).unwrap_err().code(), code);
        let query = &wrong[wrong.len().saturating_sub(2)..];
        if code != "dimension_mismatch" {
            assert_eq!(index.search(query, 1, None, &mut searcher).unwrap_err().code(), code);
        }
        assert_eq!(index.len(), 2);
    }
    assert_eq!(
        index.search(&[1.0], 1, None, &mut searcher).unwrap_err().code(),
        "dimension_mismatch"
    );
    assert_eq!(index.search(&[1.0, 0.0], 0, None, &mut searcher), Ok(&[][..]));
    let found = index.search(&[1.0, 0.0], 100, Some(0), &mut searcher).unwrap();
    assert_eq!(found.iter().map(|n| n.slot).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(index.insert(&[], &Serial), Ok(vec![]));
}
